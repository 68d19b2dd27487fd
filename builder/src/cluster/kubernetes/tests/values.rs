//! Values for a chart, and the labels that they come from.

use snapbox::str;

use super::*;

#[test]
fn values_are_for_a_chart() {
    let subject = subject(&DECLARED);
    check(
        helm_values(&subject, Some("42"), ALL, &storage()),
        str![[r#"
image:
  architecture: ""
  certConfigMap: fedora-ca
  digest: sha256:[HEX]
  importSecret: fedora-import
  pullMethod: pod
  pullSecret: fedora-pull
  reference: quay.io/me/fedora@sha256:[HEX]
  repository: quay.io/me/fedora
  tag: "42"
  url: docker://quay.io/me/fedora@sha256:[HEX]
instancetype: u1.medium
preference: fedora
storage:
  className: ""
  size: 5Gi

"#]],
    );
    check(
        helm_values(&subject, None, ImageAccess::default(), &storage()),
        str![[r#"
image:
  architecture: ""
  certConfigMap: ""
  digest: sha256:[HEX]
  importSecret: ""
  pullMethod: pod
  pullSecret: ""
  reference: quay.io/me/fedora@sha256:[HEX]
  repository: quay.io/me/fedora
  tag: ""
  url: docker://quay.io/me/fedora@sha256:[HEX]
instancetype: u1.medium
preference: fedora
storage:
  className: ""
  size: 5Gi

"#]],
    );
}

#[test]
fn only_good_labels_are_taken() {
    let env = [
        "PATH=/bin",
        "KUBEVIRT_IO_A=b",
        "KUBEVIRT_IO_=b",
        "KUBEVIRT_IO_C=not a value",
        "KUBEVIRT_IO_D",
    ];
    assert_eq!(labels_from_env(env), BTreeMap::from([("kubevirt.io/a".into(), "b".into())]));
}
