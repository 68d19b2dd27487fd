//! VM artifacts: each rule of importers has one that breaks it, and the good one that keeps it.
#![expect(clippy::too_many_lines, reason = "the function is a table of artifacts and findings")]

use super::rules::Table;
use super::*;

const VM: &str = "application/vnd.kubevirt.virtualmachine.v1";
const TEMPLATE: &str = "application/vnd.kubevirt.virtualmachinetemplate.v1";
const CONFIG: &str = "application/vnd.kubevirt.virtualmachine.config.v1+json";
const DISK: &str = "application/vnd.kubevirt.disk.raw+zstd";
const NAME: &str = "io.kubevirt.disk.name";
const SIZE: &str = "io.kubevirt.disk.size";

/// An artifact that can be modified before it is stored.
pub(super) struct Artifact {
    pub(super) index_type: Value,
    pub(super) platforms: Vec<Value>,
    pub(super) own_type: &'static str,
    pub(super) config_type: &'static str,
    pub(super) config: Value,
    pub(super) layers: Vec<DiskLayer>,
}

pub(super) struct DiskLayer {
    pub(super) blob: Vec<u8>,
    pub(super) media_type: &'static str,
    pub(super) annotations: Value,
}

fn disk(name: &str, content: &[u8]) -> DiskLayer {
    let annotations = json!({ NAME: name, SIZE: content.len().to_string() });
    DiskLayer { blob: zstd(content), media_type: DISK, annotations }
}

fn volumes(volumes: &Value) -> Value {
    json!({ "template": { "spec": { "volumes": volumes } } })
}

fn good_artifact() -> Artifact {
    Artifact {
        index_type: json!(VM),
        platforms: vec![json!({ "os": "linux", "architecture": "amd64" })],
        own_type: VM,
        config_type: CONFIG,
        config: json!({
            "apiVersion": "kubevirt.io/v1",
            "kind": "VirtualMachine",
            "metadata": { "name": "a" },
            "spec": volumes(&json!([
                { "name": "root", "persistentVolumeClaim": { "claimName": "r" } },
                { "name": "cloudinit", "cloudInitNoCloud": {} },
            ])),
        }),
        layers: vec![disk("root", &noise(70_000))],
    }
}

impl Artifact {
    fn put(&self, memory: &mut MemoryImages) -> Digest {
        let mut descriptor = |media_type: &str, bytes: Vec<u8>| {
            let size = bytes.len();
            json!({ "mediaType": media_type, "digest": memory.put(bytes).to_string(), "size": size })
        };
        let config = descriptor(self.config_type, self.config.to_string().into_bytes());
        let mut layers = Vec::new();
        for layer in &self.layers {
            let mut described = descriptor(layer.media_type, layer.blob.clone());
            described["annotations"] = layer.annotations.clone();
            layers.push(described);
        }
        let manifest = json!({ "schemaVersion": 2, "artifactType": self.own_type,
            "mediaType": "application/vnd.oci.image.manifest.v1+json", "config": config, "layers": layers });
        let kind = "application/vnd.oci.image.manifest.v1+json";
        let manifest = descriptor(kind, manifest.to_string().into_bytes());
        let entry = |platform: &Value| {
            let mut entry = manifest.clone();
            entry["platform"] = platform.clone();
            entry
        };
        let index = json!({ "schemaVersion": 2, "mediaType": INDEX, "artifactType": self.index_type,
            "manifests": self.platforms.iter().map(entry).collect::<Vec<_>>() });
        memory.put(index.to_string())
    }

    pub(super) fn findings(&self, change: impl FnOnce(&mut MemoryImages)) -> String {
        lines(&self.report(change).findings)
    }

    pub(super) fn report(&self, change: impl FnOnce(&mut MemoryImages)) -> VerifyReport {
        let mut memory = MemoryImages::default();
        let root = self.put(&mut memory);
        change(&mut memory);
        let images = &memory;
        let document = images.read_document(root).unwrap().unwrap();
        verify_image(document, None, &context(&images, &NoProgress)).unwrap()
    }
}

/// Checks what is said of a cluster.
fn check_targets(table: &mut Table) {
    let mut check = |target: &str, expected: &[&str], notes: usize| {
        let mut report = good_artifact().report(|_| ());
        let found = report.judge_for(&target.parse().unwrap());
        assert_eq!(lines(&report.findings).lines().collect::<Vec<_>>(), expected, "{target}");
        assert_eq!(found.len(), notes, "{target}");
        report.findings.iter().for_each(|finding| table.record(finding.rule.id));
    };
    check("kubevirt=1.10", &[], 0);
    check("kubevirt=1.9", &["vm-kubevirt: manifest: KubeVirt is 1.9"], 0);
    check("runtime=containerd", &[], 1);
}

/// Checks all rules of VM artifacts.
pub(super) fn check_machines(table: &mut Table) {
    assert_eq!(good_artifact().findings(|_| ()), "");
    check_targets(table);
    let mut check = |change: &dyn Fn(&mut Artifact), expected: &[&str]| {
        let mut artifact = good_artifact();
        change(&mut artifact);
        let found = artifact.findings(|_| ());
        assert_eq!(found.lines().collect::<Vec<_>>(), expected);
        for line in expected {
            let (id, _) = line.split_once(':').unwrap();
            let rule = crate::cluster::contract::all_rules().find(|rule| rule.id == id).unwrap();
            table.record(rule.id);
        }
    };
    check(
        &|it| it.index_type = json!(TEMPLATE),
        &[&format!("vm-type: index: its type is `{TEMPLATE}`, the manifest's `{VM}`")],
    );
    check(&|it| it.index_type = Value::Null, &[]);
    check(
        &|it| it.config_type = "application/a+json",
        &["vm-type: config: its type is `application/a+json`"],
    );
    check(&|it| it.config = json!([]), &["vm-config: config: it is not a VirtualMachine"]);
    check(&|it| it.config["metadata"] = json!({}), &["vm-config: config: the object has no name"]);
    check(
        &|it| it.config["metadata"]["uid"] = json!("1"),
        &["vm-cluster: config: it has fields that a cluster sets"],
    );
    check(&|it| it.config["status"] = json!({}), &[]);
    let arm64 = json!({ "os": "linux", "architecture": "arm64" });
    check(
        &|it| it.platforms = vec![arm64.clone()],
        &["vm-platform: config: the index says linux/arm64, the virtual machine is for amd64"],
    );
    check(
        &|it| {
            it.platforms = vec![arm64.clone()];
            it.config["spec"]["template"]["spec"]["architecture"] = json!("arm64");
        },
        &[],
    );
    check(
        &|it| it.platforms.push(it.platforms[0].clone()),
        &["vm-platform: index: it has several manifests for `amd64`"],
    );
    check(
        &|it| it.layers[0].media_type = ZSTD,
        &[&format!("vm-layer: layer 1: its type is `{ZSTD}`")],
    );
    check(
        &|it| it.layers[0].blob = gzip(&noise(70_000)),
        &["vm-layer: layer 1: it is not compressed with zstd"],
    );
    check(
        &|it| it.layers[0].annotations = json!({ SIZE: "1Mi" }),
        &[
            "vm-disk-name: layer 1: it has no `io.kubevirt.disk.name`",
            "vm-disk-volume: config: no layer has the disk of the volume `root`",
        ],
    );
    check(
        &|it| it.layers.push(disk("root", &noise(5000))),
        &["vm-disk-name: layer 2: another layer is named `root` too"],
    );
    check(
        &|it| it.layers[0].annotations = json!({ NAME: "root" }),
        &["vm-disk-size: layer 1: it has no `io.kubevirt.disk.size`"],
    );
    check(
        &|it| it.layers[0].annotations[SIZE] = json!("ten"),
        &[
            "vm-disk-size: layer 1: its size is `ten`: write it as a number and a unit, `10Gi` or `500M`",
        ],
    );
    check(
        &|it| it.layers[0].annotations[SIZE] = json!("68Ki"),
        &["vm-disk-size: layer 1: the disk has more than 69632 bytes, and its size is `68Ki`"],
    );
    check(&|it| it.layers[0].annotations[SIZE] = json!("1Gi"), &[]);
    check(
        &|it| it.layers.push(disk("other", &noise(5000))),
        &["vm-disk-volume: layer 2: no volume is a claim with the name `other`"],
    );
    check(
        &|it| {
            it.config["spec"] =
                volumes(&json!([{ "name": "root", "dataVolume": { "name": "r" } }]));
        },
        &[
            "vm-config: config: the volume `root` is a DataVolume",
            "vm-disk-volume: layer 1: no volume is a claim with the name `root`",
        ],
    );
    let mut qcow2 = b"QFI\xfb\0\0\0\x03".to_vec();
    qcow2.resize(70_000, 0);
    check(
        &|it| it.layers[0] = disk("root", &qcow2),
        &["vm-disk-format: layer 1: the disk is qcow2"],
    );
}

#[test]
fn damaged_disks_are_found() {
    let check = |change: &dyn Fn(Vec<u8>) -> Option<Vec<u8>>, expected: &str| {
        let artifact = good_artifact();
        let digest = Digest::of_bytes(&artifact.layers[0].blob);
        let found = artifact.findings(|memory| {
            let blob = memory.blobs.remove(&digest).unwrap();
            memory.blobs.extend(change(blob).map(|blob| (digest, blob)));
        });
        assert!(found.starts_with(expected) && found.lines().count() == 1, "{found}");
    };
    check(&|_| None, "blob-unreadable: layer 1: there is no sha256:");
    check(
        &|mut blob| {
            Some({
                blob.pop();
                blob
            })
        },
        "blob-size: layer 1: it has ",
    );
    check(
        &|mut blob| {
            Some({
                blob[100] ^= 1;
                blob
            })
        },
        "blob-digest: layer 1: its bytes have the digest sha256:",
    );
    let mut cut = good_artifact();
    cut.layers[0].blob.truncate(1000);
    let found = cut.findings(|_| ());
    assert!(found.starts_with("vm-layer: layer 1: "), "{found}");
}
