//! Every rule of the contract has an image that breaks it and one that keeps it.
#![expect(
    clippy::too_many_lines,
    reason = "each function is a table of images and what is found in them"
)]

use std::collections::BTreeSet;

use snapbox::data::Inline;
use snapbox::{IntoData, assert_data_eq, str};

use super::{disk_artifacts, machines, *};
use crate::cluster::contract::facts::{ConfigFacts, DiskFacts, ImageFacts, LayerFacts};
use crate::cluster::contract::judge_image;
use crate::disk::{DiskFormat, DiskInfo, Flaw, FlawKind};

/// Checks what is found in images, and remembers which rules were broken and which were kept by one
/// that is about them.
#[derive(Debug, Default)]
pub(super) struct Table {
    broken: BTreeSet<&'static str>,
    kept: BTreeSet<&'static str>,
}

impl Table {
    /// Records a rule that was broken by one artifact and kept by others.
    pub(super) fn record(&mut self, rule: &'static str) {
        self.broken.insert(rule);
        self.kept.insert(rule);
    }

    /// Checks an image that breaks a rule; `expected` has all its findings.
    #[track_caller]
    fn breaks(&mut self, rule: &'static str, sample: &Sample, expected: Inline) {
        let found = lines(&sample.report().findings);
        assert!(
            found.lines().any(|line| line.starts_with(&format!("{rule}: "))),
            "{rule}: {found}"
        );
        assert_data_eq!(found, expected.raw());
        self.broken.insert(rule);
    }

    /// Checks images that nearly break the rule; they have no findings except the expected ones.
    #[track_caller]
    fn keeps(&mut self, rule: &'static str, sample: &Sample, expected: Inline) {
        let found = lines(&sample.report().findings);
        assert!(
            !found.lines().any(|line| line.starts_with(&format!("{rule}: "))),
            "{rule}: {found}"
        );
        assert_data_eq!(found, expected.raw());
        self.kept.insert(rule);
    }
}

#[test]
fn every_rule_is_broken_and_kept() {
    let mut table = Table::default();
    documents(&mut table);
    platforms(&mut table);
    layers(&mut table);
    disks(&mut table);
    views(&mut table);
    paths(&mut table);
    labels(&mut table);
    flaws(&mut table);
    machines::check_machines(&mut table);
    disk_artifacts::check_disk_artifacts(&mut table);
    let all: BTreeSet<&str> = crate::cluster::contract::all_rules().map(|rule| rule.id).collect();
    let lacking = |some: &BTreeSet<&'static str>| all.difference(some).copied().collect::<Vec<_>>();
    assert_eq!(lacking(&table.broken), Vec::<&str>::new(), "no image breaks them");
    assert_eq!(lacking(&table.kept), Vec::<&str>::new(), "no image keeps them");
}

fn documents(table: &mut Table) {
    let amd64 = json!({ "os": "linux", "architecture": "amd64" });
    let unknown = json!({ "os": "unknown", "architecture": "unknown" });
    table.keeps("document", &good(), str![]);
    table.breaks(
        "document",
        &Sample { config: json!({ "rootfs": "x" }), damaged: true, ..good() },
        str![[r#"
document: image: the document sha256:9a70050384efc7e4ee48396411b67f3a32fc4fd2a2bfdd33cf0c81370c17140b cannot be used: it is damaged: its bytes have another digest

"#]],
    );

    table.keeps("index-unknown", &index(json!([amd64])), str![]);
    table.breaks(
        "index-unknown",
        &index(json!([amd64, unknown, unknown])),
        str![[r#"
index-unknown: index: 2 entries are for `unknown/unknown`

"#]],
    );
    table.keeps("index-empty", &Sample { index: Vec::new(), ..good() }, str![]);
    table.breaks(
        "index-empty",
        &index(json!([unknown])),
        str![[r#"
index-empty: index: it has no image
index-unknown: index: an entry is for `unknown/unknown`

"#]],
    );
    table.keeps("index-untold", &Sample { index: Vec::new(), ..good() }, str![]);
    table.keeps("index-untold", &index(json!([null])), str![]);
    table.keeps(
        "index-untold",
        &index(json!([unknown, null])),
        str![[r#"
index-unknown: index: an entry is for `unknown/unknown`

"#]],
    );
    table.breaks("index-untold", &index(json!([null, null])), str![[r#"
index-untold: index: it does not say what sha256:5d03970dbe2b151a2f90cfdb8993f2067cd747256732bc5d93fc3000d63d62fa is for, nor what one before it is for
index-twice: index: sha256:5d03970dbe2b151a2f90cfdb8993f2067cd747256732bc5d93fc3000d63d62fa is for linux/amd64, as one before it

"#]]);
    let list = Sample { is_list: true, ..index(json!([null])) };
    table.breaks("index-untold", &list, str![[r#"
index-untold: index: it does not say what sha256:5d03970dbe2b151a2f90cfdb8993f2067cd747256732bc5d93fc3000d63d62fa is for

"#]]);
    let variant =
        |variant: &str| json!({ "os": "linux", "architecture": "amd64", "variant": variant });
    table.keeps("index-variant", &index(json!([variant("")])), str![]);
    table.keeps(
        "index-variant",
        &index(json!([variant("v3"), amd64])),
        str![[r#"
platform-variant: config: it is for amd64 of the variant `v3` alone

"#]],
    );
    table.keeps(
        "index-variant",
        &index(json!([variant("v3"), null])),
        str![[r#"
platform-variant: config: it is for amd64 of the variant `v3` alone

"#]],
    );
    table.breaks(
        "index-variant",
        &index(json!([variant("v1")])),
        str![[r#"
index-variant: index: it has linux/amd64/v1, and nothing for any amd64
platform-variant: config: it is for amd64 of the variant `v1` alone

"#]],
    );
    table.breaks(
        "index-variant",
        &index(json!([variant("v2"), variant("v3")])),
        str![[r#"
index-variant: index: it has linux/amd64/v2, and nothing for any amd64
index-variant: index: it has linux/amd64/v3, and nothing for any amd64
platform-variant: config: it is for amd64 of the variant `v2` alone
platform-variant: config: it is for amd64 of the variant `v3` alone

"#]],
    );
    let arm64 = json!({ "os": "linux", "architecture": "arm64", "variant": "v8" });
    let neither = with(json!({ "architecture": "arm64" }));
    table.keeps("index-twice", &Sample { index: vec![arm64.clone()], ..neither.clone() }, str![]);
    table.breaks("index-twice", &index(json!([amd64, amd64])), str![[r#"
index-twice: index: sha256:5d03970dbe2b151a2f90cfdb8993f2067cd747256732bc5d93fc3000d63d62fa is for linux/amd64, as one before it

"#]]);

    table.keeps(
        "artifact",
        &Sample { config_type: "application/vnd.docker.container.image.v1+json", ..good() },
        str![],
    );
    table.breaks(
        "artifact",
        &Sample { config_type: "application/vnd.oci.empty.v1+json", ..good() },
        str![[r#"
artifact: manifest: its config is of type `application/vnd.oci.empty.v1+json`

"#]],
    );
    // CRI-O would mount the layers as they are.
    table.breaks(
        "artifact",
        &Sample { artifact_type: Some("a/b"), ..good() },
        str![[r#"
artifact: manifest: it has the artifact type `a/b`

"#]],
    );
    table.keeps("artifact", &Sample { artifact_type: Some(""), ..good() }, str![]);

    table.keeps("history", &with(json!({ "history": [{}, { "empty_layer": true }] })), str![]);
    table.breaks(
        "history",
        &with(json!({ "history": [{}, {}] })),
        str![[r#"
history: config: its history speaks of 2 layers, of 1

"#]],
    );
    table.breaks(
        "history",
        &with(json!({ "history": null })),
        str![[r#"
history: config: its history speaks of 0 layers, of 1

"#]],
    );
    table.keeps("layer-count", &good(), str![]);
    table.breaks(
        "layer-count",
        &with(json!({ "rootfs": { "diff_ids": [] } })),
        str![[r#"
layer-count: config: the manifest has 1 layers, the config 0 diff IDs

"#]],
    );
    let labels = |labels: Value| with(json!({ "config": { "Labels": labels } }));
    table.keeps("bootc-label", &labels(json!({ "containers.bootc": "0", "a": 7 })), str![]);
    table.breaks(
        "bootc-label",
        &labels(json!({ "containers.bootc": "1" })),
        str![[r#"
bootc-label: config: it has the label `containers.bootc=1`

"#]],
    );
    table.breaks(
        "bootc-label",
        &labels(json!({ "ostree.bootable": "1" })),
        str![[r#"
bootc-label: config: it has the label `ostree.bootable=1`

"#]],
    );
}

fn platforms(table: &mut Table) {
    let both = |os: &str, architecture: &str, variant: Option<&str>, told: Option<&str>| Sample {
        index: vec![json!({ "os": os, "architecture": architecture, "variant": told })],
        ..with(json!({ "os": os, "architecture": architecture, "variant": variant }))
    };
    table.keeps("platform-missing", &good(), str![]);
    let none = json!({ "architecture": "", "os": null });
    table.breaks(
        "platform-missing",
        &with(none),
        str![[r#"
platform-missing: config: it says no architecture and no operating system

"#]],
    );
    table.breaks(
        "platform-missing",
        &with(json!({ "architecture": "" })),
        str![[r#"
platform-missing: config: it says no architecture

"#]],
    );
    table.keeps("platform-architecture", &both("linux", "riscv64", None, None), str![]);
    table.breaks(
        "platform-architecture",
        &both("linux", "aarch64", None, None),
        str![[r#"
platform-architecture: config: it says `aarch64`, which is called `arm64`

"#]],
    );
    table.breaks(
        "platform-architecture",
        &both("linux", "z80", None, None),
        str![[r#"
platform-architecture: config: `z80` is no architecture

"#]],
    );
    table.keeps("platform-os", &good(), str![]);
    table.breaks(
        "platform-os",
        &both("windows", "amd64", None, None),
        str![[r#"
platform-os: config: the operating system is `windows`

"#]],
    );
    table.keeps("platform-differs", &both("linux", "s390x", None, None), str![]);
    table.breaks(
        "platform-differs",
        &with(json!({ "architecture": "arm64" })),
        str![[r#"
platform-differs: config: the index says linux/amd64, the config linux/arm64

"#]],
    );
    table.keeps("platform-variant", &both("linux", "arm64", None, Some("v8")), str![]);
    table.keeps("platform-variant", &both("linux", "arm", Some("v7"), None), str![]);
    table.breaks(
        "platform-variant",
        &both("linux", "arm64", Some("v9"), None),
        str![[r#"
platform-variant: config: it is for arm64 of the variant `v9` alone

"#]],
    );
    table.breaks(
        "platform-variant",
        &both("linux", "amd64", None, Some("v3")),
        str![[r#"
index-variant: index: it has linux/amd64/v3, and nothing for any amd64
platform-variant: config: it is for amd64 of the variant `v3` alone

"#]],
    );
    table.breaks(
        "platform-variant",
        &both("linux", "arm64", Some("v9"), Some("v8")),
        str![[r#"
platform-variant: config: the index says the variant `v8`, the config `v9`

"#]],
    );
}

fn layers(table: &mut Table) {
    table.keeps("blob-unreadable", &good(), str![]);
    table.breaks("blob-unreadable", &Sample { missing: Some(1), ..good() }, str![[r#"
blob-unreadable: layer 1: there is no sha256:3c63d71db833527c3b9f537a028f849bb4e70dfef59830a6f3b56c916f279bfa

"#]]);
    table.keeps("blob-size", &good(), str![]);
    table.breaks(
        "blob-size",
        &good().with_layer(|layer| layer.more = 1),
        str![[r#"
blob-size: layer 1: it has 70253 bytes, not 70254

"#]],
    );
    let longer = good().with_layer(|layer| layer.instead = Some([&layer.blob[..], b"x"].concat()));
    table.breaks(
        "blob-size",
        &longer,
        str![[r#"
blob-size: layer 1: it has more than 70253 bytes

"#]],
    );
    table.keeps("blob-digest", &good(), str![]);
    let damaged = good().with_layer(|layer| {
        let mut blob = layer.blob.clone();
        blob[30_000] ^= 1;
        layer.instead = Some(blob);
    });
    table.breaks("blob-digest", &damaged, str![[r#"
blob-digest: layer 1: its bytes have the digest sha256:5e9bac0ea7777437c4619b1f6b89388a28f4f4fa14f0aeac730d5e45891c34e3

"#]]);
    table.keeps("layer-diff-id", &good(), str![]);
    let other = good().with_layer(|layer| layer.diff_id = Digest::of_bytes(b""));
    table.breaks("layer-diff-id", &other, str![[r#"
layer-diff-id: layer 1: decompressed, its digest is sha256:45967f36b4719530ea4fe2d80911e30bdf323a4549302656bc04f33ac20ed841, not `sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855`

"#]]);

    table.keeps("layer-unreadable", &sample([disk(TarBuilder::new()), TarBuilder::new()]), str![]);
    table.breaks(
        "layer-unreadable",
        &packed(|tar| gzip(tar)[..20_000].to_vec(), GZIP),
        str![[r#"
layer-unreadable: layer 1: the tar is cut off at byte 1024

"#]],
    );
    table.breaks(
        "layer-unreadable",
        &packed(|tar| gzip(&tar[..20_000]), GZIP),
        str![[r#"
layer-unreadable: layer 1: the tar is cut off at byte 20000

"#]],
    );
    table.breaks(
        "layer-unreadable",
        &sample([disk(TarBuilder::new()).raw(&[1; 512])]),
        str![[r#"
layer-unreadable: layer 1: there is no valid tar header at byte 71168

"#]],
    );
    let huge = header("a", b'0', 0o77_777_777_777, "0000644\0", "0000000\0");
    table.breaks(
        "layer-unreadable",
        &sample([disk(TarBuilder::new()).member(huge, b"")]),
        str![[r#"
layer-unreadable: layer 1: the tar is cut off at byte 71680

"#]],
    );
    table.breaks(
        "layer-unreadable",
        &sample([disk(TarBuilder::new()).file("../a", "")]),
        str![[r#"
layer-unreadable: layer 1: the path "../a" leads out of the root with `..`

"#]],
    );
    table.breaks(
        "layer-unreadable",
        &sample([disk(TarBuilder::new()).member(RawHeader::new(b"a", b'S', 0), b"")]),
        str![[r#"
layer-unreadable: layer 1: `a` is stored as a sparse file, which images must not have

"#]],
    );

    table.keeps(
        "layer-limit",
        &sample([disk(TarBuilder::new()), TarBuilder::new().file("a", "")]),
        str![],
    );
    let many = (0..500).map(|_| TarBuilder::new());
    table.breaks(
        "layer-limit",
        &sample([disk(TarBuilder::new())].into_iter().chain(many)),
        str![[r#"
layer-limit: manifest: it has 501 layers

"#]],
    );

    table.keeps(
        "layer-type",
        &packed(gzip, "application/vnd.docker.image.rootfs.diff.tar.gzip"),
        str![],
    );
    table.breaks(
        "layer-type",
        &packed(gzip, "application/octet-stream"),
        str![[r#"
layer-type: layer 1: its type is `application/octet-stream`

"#]],
    );
    for media_type in [
        "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
        "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
    ] {
        table.keeps("layer-type", &packed(gzip, media_type), str![]);
    }
    table.keeps("layer-type-differs", &packed(<[u8]>::to_vec, PLAIN), str![]);
    table.breaks("layer-type-differs", &packed(<[u8]>::to_vec, GZIP), str![[r#"
layer-type-differs: layer 1: its type is `application/vnd.oci.image.layer.v1.tar+gzip`, but it is not compressed

"#]]);
    table.breaks("layer-type-differs", &packed(gzip, ZSTD), str![[r#"
layer-type-differs: layer 1: its type is `application/vnd.oci.image.layer.v1.tar+zstd`, but it is compressed with gzip

"#]]);
    table.keeps("layer-compression", &good(), str![]);
    table.breaks(
        "layer-compression",
        &packed(bzip2, GZIP),
        str![[r#"
layer-compression: layer 1: it is compressed with bzip2

"#]],
    );
    table.breaks(
        "layer-compression",
        &packed(xz, GZIP),
        str![[r#"
layer-compression: layer 1: it is compressed with xz

"#]],
    );

    let small = || TarBuilder::new().dir("disk/").file("disk/a.raw", "small");
    let small = |pack: fn(&[u8]) -> Vec<u8>, media_type| Sample {
        layers: vec![Layer::packed(small(), pack, media_type)],
        ..good()
    };
    table.keeps(
        "layer-small",
        &small(<[u8]>::to_vec, PLAIN),
        str![[r#"
disk-small: /disk/a.raw: it has 5 bytes

"#]],
    );
    table.keeps(
        "layer-small",
        &small(guarded, ZSTD),
        str![[r#"
disk-small: /disk/a.raw: it has 5 bytes

"#]],
    );
    table.breaks(
        "layer-small",
        &small(gzip, GZIP),
        str![[r#"
layer-small: layer 1: it has 130 bytes
disk-small: /disk/a.raw: it has 5 bytes

"#]],
    );
    // The rule does not apply to a layer without a disk.
    table.keeps(
        "layer-small",
        &sample([disk(TarBuilder::new()), TarBuilder::new().file("a", "b")]),
        str![],
    );

    let zeros = || {
        let content = [vec![0; 200_000], noise(2000)].concat();
        let header = RawHeader::new(b"disk/a.raw", b'0', content.len() as u64);
        TarBuilder::new().dir("disk/").member(header, &content)
    };
    let zeros = |pack: fn(&[u8]) -> Vec<u8>, media_type| Sample {
        layers: vec![Layer::packed(zeros(), pack, media_type)],
        ..good()
    };
    table.keeps("layer-zstd-start", &zeros(gzip, GZIP), str![]);
    table.keeps("layer-zstd-start", &zeros(guarded, ZSTD), str![]);
    table.keeps("layer-zstd-start", &packed(zstd, ZSTD), str![]);
    table.breaks(
        "layer-zstd-start",
        &zeros(zstd, ZSTD),
        str![[r#"
layer-zstd-start: layer 1: its first zstd block ends at byte 103

"#]],
    );
    let skippable =
        |tar: &[u8]| [&[0x50, 0x2a, 0x4d, 0x18, 1, 0, 0, 0, 7][..], &guarded(tar)].concat();
    table.keeps("layer-zstd-skippable", &packed(guarded, ZSTD), str![]);
    table.breaks(
        "layer-zstd-skippable",
        &packed(skippable, ZSTD),
        str![[r#"
layer-zstd-skippable: layer 1: it begins with a skippable frame

"#]],
    );
}

fn bzip2(tar: &[u8]) -> Vec<u8> {
    let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
    encoder.write_all(tar).unwrap();
    encoder.finish().unwrap()
}

fn xz(tar: &[u8]) -> Vec<u8> {
    let mut encoder = liblzma::write::XzEncoder::new(Vec::new(), 0);
    encoder.write_all(tar).unwrap();
    encoder.finish().unwrap()
}

/// A file of 4 KiB.
fn file(name: &str, mode: &str, owner: &str) -> (RawHeader, Vec<u8>) {
    (header(name, b'0', 4096, mode, owner), noise(4096))
}

fn disks(table: &mut Table) {
    let one = |tar: TarBuilder| sample([tar]);
    let dir = || TarBuilder::new().dir("disk/");
    table.keeps(
        "disk-missing",
        &one(TarBuilder::new().file("disk/a.raw", "x").raw(&[0; 0])),
        str![[r#"
layer-small: layer 1: it has 92 bytes
disk-small: /disk/a.raw: it has 1 bytes

"#]],
    );
    table.breaks(
        "disk-missing",
        &one(TarBuilder::new().file("a.raw", "x")),
        str![[r#"
disk-missing: /disk: there is no such directory

"#]],
    );
    table.breaks(
        "disk-missing",
        &one(dir()),
        str![[r#"
disk-missing: /disk: it is empty

"#]],
    );
    table.breaks(
        "disk-missing",
        &one(TarBuilder::new()),
        str![[r#"
disk-missing: /disk: there is no such directory

"#]],
    );
    let kernel = || TarBuilder::new().dir("boot/").file("boot/vmlinuz", "x");
    table.keeps("kernel-only", &one(disk(kernel())), str![]);
    table.breaks(
        "kernel-only",
        &one(kernel()),
        str![[r#"
kernel-only: /boot/vmlinuz: there is no `/disk`

"#]],
    );
    table.keeps("disk-several", &good(), str![]);
    table.breaks(
        "disk-several",
        &one(disk(TarBuilder::new()).file("disk/.hidden", "")),
        str![[r#"
disk-several: /disk: it holds 2: .hidden, a.raw

"#]],
    );
    table.breaks(
        "disk-several",
        &one(disk(TarBuilder::new()).dir("disk/lost+found/")),
        str![[r#"
disk-several: /disk: it holds 2: a.raw, lost+found

"#]],
    );
    table.breaks(
        "disk-several",
        &one(disk(TarBuilder::new()).file("disk/c/d", "")),
        str![[r#"
disk-several: /disk: it holds 2: a.raw, c

"#]],
    );
    let many = (0..9).fold(dir(), |tar, number| tar.file(&format!("disk/{number}"), ""));
    table.breaks(
        "disk-several",
        &one(many),
        str![[r#"
layer-small: layer 1: it has 210 bytes
disk-several: /disk: it holds 9: 0, 1, 2, 3, 4, …
disk-blank: /disk/0: it is empty
disk-small: /disk/0: it has 0 bytes

"#]],
    );
    table.keeps("disk-not-directory", &one(disk(TarBuilder::new().dir("./"))), str![]);
    table.breaks(
        "disk-not-directory",
        &one(TarBuilder::new().file("disk", "x")),
        str![[r#"
layer-small: layer 1: it has 89 bytes
disk-not-directory: /disk: it is a file
disk-small: /disk: it has 1 bytes

"#]],
    );
    table.breaks(
        "disk-not-directory",
        &one(TarBuilder::new().symlink("disk", "a")),
        str![[r#"
layer-small: layer 1: it has 79 bytes
disk-not-directory: /disk: it is a symbolic link

"#]],
    );
    table.keeps("disk-nested", &good(), str![]);
    table.breaks(
        "disk-nested",
        &one(dir().dir("disk/a/").file("disk/a/b.raw", "x")),
        str![[r#"
layer-small: layer 1: it has 147 bytes
disk-nested: /disk/a: it is a directory
disk-small: /disk/a/b.raw: it has 1 bytes

"#]],
    );
    table.breaks(
        "disk-nested",
        &one(dir().file("disk/a/b.raw", "x")),
        str![[r#"
layer-small: layer 1: it has 129 bytes
disk-nested: /disk/a: it is a directory
disk-small: /disk/a/b.raw: it has 1 bytes

"#]],
    );
    table.keeps("disk-link", &one(disk(TarBuilder::new().symlink("a.raw", "disk/a.raw"))), str![]);
    table.breaks(
        "disk-link",
        &one(dir().file("a.raw", "x").hardlink("disk/a.raw", "a.raw")),
        str![[r#"
layer-small: layer 1: it has 153 bytes
disk-link: /disk/a.raw: it is a hard link to `a.raw`

"#]],
    );
    table.breaks(
        "disk-link",
        &one(dir().symlink("disk/a.raw", "../a.raw")),
        str![[r#"
layer-small: layer 1: it has 116 bytes
disk-link: /disk/a.raw: it is a symbolic link to `../a.raw`

"#]],
    );
    table.keeps("disk-special", &good(), str![]);
    table.breaks(
        "disk-special",
        &one(dir().member(RawHeader::new(b"disk/a", b'6', 0), b"")),
        str![[r#"
layer-small: layer 1: it has 110 bytes
disk-special: /disk/a: it is a pipe

"#]],
    );
    table.breaks(
        "disk-special",
        &one(dir().member(RawHeader::new(b"disk/a", b'4', 0), b"")),
        str![[r#"
layer-small: layer 1: it has 109 bytes
disk-special: /disk/a: it is a device

"#]],
    );

    let named = |name: &str| {
        let (header, content) = file(name, "0000644\0", "0000000\0");
        one(dir().member(header, &content))
    };
    named_paths(table);
    table.keeps("disk-name", &named("disk/Fedora-42.1_b+c.img"), str![]);
    table.breaks(
        "disk-name",
        &named("disk/a b.img"),
        str![[r#"
disk-name: /disk/a b.img: its name has a space

"#]],
    );
    table.breaks(
        "disk-name",
        &named("disk/a\tb.img"),
        str![[r#"
disk-name: /disk/a\tb.img: its name has `\t`

"#]],
    );
    table.breaks(
        "disk-name",
        &named("disk/größe.img"),
        str![[r#"
disk-name: /disk/größe.img: its name has `ö`

"#]],
    );
    table.breaks(
        "disk-name",
        &named("disk/info"),
        str![[r#"
disk-name: /disk/info: CDI's server on the node has another answer at `/info`

"#]],
    );
    table.breaks(
        "disk-name",
        &named("disk/index.html"),
        str![[r#"
disk-name: /disk/index.html: CDI's server on the node redirects `index.html`

"#]],
    );
    let sized = |len| {
        let header = RawHeader::new(b"disk/a.raw", b'0', len as u64);
        one(dir().member(header, &noise(len)))
    };
    table.keeps("disk-small", &sized(512), str![]);
    table.breaks(
        "disk-small",
        &sized(511),
        str![[r#"
disk-small: /disk/a.raw: it has 511 bytes

"#]],
    );
    table.keeps("disk-tar-name", &named("./disk/a.raw"), str![]);
    table.keeps("disk-tar-name", &named("disk//a.raw"), str![]);
    table.breaks(
        "disk-tar-name",
        &named("/disk/a.raw"),
        str![[r#"
disk-tar-name: /disk/a.raw: its name in the tar begins neither with `disk/` nor with `./disk/`

"#]],
    );
    table.breaks(
        "disk-tar-name",
        &named("././disk/a.raw"),
        str![[r#"
disk-tar-name: /disk/a.raw: its name in the tar begins neither with `disk/` nor with `./disk/`

"#]],
    );
    table.keeps("tar-name", &one(disk(TarBuilder::new()).file("./a", "")), str![]);
    table.breaks(
        "tar-name",
        &one(disk(TarBuilder::new()).file("/a", "")),
        str![[r#"
tar-name: layer 1: the name `/a` begins with a slash

"#]],
    );
}

fn named_paths(table: &mut Table) {
    let check = |path: &str, tars: Vec<TarBuilder>, expected: Inline| {
        let found = lines(&sample(tars).report_of(Some(path)).findings);
        assert_data_eq!(found, expected.raw());
    };
    let dir = |mode| TarBuilder::new().member(header("vm/", b'5', 0, mode, "0000000\0"), b"");
    let with = |tar: TarBuilder, mode| {
        let (header, content) = file("vm/a b.img", mode, "0000000\0");
        tar.member(header, &content)
    };
    let good = || with(dir("0000755\0"), "0000444\0");
    check("/vm/a b.img", vec![good()], str![]);
    check("/vm/a b.img", vec![good().file("disk/a", "").file("disk/b", "")], str![]);
    check(
        "/vm",
        vec![good()],
        str![[r#"
disk-path: /vm: it is a directory

"#]],
    );
    check(
        "/vm/c.img",
        vec![good()],
        str![[r#"
disk-path: /vm/c.img: there is no such file

"#]],
    );
    check(
        "/vm/c.img",
        vec![good().symlink("vm/c.img", "a b.img")],
        str![[r#"
disk-path: /vm/c.img: it is a symbolic link

"#]],
    );
    for whiteout in ["vm/.wh.a b.img", ".wh.vm"] {
        check(
            "/vm/a b.img",
            vec![good(), TarBuilder::new().file(whiteout, "")],
            str![[r#"
disk-path: /vm/a b.img: there is no such file

"#]],
        );
    }
    check(
        "/vm/a b.img",
        vec![with(dir("0000700\0"), "0000444\0")],
        str![[r#"
disk-closed: /vm: it belongs to 0:0 and has the mode 0700

"#]],
    );
    check(
        "/vm/a b.img",
        vec![with(dir("0000711\0"), "0000400\0")],
        str![[r#"
disk-unreadable: /vm/a b.img: it belongs to 0:0 and has the mode 0400

"#]],
    );
    check(
        "/vm/a.vmdk",
        vec![dir("0000755\0").file("vm/a.vmdk", "KDMV\u{1}\0\0\0")],
        str![[r#"
disk-outside-file: /vm/a.vmdk: the header at byte 0 lies outside the file of 8 bytes
disk-cdi-only: /vm/a.vmdk: its format is vmdk: CDI converts it, KubeVirt does not take it

"#]],
    );
    table.kept.insert("disk-path");
    table.broken.insert("disk-path");
}

fn views(table: &mut Table) {
    let all = |tars: Vec<TarBuilder>| sample(tars);
    let change = |mode: &str| {
        let header = header("disk/a.raw", b'0', 70_000, mode, "0000153\0");
        TarBuilder::new().member(header, &noise(70_000))
    };
    table.keeps(
        "disk-differs",
        &all(vec![TarBuilder::new().file("a", "x"), disk(TarBuilder::new())]),
        str![],
    );
    table.keeps(
        "disk-differs",
        &all(vec![disk(TarBuilder::new()), TarBuilder::new().file("disk/.wh.b", "")]),
        str![],
    );
    let replaced = TarBuilder::new().file("disk/a.raw", "other");
    table.breaks(
        "disk-differs",
        &all(vec![disk(TarBuilder::new()), replaced]),
        str![[r#"
disk-differs: /disk/a.raw of layer 1: CDI takes it for the disk, KubeVirt /disk/a.raw of layer 2
disk-small: /disk/a.raw: it has 5 bytes

"#]],
    );
    let removed = TarBuilder::new().file("disk/.wh.a.raw", "");
    table.breaks(
        "disk-differs",
        &all(vec![disk(TarBuilder::new()), removed]),
        str![[r#"
disk-missing: /disk: it is empty
disk-differs: /disk/a.raw of layer 1: CDI takes it for the disk, KubeVirt has none

"#]],
    );
    let opaque = TarBuilder::new().file("disk/.wh..wh..opq", "").file("disk/b.raw", "other");
    table.breaks(
        "disk-differs",
        &all(vec![disk(TarBuilder::new()), opaque]),
        str![[r#"
disk-differs: /disk/a.raw of layer 1: CDI takes it for the disk, KubeVirt /disk/b.raw of layer 2
disk-small: /disk/b.raw: it has 5 bytes

"#]],
    );
    let renamed = TarBuilder::new().file("disk/.wh.a.raw", "").file("disk/b.raw", "other");
    table.breaks(
        "disk-differs",
        &all(vec![disk(TarBuilder::new()), renamed]),
        str![[r#"
disk-differs: /disk/a.raw of layer 1: CDI takes it for the disk, KubeVirt /disk/b.raw of layer 2
disk-small: /disk/b.raw: it has 5 bytes

"#]],
    );
    table.breaks(
        "disk-differs",
        &all(vec![disk(TarBuilder::new().file("disk.txt", "x"))]),
        str![[r#"
disk-differs: /disk.txt of layer 1: CDI takes it for the disk, KubeVirt /disk/a.raw of layer 1
disk-prefix: /disk.txt: its path begins with `disk`

"#]],
    );
    table.keeps(
        "path-twice",
        &all(vec![disk(TarBuilder::new()), TarBuilder::new().dir("disk")]),
        str![],
    );
    table.keeps("path-twice", &all(vec![disk(TarBuilder::new().dir("a").file("a/a", ""))]), str![]);
    table.breaks(
        "path-twice",
        &all(vec![disk(TarBuilder::new()).dir("./disk")]),
        str![[r#"
path-twice: layer 1: it has `/disk` twice

"#]],
    );
    table.breaks(
        "path-twice",
        &all(vec![disk(TarBuilder::new().file("a", "").file("a", ""))]),
        str![[r#"
path-twice: layer 1: it has `/a` twice

"#]],
    );
    let twice =
        TarBuilder::new().member(RawHeader::new(b"disk/a.raw", b'0', 70_000), &noise(70_000));
    table.breaks(
        "path-twice",
        &all(vec![disk(twice)]),
        str![[r#"
path-twice: layer 1: it has `/disk/a.raw` twice
disk-repeated: /disk/a.raw: it is in layer 1 and, as far as can be seen the same, in 1

"#]],
    );
    let whiteout = |tar: TarBuilder| tar.file("disk/.wh.b", "");
    table.keeps(
        "disk-whiteout",
        &all(vec![disk(TarBuilder::new()), whiteout(TarBuilder::new())]),
        str![],
    );
    table.keeps(
        "disk-whiteout",
        &all(vec![TarBuilder::new().dir("disk"), whiteout(disk(TarBuilder::new()))]),
        str![],
    );
    table.keeps("disk-whiteout", &all(vec![disk(TarBuilder::new().file("a/.wh.b", ""))]), str![]);
    table.keeps(
        "disk-whiteout",
        &all(vec![disk(TarBuilder::new().file("disk/.wh..wh..opq", ""))]),
        str![],
    );
    table.breaks(
        "disk-whiteout",
        &all(vec![whiteout(disk(TarBuilder::new()))]),
        str![[r#"
disk-whiteout: /disk/.wh.b: no other layer has anything in `/disk`

"#]],
    );
    table.breaks(
        "disk-whiteout",
        &all(vec![TarBuilder::new().file("a", ""), disk(whiteout(TarBuilder::new()))]),
        str![[r#"
disk-whiteout: /disk/.wh.b: no other layer has anything in `/disk`

"#]],
    );
    // They differ behind what is examined.
    let long = |last: u8| {
        let content = [vec![1; crate::disk::START_LEN], vec![last]].concat();
        let header = RawHeader::new(b"disk/a.raw", b'0', content.len() as u64);
        TarBuilder::new().dir("disk/").member(header, &content)
    };
    table.breaks(
        "disk-repeated",
        &all(vec![long(1), long(1)]),
        str![[r#"
disk-repeated: /disk/a.raw: it is in layer 1 and, as far as can be seen the same, in 2

"#]],
    );
    table.breaks(
        "disk-differs",
        &all(vec![long(1), long(2)]),
        str![[r#"
disk-differs: /disk/a.raw of layer 1: CDI takes it for the disk, KubeVirt /disk/a.raw of layer 2

"#]],
    );
    table.keeps("disk-repeated", &good(), str![]);
    table.breaks(
        "disk-repeated",
        &all(vec![disk(TarBuilder::new()), change("0000444\0")]),
        str![[r#"
disk-repeated: /disk/a.raw: it is in layer 1 and, as far as can be seen the same, in 2

"#]],
    );
    table.keeps(
        "disk-prefix",
        &all(vec![disk(TarBuilder::new().dir("diskette/").file("a-disk", ""))]),
        str![],
    );
    table.breaks(
        "disk-prefix",
        &all(vec![disk(TarBuilder::new()).file("disk.txt", "x")]),
        str![[r#"
disk-prefix: /disk.txt: its path begins with `disk`

"#]],
    );
    table.breaks(
        "disk-prefix",
        &all(vec![disk(TarBuilder::new()).file("./diskette/a", "x")]),
        str![[r#"
disk-prefix: /diskette/a: its path begins with `disk`

"#]],
    );
}

fn paths(table: &mut Table) {
    let disk_of = |mode: &str, owner: &str| {
        let (header, content) = file("disk/a.raw", mode, owner);
        sample([TarBuilder::new().dir("disk/").member(header, &content)])
    };
    table.keeps("disk-unreadable", &disk_of("0000444\0", "0000000\0"), str![]);
    table.keeps("disk-unreadable", &disk_of("0000400\0", "0000153\0"), str![]);
    table.breaks(
        "disk-unreadable",
        &disk_of("0000600\0", "0000000\0"),
        str![[r#"
disk-unreadable: /disk/a.raw: it belongs to 0:0 and has the mode 0600

"#]],
    );
    table.breaks(
        "disk-unreadable",
        &disk_of("0000044\0", "0000153\0"),
        str![[r#"
disk-unreadable: /disk/a.raw: it belongs to 107:107 and has the mode 0044

"#]],
    );
    let closed = |path: &str, mode: &str, owner: &str| {
        let (header, (file, content)) =
            (header(path, b'5', 0, mode, owner), file("disk/a.raw", "0000644\0", "0000000\0"));
        sample([TarBuilder::new().member(header, b"").member(file, &content)])
    };
    table.keeps("disk-closed", &closed("disk/", "0000500\0", "0000153\0"), str![]);
    table.breaks(
        "disk-closed",
        &closed("disk/", "0000700\0", "0000000\0"),
        str![[r#"
disk-closed: /disk: it belongs to 0:0 and has the mode 0700

"#]],
    );
    table.breaks(
        "disk-closed",
        &closed("disk/", "0000444\0", "0000000\0"),
        str![[r#"
disk-closed: /disk: it belongs to 0:0 and has the mode 0444

"#]],
    );
    table.keeps("disk-closed", &closed("./", "0000700\0", "0000000\0"), str![]);
    table.keeps("disk-closed", &closed("./", "0000500\0", "0000000\0"), str![]);

    let beside = |tar: TarBuilder| sample([disk(tar)]);
    let usual = TarBuilder::new()
        .dir("usr/bin/")
        .symlink("var", "usr")
        .file("usr/bin/x", "")
        .file("etc/x", "");
    table.keeps("mount-point", &beside(usual), str![]);
    table.breaks(
        "mount-point",
        &beside(TarBuilder::new().file("usr/bin", "")),
        str![[r#"
mount-point: /usr/bin: it is a file, and KubeVirt mounts its own programs there

"#]],
    );
    table.breaks(
        "mount-point",
        &beside(TarBuilder::new().file("var", "")),
        str![[r#"
mount-point: /var: it is a file, and KubeVirt mounts its sockets there

"#]],
    );
    table.keeps(
        "mount-point",
        &sample([disk(TarBuilder::new().file("usr", "")), TarBuilder::new().file(".wh.usr", "")]),
        str![],
    );
    let etc = || TarBuilder::new().dir("etc/").file("etc/hosts", "");
    table.keeps("mount-file", &beside(etc().symlink("etc/resolv.conf", "../run/a")), str![]);
    table.breaks(
        "mount-file",
        &beside(etc().dir("etc/hostname/")),
        str![[r#"
mount-file: /etc/hostname: it is a directory

"#]],
    );
    table.breaks(
        "mount-file",
        &beside(etc().file("etc/resolv.conf/a", "")),
        str![[r#"
mount-file: /etc/resolv.conf: it is a directory

"#]],
    );
    table.keeps(
        "bootc-directory",
        &beside(TarBuilder::new().file("ostree", "").dir("usr/ostree")),
        str![],
    );
    let linked = |target| TarBuilder::new().symlink("sysroot", target).file("mnt/a/b/c", "");
    table.keeps("bootc-directory", &beside(linked("nowhere")), str![]);
    table.keeps("bootc-directory", &beside(linked("sysroot")), str![]);
    table.keeps("bootc-directory", &beside(linked("mnt/a/b/c")), str![]);
    let hidden = TarBuilder::new().file(".wh.mnt", "").file(".wh.sysroot", "");
    table.keeps(
        "bootc-directory",
        &sample([disk(TarBuilder::new().file("sysroot/a", "")), hidden]),
        str![],
    );
    table.breaks(
        "bootc-directory",
        &beside(linked("mnt")),
        str![[r#"
bootc-directory: /sysroot: it is a link to the directory `mnt`

"#]],
    );
    table.breaks(
        "bootc-directory",
        &beside(linked("/x/../mnt/./a")),
        str![[r#"
bootc-directory: /sysroot: it is a link to the directory `/x/../mnt/./a`

"#]],
    );
    table.breaks(
        "bootc-directory",
        &beside(linked("..")),
        str![[r#"
bootc-directory: /sysroot: it is a link to the directory `..`

"#]],
    );
    table.breaks(
        "bootc-directory",
        &beside(TarBuilder::new().file("ostree/a", "").symlink("sysroot", "ostree")),
        str![[r#"
bootc-directory: /sysroot: it is a link to the directory `ostree`
bootc-directory: /ostree: it is a directory

"#]],
    );
    table.breaks(
        "bootc-directory",
        &beside(TarBuilder::new().dir("sysroot/").dir("ostree/")),
        str![[r#"
bootc-directory: /sysroot: it is a directory
bootc-directory: /ostree: it is a directory

"#]],
    );
    let kernel = |mode: &str, owner: &str| {
        let (header, content) = file("boot/vmlinuz", mode, owner);
        beside(TarBuilder::new().dir("boot/").member(header, &content))
    };
    table.keeps("kernel-unreadable", &kernel("0000440\0", "0000153\0"), str![]);
    table.breaks(
        "kernel-unreadable",
        &kernel("0000600\0", "0000000\0"),
        str![[r#"
kernel-unreadable: /boot/vmlinuz: it belongs to 0:0 and has the mode 0600

"#]],
    );
}

fn labels(table: &mut Table) {
    table.keeps("label-key", &env(&["KUBEVIRT_IO_TEST=a", "PATH=/bin", "X"]), str![]);
    table.breaks(
        "label-key",
        &env(&["KUBEVIRT_IO_=a"]),
        str![[r#"
label-key: variable KUBEVIRT_IO_: `kubevirt.io/` is not a label key: its name is empty

"#]],
    );
    table.breaks("label-key", &env(&["A__KUBEVIRT_IO_B=a"]), str![[r#"
label-key: variable A__KUBEVIRT_IO_B: `a..kubevirt.io/b` is not a label key: its prefix is not a lower-case domain name

"#]]);
    table.keeps("label-value", &env(&["KUBEVIRT_IO_TEST=", "B=-"]), str![]);
    table.breaks("label-value", &env(&["KUBEVIRT_IO_TEST=-"]), str![[r#"
label-value: variable KUBEVIRT_IO_TEST: `-` is not a label value: it must begin and end with a letter or digit

"#]]);
    let many = |count: usize| {
        let variable = |number| format!("KUBEVIRT_IO_TEST_{number:04}={}", "a".repeat(60));
        let variables: Vec<String> = (0..count).map(variable).collect();
        env(&variables.iter().map(String::as_str).collect::<Vec<_>>())
    };
    table.keeps("label-report", &many(40), str![]);
    // Two labels less than their longest, so that the report has just the length.
    let reported = |len: usize| {
        let rest =
            len - (crate::cluster::contract::labels::report_len([]) + r#""labels":{},"#.len());
        let name = |number| format!("KUBEVIRT_IO_TEST_{number:04}");
        // Every label takes 6 bytes beside its name of 21 and its value, the last one 5.
        let mut values = vec![60; rest / 87];
        let left = rest + 1 - values.len() * 87;
        if let Some(own) = left.checked_sub(27) {
            values.push(own);
        } else {
            values[0] -= 30;
            values.push(left + 30 - 27);
        }
        let variables: Vec<String> = values
            .iter()
            .enumerate()
            .map(|(number, len)| format!("{}={}", name(number), "a".repeat(*len)))
            .collect();
        env(&variables.iter().map(String::as_str).collect::<Vec<_>>())
    };
    table.keeps("label-report", &reported(4095), str![]);
    table.keeps("label-report", &reported(4096), str![]);
    table.breaks(
        "label-report",
        &reported(4097),
        str![[r#"
label-report: config: with its labels CDI's report has 4097 bytes of 4096

"#]],
    );
    table.breaks(
        "label-report",
        &many(50),
        str![[r#"
label-report: config: with its labels CDI's report has 4448 bytes of 4096

"#]],
    );
    table.keeps("label-twice", &env(&["KUBEVIRT_IO_A=a", "KUBEVIRT_IO_B=a"]), str![]);
    table.breaks(
        "label-twice",
        &env(&["KUBEVIRT_IO_A=a", "_KUBEVIRT_IO_A=b"]),
        str![[r#"
label-twice: variable _KUBEVIRT_IO_A: it makes the label `kubevirt.io/a`, as KUBEVIRT_IO_A does

"#]],
    );
    table.keeps("label-reserved", &env(&["NOTCDI_KUBEVIRT_IO_A=a"]), str![]);
    table.breaks(
        "label-reserved",
        &env(&["CDI_KUBEVIRT_IO_A=a"]),
        str![[r#"
label-reserved: variable CDI_KUBEVIRT_IO_A: it makes the label `cdi.kubevirt.io/a`

"#]],
    );
    table.keeps("label-dropped", &env(&["A_KUBEVIRT_IO_A=a"]), str![]);
    table.breaks(
        "label-dropped",
        &env(&["A-B_KUBEVIRT_IO_A=a"]),
        str![[r#"
label-dropped: variable A-B_KUBEVIRT_IO_A: it makes the label `a-b.kubevirt.io/a`

"#]],
    );
}

/// The formats' own modules test which flaws disks have; this tests which rules the flaws break.
fn flaws(table: &mut Table) {
    let judged = |flaws: Vec<Flaw>, boot: Vec<&'static str>| {
        let sample = good();
        let mut memory = MemoryImages::default();
        sample.put(&mut memory);
        let mut layer = LayerFacts::default();
        let tar = disk(TarBuilder::new()).end();
        let members = crate::oci::tar::read_entries(&tar[..], TarLimits::default()).unwrap();
        layer.members = members.map(Result::unwrap).collect();
        let (format, start) = (DiskFormat::Raw, Digest::of_bytes(b""));
        let info = DiskInfo {
            format,
            virtual_size: 70_000,
            file_size: 70_000,
            allocated: None,
            cluster_compression: None,
            partitions: None,
            boot,
            flaws,
        };
        layer.disks.insert(1, DiskFacts { info, mark: (start, 0) });
        let config = ConfigFacts::from_fields(&sample.config());
        let layers = vec![layer];
        let facts = ImageFacts { config, layers, ..ImageFacts::default() };
        lines(&judge_image(None, &facts))
    };
    let kinds = [
        (FlawKind::Blank, "disk-blank"),
        (FlawKind::Compressed, "disk-packed"),
        (FlawKind::Truncated, "disk-truncated"),
        (FlawKind::OutsideFile, "disk-outside-file"),
        (FlawKind::Malformed, "disk-malformed"),
        (FlawKind::Corrupt, "disk-corrupt"),
        (FlawKind::UnknownFeature, "disk-unknown-feature"),
        (FlawKind::BackingFile, "disk-backing-file"),
        (FlawKind::DataFile, "disk-data-file"),
        (FlawKind::Encrypted, "disk-encrypted"),
        (FlawKind::CdiOnly, "disk-cdi-only"),
        (FlawKind::Unsupported, "disk-unsupported"),
        (FlawKind::SectorSize, "disk-sector-size"),
        (FlawKind::Misnamed, "disk-misnamed"),
        (FlawKind::Dirty, "disk-dirty"),
        (FlawKind::Snapshots, "disk-snapshots"),
    ];
    for (kind, rule) in kinds {
        let flaw = Flaw { kind, detail: "that is it".into(), remedy: None };
        assert_eq!(judged(vec![flaw], Vec::new()), format!("{rule}: /disk/a.raw: that is it\n"));
        table.broken.insert(rule);
        assert_eq!(judged(Vec::new(), Vec::new()), "");
        table.kept.insert(rule);
    }
    assert_eq!(judged(Vec::new(), vec!["amd64", "386"]), "");
    let found = judged(Vec::new(), vec!["arm64", "arm"]);
    let expected =
        "disk-architecture: /disk/a.raw: its boot loader is for arm64 and arm, not amd64\n";
    assert_eq!(found, expected);
    table.kept.insert("disk-architecture");
    table.broken.insert("disk-architecture");
}
