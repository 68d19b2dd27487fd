//! Recipes of good specs.

use std::collections::{BTreeMap, BTreeSet};

use snapbox::str;

use super::super::*;
use super::{check, load_recipes, source};
use crate::compression::{CompressionFormat, LayerCompression, LayerCompressionKind};
use crate::oci::image::config::ImageConfig;
use crate::oci::image::platform::Platform;
use crate::oci::tar::Owner;
use crate::recipe::{
    Checksum, ConfigRecipe, LayerEntry, LayerEntryKind, LayerRecipe, PlatformRecipe, RecipeStep,
    SourceLocation, SourceRecipe, SourceRole,
};

#[test]
fn a_spec_becomes_a_recipe() {
    let text = "{apiVersion: diskette/v1, image: me, platforms: {arm64: {disk: a.qcow2}}}";
    let source = source(text);
    let at = text.find("a.qcow2").unwrap();
    let owner = Owner { uid: 107, gid: 107 };
    let disk = SourceRecipe {
        origin: Some(crate::recipe::diagnostic::Span::new(&source, at..at + "a.qcow2".len())),
        ..SourceRecipe::new(SourceLocation::path("a.qcow2"), SourceRole::Disk)
    };
    let platform = PlatformRecipe {
        platform: Platform { os: "linux".into(), architecture: "arm64".into(), variant: None },
        base: None,
        steps: vec![RecipeStep::Layer(LayerRecipe::of_tar(
            "disk/a.qcow2",
            vec![
                LayerEntry::new("disk", LayerEntryKind::Directory, 0o555, owner),
                LayerEntry::new("disk/a.qcow2", LayerEntryKind::File(disk), 0o444, owner),
            ],
        ))],
        config: ConfigRecipe::Image(ImageConfig::new(&"linux/arm64".parse().unwrap())),
        entry_annotations: [].into(),
        compression: LayerCompression::default(),
        annotations: BTreeMap::new(),
    };
    let names = vec!["docker.io/library/me:latest".parse().unwrap()];
    let recipe = Recipe {
        names,
        platforms: vec![platform],
        annotations: [].into(),
        index_annotations: [].into(),
        subject: None,
        attest: BTreeSet::new(),
        warnings: Vec::new(),
    };
    assert_eq!(load_recipes(&source), Ok(vec![recipe]));
}

#[test]
fn what_is_left_out_is_filled_in() {
    check(
        "apiVersion: diskette/v1\nplatforms: {amd64: {disk: /disks/Fedora 42.qcow2}}\n",
        str![[r#"
image {}
warning diskette.yaml:2:27: `Fedora 42.qcow2` is named `Fedora-42.qcow2` in the image: its name has a space
linux/amd64
  env {} labels {}
  layer disk/Fedora-42.qcow2
    555 107:107 disk
    444 107:107 disk/Fedora-42.qcow2 <- Disk File(InputFile { directory: "", path: "/disks/Fedora 42.qcow2" }) None None at diskette.yaml:2:27

"#]],
    );
    check(
        r#"apiVersion: diskette/v1
image: localhost:5000/me/fedora
tags: ["42", latest]
platforms:
  linux/arm/v7: {disk: a.qcow2.XZ}
  s390x: {disk: "https://example.com/images/b.raw.gz?token=1#top"}
  "386": {disk: {path: c.qcow2.zst, unpack: none}}
  riscv64: {disk: {path: d, unpack: bz2, name: d.img}}
"#,
        str![[r#"
image localhost:5000/me/fedora:42 localhost:5000/me/fedora:latest {}
linux/arm/v7
  env {} labels {}
  layer disk/a.qcow2
    555 107:107 disk
    444 107:107 disk/a.qcow2 <- Disk File(InputFile { directory: "", path: "a.qcow2.XZ" }) Some(Xz) None at diskette.yaml:5:24
linux/s390x
  env {} labels {}
  layer disk/b.raw
    555 107:107 disk
    444 107:107 disk/b.raw <- Disk Url("https://example.com/images/b.raw.gz?token=1#top") Some(Gzip) None at diskette.yaml:6:17
linux/386
  env {} labels {}
  layer disk/c.qcow2.zst
    555 107:107 disk
    444 107:107 disk/c.qcow2.zst <- Disk File(InputFile { directory: "", path: "c.qcow2.zst" }) None None at diskette.yaml:7:24
linux/riscv64
  env {} labels {}
  layer disk/d.img
    555 107:107 disk
    444 107:107 disk/d.img <- Disk File(InputFile { directory: "", path: "d" }) Some(Bzip2) None at diskette.yaml:8:26

"#]],
    );
}

#[test]
fn a_platform_goes_before_the_rest() {
    check(
        r#"apiVersion: diskette/v1
platforms:
  amd64: {disk: a}
  arm64:
    disk: a
    kubevirt: {preference: fedora.arm64, labels: {kubevirt.io/b: "2"}}
    env: {B: own, C: own}
    labels: {b: own}
    files: [{path: /boot/dtb/board.dtb, source: {url: https://example.com/x.gz, unpack: gz}}]
kubevirt:
  instancetype: u1.medium
  instancetypeKind: VirtualMachineClusterInstancetype
  preference: fedora
  preferenceKind: VirtualMachineClusterPreference
  labels: {kubevirt.io/a: "", kubevirt.io/b: "1", a.b.kubevirt.io/c-d: x_Y.z}
files:
  - {path: /boot/vmlinuz, source: vmlinuz}
  - {path: /boot-x, source: initramfs.gz}
env: {A: top, B: top, KUBEVIRT_IO_Z: z}
labels: {a: top, b: top}
annotations: {x: y, empty: ""}
"#,
        str![[r#"
image {"empty": "", "x": "y"}
linux/amd64
  env {"A": "top", "A_B_KUBEVIRT_IO_C_D": "x_Y.z", "B": "top", "INSTANCETYPE_KUBEVIRT_IO_DEFAULT_INSTANCETYPE": "u1.medium", "INSTANCETYPE_KUBEVIRT_IO_DEFAULT_INSTANCETYPE_KIND": "VirtualMachineClusterInstancetype", "INSTANCETYPE_KUBEVIRT_IO_DEFAULT_PREFERENCE": "fedora", "INSTANCETYPE_KUBEVIRT_IO_DEFAULT_PREFERENCE_KIND": "VirtualMachineClusterPreference", "KUBEVIRT_IO_A": "", "KUBEVIRT_IO_B": "1", "KUBEVIRT_IO_Z": "z"} labels {"a": "top", "b": "top"}
  layer disk/a
    555 107:107 disk
    444 107:107 disk/a <- Disk File(InputFile { directory: "", path: "a" }) None None at diskette.yaml:3:17
  layer boot-x, boot/vmlinuz
    555 107:107 boot
    444 107:107 boot-x <- File File(InputFile { directory: "", path: "initramfs.gz" }) None None at diskette.yaml:18:29
    444 107:107 boot/vmlinuz <- File File(InputFile { directory: "", path: "vmlinuz" }) None None at diskette.yaml:17:35
linux/arm64
  env {"A": "top", "A_B_KUBEVIRT_IO_C_D": "x_Y.z", "B": "own", "C": "own", "INSTANCETYPE_KUBEVIRT_IO_DEFAULT_INSTANCETYPE": "u1.medium", "INSTANCETYPE_KUBEVIRT_IO_DEFAULT_INSTANCETYPE_KIND": "VirtualMachineClusterInstancetype", "INSTANCETYPE_KUBEVIRT_IO_DEFAULT_PREFERENCE": "fedora.arm64", "INSTANCETYPE_KUBEVIRT_IO_DEFAULT_PREFERENCE_KIND": "VirtualMachineClusterPreference", "KUBEVIRT_IO_A": "", "KUBEVIRT_IO_B": "2", "KUBEVIRT_IO_Z": "z"} labels {"a": "top", "b": "own"}
  layer disk/a
    555 107:107 disk
    444 107:107 disk/a <- Disk File(InputFile { directory: "", path: "a" }) None None at diskette.yaml:5:11
  layer boot-x, boot/dtb/board.dtb, boot/vmlinuz
    555 107:107 boot
    444 107:107 boot-x <- File File(InputFile { directory: "", path: "initramfs.gz" }) None None at diskette.yaml:18:29
    555 107:107 boot/dtb
    444 107:107 boot/dtb/board.dtb <- File Url("https://example.com/x.gz") Some(Gzip) None at diskette.yaml:9:55
    444 107:107 boot/vmlinuz <- File File(InputFile { directory: "", path: "vmlinuz" }) None None at diskette.yaml:17:35

"#]],
    );
}

#[test]
fn checksums_are_read_in_all_their_forms() {
    let sha256 = "0123456789abcdef".repeat(4);
    for given in [sha256.clone(), sha256.to_uppercase(), format!("sha256:{sha256}")] {
        let text = format!(
            "{{apiVersion: diskette/v1, platforms: {{amd64: {{disk: {{path: a, sha256: '{given}'}}}}}}}}"
        );
        let recipes = load_recipes(&source(&text)).unwrap();
        let LayerEntryKind::File(disk) =
            &recipes[0].platforms[0].layers().next().unwrap().entries()[1].kind
        else {
            panic!("the disk is a file");
        };
        assert_eq!(disk.checksum, Some(Checksum::Sha256(sha256.clone())));
        assert_eq!(disk.compression, None::<CompressionFormat>);
    }
}

#[test]
fn the_ways_of_yaml_are_understood() {
    check(
        "\u{feff}# Windows was here\r\napiVersion: diskette/v1\r\nenv: {A: &a 'x: y', B: *a}\r\nplatforms:\r\n  amd64:\r\n    disk: >-\r\n      a.qcow2\r\n",
        str![[r#"
image {}
linux/amd64
  env {"A": "x: y", "B": "x: y"} labels {}
  layer disk/a.qcow2
    555 107:107 disk
    444 107:107 disk/a.qcow2 <- Disk File(InputFile { directory: "", path: "a.qcow2" }) None None at diskette.yaml:7:7

"#]],
    );
    check(
        "---\napiVersion: \"diskette/v1\"\nplatforms: {amd64: {disk: a}}\n...\n---\n---\n{apiVersion: diskette/v1, env: {ON: no, OFF: off, D: 2026-01-01, V: 1.2.3}, platforms: {amd64: {disk: !!str 42}}}\n",
        str![[r#"
image {}
linux/amd64
  env {} labels {}
  layer disk/a
    555 107:107 disk
    444 107:107 disk/a <- Disk File(InputFile { directory: "", path: "a" }) None None at diskette.yaml:3:27
image {}
linux/amd64
  env {"D": "2026-01-01", "OFF": "off", "ON": "no", "V": "1.2.3"} labels {}
  layer disk/42
    555 107:107 disk
    444 107:107 disk/42 <- Disk File(InputFile { directory: "", path: "42" }) None None at diskette.yaml:7:109

"#]],
    );
}

#[test]
fn layers_have_the_compression_of_their_platform() {
    use LayerCompressionKind::{Gzip, Zstd};
    let check = |top: &str, own: &str, expected: (LayerCompressionKind, Option<u8>)| {
        let head = format!("apiVersion: diskette/v1\nimage: me\n{top}\nplatforms:");
        let text = format!("{head}\n  amd64: {{disk: a.qcow2{own}}}\n");
        let recipes = load_recipes(&source(&text)).unwrap();
        let compression = recipes[0].platforms[0].compression;
        assert_eq!((compression.kind(), compression.level()), expected, "{text}");
    };
    check("", "", (Gzip, Some(3)));
    check("compression: zstd", "", (Zstd, Some(3)));
    check("compression: zstd", ", compression: gzip", (Gzip, Some(3)));
    check("", ", compression: {type: zstd, level: 2}", (Zstd, Some(2)));
    check("compression: {type: gzip, level: 12}", "", (Gzip, Some(12)));
    check("compression: {type: zstd}", ", compression: none", (LayerCompressionKind::None, None));
}
