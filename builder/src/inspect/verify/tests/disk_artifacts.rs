//! Disk artifacts: each rule has one that breaks it, and the good one that keeps it.

use super::machines::{Artifact, DiskLayer};
use super::rules::Table;
use super::*;

const DISK: &str = "application/vnd.kubevirt.disk.v1";
const EMPTY: &str = "application/vnd.oci.empty.v1+json";
const TITLE: &str = "org.opencontainers.image.title";

fn layer(title: &str) -> DiskLayer {
    let annotations = json!({ TITLE: title });
    DiskLayer { blob: noise(70_000), media_type: "application/octet-stream", annotations }
}

fn good_artifact() -> Artifact {
    Artifact {
        index_type: json!(DISK),
        platforms: vec![json!({ "os": "linux", "architecture": "amd64" })],
        own_type: DISK,
        config_type: EMPTY,
        config: json!({}),
        layers: vec![layer("disk.raw")],
    }
}

/// Checks all rules of disk artifacts.
pub(super) fn check_disk_artifacts(table: &mut Table) {
    check_documents(table);
    let mut check = |target: &str, expected: &[&str]| {
        let mut report = good_artifact().report(|_| ());
        report.judge_for(&target.parse().unwrap());
        assert_eq!(lines(&report.findings).lines().collect::<Vec<_>>(), expected, "{target}");
        report.findings.iter().for_each(|finding| table.record(finding.rule.id));
    };
    let mut twice = good_artifact();
    twice.platforms.push(json!({ "os": "linux", "architecture": "amd64" }));
    assert!(twice.findings(|_| ()).starts_with("index-twice: index: "));
    check("kubevirt=1.10,runtime=crio", &[]);
    check("kubevirt=1.9", &["artifact-kubevirt: manifest: KubeVirt is 1.9"]);
    check("runtime=containerd", &["artifact-runtime: manifest: the runtime is containerd"]);
}

fn check_documents(table: &mut Table) {
    let mut check = |change: &dyn Fn(&mut Artifact), expected: &[&str]| {
        let mut artifact = good_artifact();
        change(&mut artifact);
        let report = artifact.report(|_| ());
        assert_eq!(lines(&report.findings).lines().collect::<Vec<_>>(), expected);
        let own = report.findings.iter().map(|finding| finding.rule.id);
        own.filter(|id| id.starts_with("artifact-")).for_each(|id| table.record(id));
    };
    check(&|_| (), &[]);
    // Tools set any type, or the config's; the file shows that it is a disk.
    check(&|it| it.own_type = "application/vnd.unknown.artifact.v1", &[]);
    check(&|it| it.index_type = json!(null), &[]);
    check(
        &|it| it.config_type = "application/vnd.example+json",
        &["artifact-config: config: its type is `application/vnd.example+json`"],
    );
    check(&|it| it.layers.clear(), &["artifact-layer: manifest: it has 0 layers"]);
    check(&|it| it.layers.push(layer("readme.md")), &["artifact-layer: manifest: it has 2 layers"]);
    check(
        &|it| it.layers[0].blob = zstd(&noise(70_000)),
        &["artifact-layer: layer 1: it is compressed with zstd"],
    );
    check(
        &|it| it.layers[0].blob = gzip(&noise(70_000)),
        &["artifact-layer: layer 1: it is compressed with gzip"],
    );
    check(&|it| it.layers = vec![layer("")], &["artifact-title: layer 1: it has none"]);
    check(&|it| it.layers[0].annotations = json!(null), &["artifact-title: layer 1: it has none"]);
    check(&|it| it.layers = vec![layer("..")], &["artifact-title: layer 1: it is `..`"]);
    check(
        &|it| it.layers = vec![layer("disk/a.raw")],
        &["artifact-title: layer 1: it is `disk/a.raw`"],
    );
    check(&|it| it.layers = vec![layer("a\0.raw")], &["artifact-title: layer 1: it is `a\\0.raw`"]);
    let (longest, longer) = ("a".repeat(251) + ".raw", "a".repeat(252) + ".raw");
    check(&|it| it.layers = vec![layer(&longest)], &[]);
    check(
        &|it| it.layers = vec![layer(&longer)],
        &["artifact-title: layer 1: it is 256 bytes long"],
    );
    check(
        &|it| it.layers[0].blob = vec![0; 70_000],
        &["disk-blank: disk.raw: all of its 70000 bytes are zero"],
    );
}
