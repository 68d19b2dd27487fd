//! Volumes that CDI imports an image into.
#![expect(clippy::too_many_lines, reason = "each test is a table of whole objects")]

use snapbox::str;

use super::*;

#[test]
fn volumes_are_imported() {
    let subject = subject(&DECLARED);
    check(
        data_volume(HERE, &subject, ImageAccess::default(), &storage()),
        str![[r#"
apiVersion: cdi.kubevirt.io/v1beta1
kind: DataVolume
metadata:
  annotations:
    cdi.kubevirt.io/storage.bind.immediate.requested: "true"
  labels:
    instancetype.kubevirt.io/default-instancetype: u1.medium
    instancetype.kubevirt.io/default-preference: fedora
  name: fedora
spec:
  source:
    registry:
      url: docker://quay.io/me/fedora@sha256:[HEX]
  storage:
    resources:
      requests:
        storage: 5Gi

"#]],
    );
    check(
        data_volume(THERE, &subject, ALL, &storage()),
        str![[r#"
apiVersion: cdi.kubevirt.io/v1beta1
kind: DataVolume
metadata:
  annotations:
    cdi.kubevirt.io/storage.bind.immediate.requested: "true"
  labels:
    instancetype.kubevirt.io/default-instancetype: u1.medium
    instancetype.kubevirt.io/default-preference: fedora
  name: fedora
  namespace: vms
spec:
  source:
    registry:
      certConfigMap: fedora-ca
      secretRef: fedora-import
      url: docker://quay.io/me/fedora@sha256:[HEX]
  storage:
    resources:
      requests:
        storage: 5Gi

"#]],
    );
    check(
        data_source(HERE, "vms", &subject),
        str![[r#"
apiVersion: cdi.kubevirt.io/v1beta1
kind: DataSource
metadata:
  labels:
    instancetype.kubevirt.io/default-instancetype: u1.medium
    instancetype.kubevirt.io/default-preference: fedora
  name: fedora
  namespace: vms
spec:
  source:
    pvc:
      name: fedora
      namespace: vms

"#]],
    );

    let mut by_tag = subject;
    by_tag.reference = "quay.io/me/fedora:42".parse().unwrap();
    let cron = ImportCron { schedule: "0 3 * * *", keep: 3, retention: ImportRetention::None };
    check(
        data_import_cron(THERE, &by_tag, ALL, &storage(), cron),
        str![[r#"
apiVersion: cdi.kubevirt.io/v1beta1
kind: DataImportCron
metadata:
  labels:
    instancetype.kubevirt.io/default-instancetype: u1.medium
    instancetype.kubevirt.io/default-preference: fedora
  name: fedora
  namespace: vms
spec:
  garbageCollect: Outdated
  importsToKeep: 3
  managedDataSource: fedora
  retentionPolicy: None
  schedule: 0 3 * * *
  template:
    spec:
      source:
        registry:
          certConfigMap: fedora-ca
          secretRef: fedora-import
          url: docker://quay.io/me/fedora:42
      storage:
        resources:
          requests:
            storage: 5Gi

"#]],
    );
}
