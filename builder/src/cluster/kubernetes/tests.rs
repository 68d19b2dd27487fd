//! Tests of whole objects, as they are written.
#![expect(clippy::too_many_lines, reason = "each test is a table of whole objects")]

use crate::net::secret::Secret;
use openssl::asn1::Asn1Time;
use openssl::pkey::PKey;
use openssl::x509::{X509, X509Name};
use snapbox::{IntoData, assert_data_eq, str};

use super::*;
use crate::net::credential::Credential;

const DIGEST: &str = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

const HERE: ObjectMeta<'_> = ObjectMeta { name: "fedora", namespace: None };
const THERE: ObjectMeta<'_> = ObjectMeta { name: "fedora", namespace: Some("vms") };

fn subject(env: &[&str]) -> ImageSubject {
    ImageSubject {
        reference: format!("quay.io/me/fedora@{DIGEST}").parse().unwrap(),
        architecture: None,
        labels: labels_from_env(env.iter().copied()),
    }
}

fn storage() -> VolumeStorage<'static> {
    VolumeStorage { size: Some(Quantity::fitting(5 << 30)), class: None, access_mode: None }
}

fn machine(root: RootDisk<'_>) -> MachineOptions<'_> {
    let memory = "2Gi".parse().unwrap();
    MachineOptions {
        root,
        instancetype: None,
        preference: None,
        memory,
        cpus: None,
        content: MachineContent::default(),
        path: None,
        empty_disk: None,
        kernel_args: None,
        user_data: None,
    }
}

fn check(object: impl Into<KubernetesObject>, expected: impl IntoData) {
    let written = write_yaml(&[object.into()]).unwrap().replace(DIGEST, "sha256:[HEX]");
    assert_data_eq!(written, expected.raw());
}

const ALL: ImageAccess<'_> = ImageAccess {
    pull_secret: Some("fedora-pull"),
    import_secret: Some("fedora-import"),
    authorities: Some("fedora-ca"),
    pull_method: PullMethod::Pod,
};

const TOLD: [&str; 2] = [
    "INSTANCETYPE_KUBEVIRT_IO_DEFAULT_INSTANCETYPE=u1.medium",
    "INSTANCETYPE_KUBEVIRT_IO_DEFAULT_PREFERENCE=fedora",
];

#[test]
fn machines_boot_the_image() {
    let plain =
        virtual_machine(HERE, &subject(&[]), ImageAccess::default(), &machine(RootDisk::Image));
    check(
        plain,
        str![[r#"
apiVersion: kubevirt.io/v1
kind: VirtualMachine
metadata:
  name: fedora
spec:
  runStrategy: Always
  template:
    metadata:
      labels:
        vm.kubevirt.io/name: fedora
    spec:
      domain:
        devices:
          disks:
          - disk:
              bus: virtio
            name: root
          interfaces:
          - masquerade: {}
            name: default
          rng: {}
        memory:
          guest: 2Gi
      networks:
      - name: default
        pod: {}
      volumes:
      - containerDisk:
          image: quay.io/me/fedora@sha256:[HEX]
        name: root

"#]],
    );

    let mut subject = subject(&TOLD);
    subject.architecture = Some("arm64".into());
    let cloud = "#cloud-config\nssh_authorized_keys:\n- ssh-ed25519 AAAA me\n".to_owned();
    let cloud = UserData::Inline(cloud);
    let whole = MachineOptions {
        instancetype: Some("u1.medium"),
        preference: Some("fedora"),
        cpus: Some(2),
        user_data: Some(&cloud),
        ..machine(RootDisk::Image)
    };
    check(
        virtual_machine(THERE, &subject, ALL, &whole),
        str![[r#"
apiVersion: kubevirt.io/v1
kind: VirtualMachine
metadata:
  name: fedora
  namespace: vms
spec:
  instancetype:
    name: u1.medium
  preference:
    name: fedora
  runStrategy: Always
  template:
    metadata:
      labels:
        vm.kubevirt.io/name: fedora
    spec:
      architecture: arm64
      domain:
        devices:
          disks:
          - disk: {}
            name: root
          - disk: {}
            name: cloudinit
          interfaces:
          - masquerade: {}
            name: default
          rng: {}
      networks:
      - name: default
        pod: {}
      volumes:
      - containerDisk:
          image: quay.io/me/fedora@sha256:[HEX]
          imagePullSecret: fedora-pull
        name: root
      - cloudInitNoCloud:
          userData: |
            #cloud-config
            ssh_authorized_keys:
            - ssh-ed25519 AAAA me
        name: cloudinit

"#]],
    );
}

#[test]
fn machines_have_volumes() {
    let access = ImageAccess { pull_method: PullMethod::Node, ..ImageAccess::default() };
    let mut subject = subject(&[]);
    subject.architecture = Some("amd64".into());
    let import = MachineOptions { cpus: Some(4), ..machine(RootDisk::Import(storage())) };
    check(
        virtual_machine(HERE, &subject, access, &import),
        str![[r#"
apiVersion: kubevirt.io/v1
kind: VirtualMachine
metadata:
  name: fedora
spec:
  dataVolumeTemplates:
  - metadata:
      name: fedora-root
    spec:
      source:
        registry:
          platform:
            architecture: amd64
          pullMethod: node
          url: docker://quay.io/me/fedora@sha256:[HEX]
      storage:
        resources:
          requests:
            storage: 5Gi
  runStrategy: Always
  template:
    metadata:
      labels:
        vm.kubevirt.io/name: fedora
    spec:
      architecture: amd64
      domain:
        cpu:
          cores: 4
        devices:
          disks:
          - disk:
              bus: virtio
            name: root
          interfaces:
          - masquerade: {}
            name: default
          rng: {}
        memory:
          guest: 2Gi
      networks:
      - name: default
        pod: {}
      volumes:
      - dataVolume:
          name: fedora-root
        name: root

"#]],
    );

    let storage = VolumeStorage {
        size: None,
        class: Some("fast"),
        access_mode: Some(AccessMode::ReadWriteMany),
    };
    let clone = machine(RootDisk::Clone(storage));
    check(
        virtual_machine(THERE, &subject, ALL, &clone),
        str![[r#"
apiVersion: kubevirt.io/v1
kind: VirtualMachine
metadata:
  name: fedora
  namespace: vms
spec:
  dataVolumeTemplates:
  - metadata:
      name: fedora-root
    spec:
      sourceRef:
        kind: DataSource
        name: fedora
        namespace: vms
      storage:
        accessModes:
        - ReadWriteMany
        storageClassName: fast
  runStrategy: Always
  template:
    metadata:
      labels:
        vm.kubevirt.io/name: fedora
    spec:
      architecture: amd64
      domain:
        devices:
          disks:
          - disk:
              bus: virtio
            name: root
          interfaces:
          - masquerade: {}
            name: default
          rng: {}
        memory:
          guest: 2Gi
      networks:
      - name: default
        pod: {}
      volumes:
      - dataVolume:
          name: fedora-root
        name: root

"#]],
    );
}

#[test]
fn kinds_of_instance_types_are_those_of_the_image() {
    let kinds = [
        "INSTANCETYPE_KUBEVIRT_IO_DEFAULT_INSTANCETYPE=small",
        "INSTANCETYPE_KUBEVIRT_IO_DEFAULT_INSTANCETYPE_KIND=VirtualMachineInstancetype",
    ];
    let subject = subject(&kinds);
    let kind = |name: &str| {
        let machine = MachineOptions { instancetype: Some(name), ..machine(RootDisk::Image) };
        let object = virtual_machine(HERE, &subject, ImageAccess::default(), &machine);
        object.value["spec"]["instancetype"].clone()
    };
    let own = json!({ "name": "small", "kind": "VirtualMachineInstancetype" });
    assert_eq!(kind("small"), own);
    assert_eq!(kind("large"), json!({ "name": "large" }));
}

#[test]
fn volumes_are_imported() {
    let subject = subject(&TOLD);
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

#[test]
fn secrets_are_two() {
    let known = Credential::basic("me", "sesame");
    let shown = SecretContent::Credential(&known);
    check(
        pull_secret(HERE, "quay.io", shown),
        str![[r#"
apiVersion: v1
data:
  .dockerconfigjson: eyJhdXRocyI6eyJxdWF5LmlvIjp7ImF1dGgiOiJiV1U2YzJWellXMWwiLCJwYXNzd29yZCI6InNlc2FtZSIsInVzZXJuYW1lIjoibWUifX19
kind: Secret
metadata:
  name: fedora
type: kubernetes.io/dockerconfigjson

"#]],
    );
    check(
        import_secret(HERE, "quay.io", shown).unwrap(),
        str![[r#"
apiVersion: v1
data:
  accessKeyId: bWU=
  secretKey: c2VzYW1l
kind: Secret
metadata:
  name: fedora
type: Opaque

"#]],
    );
    check(
        pull_secret(THERE, "docker.io", SecretContent::Placeholder),
        str![[r#"
# No cluster takes it like this: fill it in, or make one that is whole with
# kubectl create secret docker-registry fedora --docker-server=https://index.docker.io/v1/ --docker-username=USER --docker-password=PASSWORD --namespace=vms
apiVersion: v1
data:
  .dockerconfigjson: <the base64 of an auth.json>
kind: Secret
metadata:
  name: fedora
  namespace: vms
type: kubernetes.io/dockerconfigjson

"#]],
    );
    check(
        import_secret(THERE, "docker.io", SecretContent::Placeholder).unwrap(),
        str![[r#"
# No cluster takes it like this: fill it in, or make one that is whole with
# kubectl create secret generic fedora --from-literal=accessKeyId=USER --from-literal=secretKey=PASSWORD --namespace=vms
apiVersion: v1
data:
  accessKeyId: <the base64 of the user>
  secretKey: <the base64 of the password>
kind: Secret
metadata:
  name: fedora
  namespace: vms
type: Opaque

"#]],
    );
    let object = pull_secret(HERE, "quay.io", shown);
    assert_eq!(format!("{object:?}"), r#"Object { kind: Some(String("Secret")), .. }"#);

    let decoded = |credential: &Credential, registry: &str| {
        let object = pull_secret(HERE, registry, SecretContent::Credential(credential));
        let data = object.value["data"][".dockerconfigjson"].as_str().unwrap();
        let bytes = base64::Engine::decode(&base64::prelude::BASE64_STANDARD, data).unwrap();
        String::from_utf8(bytes).unwrap()
    };
    assert_eq!(
        decoded(&known, "docker.io"),
        r#"{"auths":{"https://index.docker.io/v1/":{"auth":"bWU6c2VzYW1l","password":"sesame","username":"me"}}}"#
    );
    let token = Credential::IdentityToken(Secret::new("t"));
    assert_eq!(
        decoded(&token, "q.io"),
        r#"{"auths":{"q.io":{"auth":"PHRva2VuPjo=","identitytoken":"t"}}}"#
    );
    let refused = import_secret(HERE, "q.io", SecretContent::Credential(&token)).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "there is only an identity token for `q.io`, and CDI wants a user and a password"
    );
}

/// Returns a certificate that is its own authority, and its key.
fn certificate() -> (String, String) {
    let key = PKey::generate_ed25519().unwrap();
    let mut name = X509Name::builder().unwrap();
    name.append_entry_by_text("CN", "test").unwrap();
    let name = name.build();
    let mut builder = X509::builder().unwrap();
    builder.set_subject_name(&name).unwrap();
    builder.set_issuer_name(&name).unwrap();
    builder.set_pubkey(&key).unwrap();
    builder.set_not_before(&Asn1Time::from_unix(0).unwrap()).unwrap();
    builder.set_not_after(&Asn1Time::from_unix(1 << 31).unwrap()).unwrap();
    builder.sign(&key, openssl::hash::MessageDigest::null()).unwrap();
    let text = |pem: Vec<u8>| String::from_utf8(pem).unwrap();
    (text(builder.build().to_pem().unwrap()), text(key.private_key_to_pem_pkcs8().unwrap()))
}

#[test]
fn a_config_map_has_certificates_alone() {
    let (certificate, key) = certificate();
    let pem = format!("# of the registry\n{key}{certificate}and again\r\n{certificate}");
    let object = authorities_config_map(HERE, pem.as_bytes()).unwrap();
    assert_eq!(object.value["data"]["ca.crt"], json!(certificate.repeat(2)));
    let written = write_yaml(&[object]).unwrap();
    let indented = certificate.trim_end().replace('\n', "\n    ");
    let indented = format!("    {indented}\n");
    let written = written.replace(&indented, "    [CERTIFICATE]\n");
    assert_data_eq!(
        written,
        str![[r#"
apiVersion: v1
data:
  ca.crt: |
    [CERTIFICATE]
    [CERTIFICATE]
kind: ConfigMap
metadata:
  name: fedora

"#]]
        .raw()
    );
    for nothing in ["", "-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----\n", &key] {
        let refused = authorities_config_map(HERE, nothing.as_bytes()).unwrap_err();
        assert_eq!(refused.to_string(), "there is no certificate in it in PEM");
    }
}

#[test]
fn values_are_for_a_chart() {
    let subject = subject(&TOLD);
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
