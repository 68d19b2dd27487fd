use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};

use super::super::tests::{Unopened, go_on, offline, pool, read_content};
use crate::engine::source::{ContentError, Source, SourceOpener, UnverifiedPolicy};
use crate::oci::image::digest::Digest;
use crate::oci::images::testing::MemoryImages;
use crate::oci::tar::testing::TarBuilder;
use crate::recipe::{ImageDisk, SourceLocation, SourceRecipe, SourceRole};

const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const TAR: &str = "application/vnd.oci.image.layer.v1.tar";
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const RAW_ZSTD: &str = "application/vnd.kubevirt.disk.raw+zstd";

/// Media type, annotations and bytes of a layer.
type ArtifactLayer<'a> = (&'a str, &'a [(&'a str, &'a str)], &'a [u8]);

/// Images in memory, of which each is stored under a tag.
#[derive(Default)]
struct Shelf(MemoryImages);

impl Shelf {
    fn descriptor(&mut self, media_type: &str, bytes: &[u8]) -> Value {
        let digest = self.0.put(bytes).to_string();
        json!({ "mediaType": media_type, "digest": digest, "size": bytes.len() })
    }

    fn name(&mut self, tag: &str, document: &Value) {
        let digest = document["digest"].as_str().unwrap().parse().unwrap();
        self.0.names.insert(tag.into(), digest);
    }

    /// Stores an image with these tars as its layers, and returns its descriptor.
    fn container(&mut self, tag: &str, tars: &[Vec<u8>]) -> Value {
        let diff_ids: Vec<_> = tars.iter().map(|it| Digest::of_bytes(it).to_string()).collect();
        let config =
            json!({ "os": "linux", "architecture": "amd64", "rootfs": { "diff_ids": diff_ids } });
        let config = self.descriptor(CONFIG, config.to_string().as_bytes());
        let layers: Vec<_> = tars.iter().map(|it| self.descriptor(TAR, it)).collect();
        let manifest = json!({ "schemaVersion": 2, "config": config, "layers": layers });
        let manifest = self.descriptor(MANIFEST, manifest.to_string().as_bytes());
        self.name(tag, &manifest);
        manifest
    }

    /// Stores an artifact, and returns its descriptor.
    fn artifact(&mut self, tag: &str, layers: &[ArtifactLayer<'_>]) -> Value {
        let config = self.descriptor("application/vnd.oci.empty.v1+json", b"{}");
        let mut listed = Vec::new();
        for (media_type, annotations, bytes) in layers {
            let mut layer = self.descriptor(media_type, bytes);
            layer["annotations"] = json!(annotations.iter().copied().collect::<BTreeMap<_, _>>());
            listed.push(layer);
        }
        let manifest = json!({ "schemaVersion": 2, "artifactType": "a/b", "config": config, "layers": listed });
        let manifest = self.descriptor(MANIFEST, manifest.to_string().as_bytes());
        self.name(tag, &manifest);
        manifest
    }

    fn index(&mut self, tag: &str, entries: &[Value]) {
        let index = json!({ "schemaVersion": 2, "manifests": entries });
        let index = self
            .descriptor("application/vnd.oci.image.index.v1+json", index.to_string().as_bytes());
        self.name(tag, &index);
    }

    /// Takes the disk out of an image: what it reads, or the message. `wanted` is a tag, and perhaps a disk behind a space.
    fn take(&self, wanted: &str) -> Result<Vec<u8>, String> {
        let (tag, disk) =
            wanted.split_once(' ').map_or((wanted, None), |(tag, disk)| (tag, Some(disk)));
        let location = format!("q.io/me/vm:{tag}").parse().unwrap();
        let (disk, platform) = (disk.map(str::to_owned), "linux/amd64".parse().unwrap());
        let image = ImageDisk { location, disk, platform };
        let recipe = SourceRecipe::new(SourceLocation::Image(Box::new(image)), SourceRole::Disk);
        let client = offline();
        let mut opener = SourceOpener::new(&Unopened, &client, UnverifiedPolicy::Refuse, &self.0);
        let mut source = Source::open(&recipe, &mut opener).map_err(|error| error.to_string())?;
        for _ in 0..2 {
            let content = source.content();
            match content.and_then(|mut content| read_content(&mut *content)) {
                Ok(bytes) => return Ok(bytes),
                Err(ContentError::Source(error)) => return Err(error.to_string()),
                Err(ContentError::Unmeasured) => {}
            }
            let measured = source.measure(&pool(), &go_on);
            assert!(measured.map_err(|error| error.to_string())?.is_continue());
        }
        Err("it was measured, and its size is unknown".into())
    }

    fn check(&self, wanted: &str, expected: Result<&[u8], &str>) {
        let found = self.take(wanted);
        let expected = expected.map(<[u8]>::to_vec);
        let expected = expected
            .map_err(|why| format!("q.io/me/vm:{}: {why}", wanted.split(' ').next().unwrap()));
        assert!(
            found == expected,
            "{wanted}: {:?}, not {:?}",
            found.map(|it| it.len()),
            expected.map(|it| it.len())
        );
    }
}

/// A disk that breaks no rule: a boot sector, and data.
fn disk(seed: u8) -> Vec<u8> {
    let byte = |at: u32| at.wrapping_mul(at >> 3).to_le_bytes()[0] ^ seed;
    let mut disk: Vec<u8> = (0..8192).map(byte).collect();
    disk[..512].fill(0);
    disk[510..512].copy_from_slice(&[0x55, 0xaa]);
    disk
}

fn file(name: &str, content: &[u8]) -> TarBuilder {
    let header =
        crate::oci::tar::testing::RawHeader::new(name.as_bytes(), b'0', content.len() as u64);
    TarBuilder::new().member(header, content)
}

#[test]
fn the_file_of_a_container_disk_is_taken() {
    let (one, two) = (disk(1), disk(2));
    let base = || TarBuilder::new().dir("etc/").file("etc/passwd", "root").end();
    let with = |tar: TarBuilder| TarBuilder::new().dir("disk/").raw(&tar.0).end();
    let both = with(file("disk/a.img", &one).raw(&file("disk/b.img", &two).0));
    let mut shelf = Shelf::default();
    shelf.container("one", &[with(file("disk/a.img", &one))]);
    shelf.container("last", &[base(), with(file("./disk/a.img", &one))]);
    shelf.container("first", &[with(file("disk/a.img", &one)), base()]);
    shelf.container("again", &[with(file("disk/a.img", &one)), with(file("disk/a.img", &one))]);
    for tag in ["one", "last", "first", "again", "one a.img"] {
        shelf.check(tag, Ok(&one));
    }
    shelf.container("both", std::slice::from_ref(&both));
    shelf.check("both", Err("it has several disks: `a.img`, `b.img`"));
    shelf.check("both a.img", Ok(&one));
    shelf.check("both b.img", Ok(&two));
    shelf.check("both c.img", Err("it has no disk `c.img`; its disks are `a.img`, `b.img`"));
    let unclear = "it is not clear which disk is meant: ";
    let twice = |first: &str, second: &str| {
        format!("{unclear}two layers have something there, `{first}` and `{second}`")
    };
    shelf.container("over", &[with(file("disk/a.img", &one)), with(file("disk/a.img", &two))]);
    shelf.check("over", Err(&twice("disk/a.img", "disk/a.img")));
    shelf.container(
        "gone",
        &[with(file("disk/a.img", &one)), TarBuilder::new().file(".wh.disk", "").end()],
    );
    shelf.check("gone", Err(&twice("disk/a.img", ".wh.disk")));
    shelf.container(
        "deep",
        &[with(TarBuilder::new().dir("disk/sub/").raw(&file("disk/a.img", &one).0))],
    );
    shelf.check("deep", Err(&format!("{unclear}`disk/sub` is no file in `/disk`")));
    shelf.container("late", &[with(file("disk/a.img", &one).dir("disk/sub/"))]);
    shelf.check("late", Err(&format!("{unclear}`disk/sub` is in its layer, too")));
    shelf.container("beside", &[file("diskette", &one).end()]);
    shelf.check("beside", Err(&format!("{unclear}`diskette` is no file in `/disk`")));
    shelf.container("none", &[base()]);
    shelf.check("none", Err("there is no disk in it"));
    shelf.check("none a.img", Err("there is no disk in it"));
    shelf.container("link", &[with(TarBuilder::new().symlink("disk/a.img", "/etc/passwd"))]);
    shelf.check("link", Err("`disk/a.img` is a symbolic link, not a file"));
    shelf.container("empty", &[with(file("disk/a.img", b""))]);
    shelf.check("empty", Err("the file is empty"));
    shelf.container("page", &[with(file("disk/a.img", b"<html></html>"))]);
    shelf.check("page", Err("it is a web page, and no disk"));
    shelf.check("unknown", Err("there is no such image"));
}

#[test]
fn layers_are_checked_to_their_end() {
    let one = disk(1);
    let tar = TarBuilder::new().dir("disk/").raw(&file("disk/a.img", &one).0).file("z", "z").end();
    let mut shelf = Shelf::default();
    shelf.container("1", std::slice::from_ref(&tar));
    let digest = Digest::of_bytes(&tar);
    let check = |change: &dyn Fn(&mut Vec<u8>), why: &dyn Fn(&[u8]) -> String| {
        let mut bad = Shelf::default();
        bad.0.blobs.clone_from(&shelf.0.blobs);
        bad.0.names.clone_from(&shelf.0.names);
        let mut bytes = tar.clone();
        change(&mut bytes);
        let why = why(&bytes);
        bad.0.blobs.insert(digest, bytes);
        bad.check("1", Err(&format!("layer {digest}: {why}")));
    };
    let other = |bytes: &[u8]| format!("its bytes have the digest {}", Digest::of_bytes(bytes));
    check(&|bytes| bytes[4000] ^= 1, &other);
    // Behind the disk.
    check(&|bytes| *bytes.last_mut().unwrap() ^= 1, &other);
    check(&|bytes| bytes[512..600].fill(b'x'), &other);
    let short = |bytes: &[u8]| {
        format!("it has {} bytes, not {} as its manifest says", bytes.len(), tar.len())
    };
    check(&|bytes| bytes.truncate(3000), &short);
    check(&|bytes| bytes.push(0), &|_| {
        format!("it has {} bytes, not {} as its manifest says", tar.len() + 1, tar.len())
    });
    // The config names another tar.
    let mut bad = Shelf::default();
    let wrong = Digest::of_bytes(b"").to_string();
    let config =
        json!({ "os": "linux", "architecture": "amd64", "rootfs": { "diff_ids": [wrong] } });
    let config = bad.descriptor(CONFIG, config.to_string().as_bytes());
    let layer = bad.descriptor(TAR, &tar);
    let manifest = json!({ "config": config, "layers": [layer] });
    let manifest = bad.descriptor(MANIFEST, manifest.to_string().as_bytes());
    bad.name("1", &manifest);
    let why = format!(
        "layer {digest}: decompressed, its digest is {digest}, not {wrong} as the config says"
    );
    bad.check("1", Err(&why));
    let manifest = json!({ "config": config, "layers": [layer, layer] });
    let manifest = bad.descriptor(MANIFEST, manifest.to_string().as_bytes());
    bad.name("2", &manifest);
    bad.check("2", Err("the manifest has 2 layers, the config 1 diff IDs"));
}

#[test]
fn layers_that_are_disks_are_taken() {
    let (one, two) = (disk(1), disk(2));
    let zstd = |bytes: &[u8]| zstd::encode_all(bytes, 1).unwrap();
    // As a stream of unknown length, which declares no size.
    let stream = |bytes: &[u8]| {
        let mut encoder = zstd::Encoder::new(Vec::new(), 1).unwrap();
        std::io::Write::write_all(&mut encoder, bytes).unwrap();
        encoder.finish().unwrap()
    };
    let name = |name: &'static str| ("io.kubevirt.disk.name", name);
    let title = |title: &'static str| ("org.opencontainers.image.title", title);
    let size = |size: &'static str| ("io.kubevirt.disk.size", size);
    let mut shelf = Shelf::default();
    let (root, data) =
        ([name("root"), size("8Ki")], [name("data"), size("9Ki"), title("data.raw.zst")]);
    let layers: [ArtifactLayer<'_>; 2] =
        [(RAW_ZSTD, &root, &stream(&one)), (RAW_ZSTD, &data, &stream(&two))];
    shelf.artifact("vm", &layers);
    shelf.check("vm", Err("it has several disks: `root`, `data`"));
    shelf.check("vm root", Ok(&one));
    // The size that its annotation has is wrong, and measured.
    shelf.check("vm data", Ok(&two));
    shelf.check("vm data.raw.zst", Ok(&two));
    shelf.check("vm data.raw", Ok(&two));
    shelf.check("vm none", Err("it has no disk `none`; its disks are `root`, `data`"));
    shelf.artifact("only", &layers[..1]);
    shelf.check("only", Ok(&one));
    let octets = "application/octet-stream";
    shelf.artifact(
        "plain",
        &[(octets, &[title("a.raw")], &one), (octets, &[title("README.md")], b"text")],
    );
    shelf.check("plain", Ok(&one));
    shelf.artifact("untitled", &[(octets, &[], &one)]);
    shelf.check("untitled", Ok(&one));
    shelf.artifact("packed", &[(octets, &[title("a.raw.zst")], &zstd(&one))]);
    shelf.check("packed", Ok(&one));
    shelf.artifact("unsized", &[(octets, &[title("a.raw.zst")], &stream(&one))]);
    shelf.check("unsized", Ok(&one));
    shelf.artifact("gzip", &[("a/b+gzip", &[], &super::super::tests::gzip(&one))]);
    shelf.check("gzip", Ok(&one));
    shelf.artifact("lies", &[(RAW_ZSTD, &[], &one)]);
    let found = shelf.take("lies").unwrap_err();
    assert!(found.starts_with("q.io/me/vm:lies: damaged zstd data: "), "{found}");
    shelf.artifact("hidden", &[(octets, &[], &zstd(&one))]);
    shelf.check("hidden", Err("the disk is compressed with zstd"));
    shelf.artifact("none", &[]);
    shelf.check("none", Err("there is no disk in it"));
    shelf.artifact("empty", &[(octets, &[], b"")]);
    shelf.check("empty", Err("the file is empty"));
    // Other bytes than the manifest names.
    let digest = Digest::of_bytes(&one);
    shelf.0.blobs.insert(digest, two.clone());
    let (expected, found) = (digest, Digest::of_bytes(&two));
    shelf
        .check("plain", Err(&format!("the checksum is wrong: expected {expected}, found {found}")));
}

#[test]
fn images_are_chosen_by_platform_and_disk_type() {
    let mut shelf = Shelf::default();
    let mut entries = Vec::new();
    let mut add = |shelf: &mut Shelf, seed: u8, architecture: &str, disk_type: Option<&str>| {
        let title = ("org.opencontainers.image.title", "machine.qcow2.zst");
        let bytes = zstd::encode_all(&disk(seed)[..], 1).unwrap();
        let mut entry = shelf.artifact("any", &[("application/zstd", &[title], &bytes)]);
        entry["platform"] = json!({ "os": "linux", "architecture": architecture });
        if let Some(disk_type) = disk_type {
            entry["annotations"] = json!({ "disktype": disk_type });
        }
        entries.push(entry);
    };
    add(&mut shelf, 1, "amd64", None);
    add(&mut shelf, 2, "aarch64", Some("qemu"));
    add(&mut shelf, 3, "x86_64", Some("applehv"));
    add(&mut shelf, 4, "x86_64", Some("qemu"));
    add(&mut shelf, 5, "aarch64", Some("hyperv"));
    shelf.index("machine", &entries);
    shelf.index("arm", &entries[1..2]);
    shelf.index("amd", &[&entries[..1], &entries[..1]].concat());
    shelf.check("machine", Ok(&disk(4)));
    shelf.check("machine qemu", Ok(&disk(4)));
    shelf.check("machine applehv", Ok(&disk(3)));
    shelf.check(
        "machine hyperv",
        Err("`q.io/me/vm:machine` has no image for linux/amd64; it has linux/arm64"),
    );
    shelf.check(
        "machine none",
        Err("it has no disk `none`; its disks are `applehv`, `hyperv`, `qemu`"),
    );
    shelf.check("arm", Err("`q.io/me/vm:arm` has no image for linux/amd64; it has linux/arm64"));
    shelf.check("amd", Ok(&disk(1)));
    let roots = Arc::new(super::ImageRoots::default());
    let location = "q.io/me/vm:machine".parse().unwrap();
    let first = roots.find(&location, &&shelf.0, &shelf.0).unwrap().digest;
    // A tag that moves during the build means what it meant.
    let other = shelf.0.names["arm"];
    shelf.0.names.insert("machine".into(), other);
    assert_eq!(roots.find(&location, &&shelf.0, &shelf.0).unwrap().digest, first);
}
