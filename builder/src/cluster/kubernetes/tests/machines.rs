//! Virtual machines of an image.
#![expect(clippy::too_many_lines, reason = "each test is a table of whole objects")]

use snapbox::str;

use super::*;

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

    let mut subject = subject(&DECLARED);
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
