use super::*;
use crate::cluster::kubernetes::ObjectMeta;

fn machine(spec: &Value) -> MachineDocument {
    let object = json!({
        "apiVersion": "kubevirt.io/v1",
        "kind": "VirtualMachine",
        "metadata": { "name": "vm" },
        "spec": spec,
    });
    MachineDocument::new(object).unwrap()
}

fn template(machine: &Value) -> MachineDocument {
    let object = json!({
        "apiVersion": "template.kubevirt.io/v1beta1",
        "kind": "VirtualMachineTemplate",
        "metadata": { "name": "t", "uid": "1", "labels": { "a": "b" } },
        "spec": { "parameters": [{ "name": "NAME" }, { "name": "ARCH", "value": "arm64" }],
                  "virtualMachine": machine },
        "status": {},
    });
    MachineDocument::new(object).unwrap()
}

#[test]
fn objects_of_two_kinds_are_documents() {
    let check = |version: &str, kind: &str, expected| {
        let object = json!({ "apiVersion": version, "kind": kind });
        assert_eq!(MachineKind::of_object(&object), expected, "{version} {kind}");
    };
    check("kubevirt.io/v1", "VirtualMachine", Some(MachineKind::Machine));
    check("kubevirt.io/v1alpha3", "VirtualMachine", Some(MachineKind::Machine));
    check("template.kubevirt.io/v1alpha1", "VirtualMachineTemplate", Some(MachineKind::Template));
    check("kubevirt.io/v1", "VirtualMachineInstance", None);
    check("template.kubevirt.io/v1beta1", "VirtualMachine", None);
    check("v1", "VirtualMachine", None);
    assert_eq!(MachineKind::of_object(&json!([])), None);
}

#[test]
fn architectures_are_those_of_importers() {
    let check = |document: MachineDocument, expected: Option<&str>| {
        assert_eq!(document.architecture().as_deref(), expected);
    };
    let with =
        |architecture: &str| json!({ "template": { "spec": { "architecture": architecture } } });
    check(machine(&json!({ "template": { "spec": {} } })), None);
    check(machine(&with("arm64")), Some("arm64"));
    check(template(&json!({ "spec": with("s390x") })), Some("s390x"));
    check(template(&json!({ "spec": with("${ARCH}") })), Some("arm64"));
    check(template(&json!({ "spec": with("${NAME}") })), None);
    check(template(&json!({ "spec": with("${OTHER}") })), None);
}

#[test]
fn an_exported_machine_has_claims_and_no_cluster() {
    let before = machine(&json!({
        "dataVolumeTemplates": [{ "metadata": { "name": "root-dv" } }],
        "template": { "spec": { "volumes": [
            { "name": "root", "dataVolume": { "name": "root-dv", "hotpluggable": true } },
            { "name": "data", "persistentVolumeClaim": { "claimName": "d", "readOnly": true } },
            { "name": "cloudinit", "cloudInitNoCloud": { "userData": "x" } },
        ] } },
    }));
    let mut object = before.object;
    object["metadata"] = json!({ "name": "vm", "namespace": "ns", "uid": "1", "generation": 3,
        "resourceVersion": "7", "creationTimestamp": null, "managedFields": [],
        "ownerReferences": [], "finalizers": [], "labels": { "app": "demo" } });
    object["status"] = json!({ "ready": true });
    let after = MachineDocument::new(object).unwrap().exported("arm64").object;
    let expected = json!({
        "apiVersion": "kubevirt.io/v1",
        "kind": "VirtualMachine",
        "metadata": { "name": "vm", "labels": { "app": "demo" } },
        "spec": { "template": { "spec": { "architecture": "arm64", "volumes": [
            { "name": "root",
              "persistentVolumeClaim": { "claimName": "root-dv", "hotpluggable": true } },
            { "name": "data", "persistentVolumeClaim": { "claimName": "d", "readOnly": true } },
            { "name": "cloudinit", "cloudInitNoCloud": { "userData": "x" } },
        ] } } },
    });
    assert_eq!(after, expected);
}

#[test]
fn an_imported_machine_has_the_claims_of_its_cluster() {
    let imported = |document: MachineDocument, namespace| {
        let meta = ObjectMeta { name: "new", namespace };
        document.in_cluster(meta, |volume| format!("new-{volume}"))
    };
    let volumes = json!([
        { "name": "root", "persistentVolumeClaim": { "claimName": "old", "readOnly": true } },
        { "name": "cloudinit", "cloudInitNoCloud": {} },
    ]);
    let object =
        imported(machine(&json!({ "template": { "spec": { "volumes": volumes } } })), None);
    assert_eq!(object["metadata"], json!({ "name": "new" }));
    let claim = json!({ "claimName": "new-root", "readOnly": true });
    let volumes = &object["spec"]["template"]["spec"]["volumes"];
    assert_eq!(volumes[0]["persistentVolumeClaim"], claim);
    assert_eq!(volumes[1], json!({ "name": "cloudinit", "cloudInitNoCloud": {} }));

    let templates = json!([
        { "metadata": { "name": "${NAME}-root" }, "spec": { "source": { "pvc": { "name": "r" } } } },
        { "metadata": { "name": "${NAME}-x" }, "spec": { "source": { "blank": {} } } },
    ]);
    let volumes = json!([{ "name": "root", "dataVolume": { "name": "${NAME}-root" } }]);
    let spec = json!({
        "dataVolumeTemplates": templates, "template": { "spec": { "volumes": volumes } } });
    let object = imported(template(&json!({ "spec": spec })), Some("ns"));
    assert_eq!(object["metadata"]["namespace"], "ns");
    let spec = &object["spec"]["virtualMachine"]["spec"];
    let sources = &spec["dataVolumeTemplates"];
    let claim = json!({ "pvc": { "name": "new-root", "namespace": "ns" } });
    assert_eq!(sources[0]["spec"]["source"], claim);
    assert_eq!(sources[1]["spec"]["source"], json!({ "blank": {} }));
    assert_eq!(spec["template"]["spec"]["volumes"], volumes);
}

#[test]
fn a_template_keeps_the_clones_of_its_claims() {
    let volumes = json!([
        { "name": "root", "dataVolume": { "name": "${NAME}-root" } },
        { "name": "scratch", "dataVolume": { "name": "${NAME}-scratch" } },
        { "name": "data", "persistentVolumeClaim": { "claimName": "d" } },
        { "name": "keys", "secret": { "secretName": "s" } },
    ]);
    let templates = json!([
        { "metadata": { "name": "${NAME}-root" }, "spec": { "source": { "pvc": { "name": "r" } } } },
        { "metadata": { "name": "${NAME}-scratch" }, "spec": { "source": { "blank": {} } } },
    ]);
    let machine = json!({
        "metadata": { "name": "${NAME}", "namespace": "ns" },
        "spec": { "dataVolumeTemplates": templates, "template": { "spec": { "volumes": volumes } } },
    });
    let document = template(&machine);
    let found: Vec<VolumeSource<'_>> =
        document.volumes().iter().map(|volume| volume.source).collect();
    let expected = [
        VolumeSource::Clone("${NAME}-root"),
        VolumeSource::DataVolume("${NAME}-scratch"),
        VolumeSource::Claim("d"),
        VolumeSource::Other("secret"),
    ];
    assert_eq!(found, expected);
    let after = document.clone().exported("amd64").object;
    assert_eq!(after["metadata"], json!({ "name": "t", "labels": { "a": "b" } }));
    assert_eq!(after.get("status"), None);
    let machine = &after["spec"]["virtualMachine"];
    assert_eq!(machine["metadata"], json!({ "name": "${NAME}" }));
    assert_eq!(machine["spec"], document.object["spec"]["virtualMachine"]["spec"]);
}
