//! Registries that send parts of another layer: nothing of it is used, neither its bytes nor what its headers say.

use std::fs;

use diskette_integration::disk::MIB;
use diskette_integration::registry::{Profile, Registry};
use diskette_integration::scene::Scene;
use serde_json::Value;

use super::tables::build;
use super::{disks, extract};

/// Returns a layer whose headers of the disk, which no compressor made smaller, are edited.
fn edit_header(layer: &[u8], edit: &dyn Fn(&mut [u8])) -> Vec<u8> {
    let mut layer = layer.to_owned();
    let name = b"disk/disk.raw\0";
    let starts = (0..4096).filter(|at| layer[*at..].starts_with(name));
    let starts: Vec<usize> = starts.filter(|at| layer[at + 257..].starts_with(b"ustar")).collect();
    assert_eq!(starts.len(), 1, "the header of the disk");
    let header = &mut layer[starts[0]..starts[0] + 512];
    edit(header);
    header[148..156].fill(b' ');
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    layer
}

/// A registry that has an image of a disk, and sends parts of another layer.
struct Liar {
    scene: Scene,
    registry: Registry,
    manifest: Value,
    layer: Vec<u8>,
    disk: Vec<u8>,
}

impl Liar {
    fn new() -> Self {
        let scene = Scene::new();
        let (old, disk) = disks(4 * MIB);
        let (manifest, layer) = build(&scene, &disk);
        scene.write("old.raw", &old);
        let registry = Registry::start(Profile::DISTRIBUTION_3);
        registry.put_image("vm", "2", &scene.path("out"), "1");
        Self { scene, registry, manifest, layer, disk }
    }

    /// Has the registry send parts of this layer, and checks that the disk is extracted, and nothing else touched.
    fn check(&self, layer: &[u8], args: &[&str], expected: &str) {
        let digest = self.manifest["layers"][0]["digest"].as_str().unwrap();
        self.registry.put_parts(digest, layer);
        let (scene, image) = (&self.scene, self.registry.reference("vm:2"));
        scene.write("dir/other.raw", "precious");
        let said = extract(scene, &image, args, &self.disk);
        assert!(said.contains(expected), "{args:?}: {said}");
        let written = ["new", "dir/disk.raw"].map(|name| scene.path(name).exists());
        assert!(written[0] != written[1], "{args:?}");
        assert_eq!(scene.read("dir/other.raw"), b"precious");
        assert_eq!(fs::read_dir(scene.path("dir")).unwrap().count(), 1 + usize::from(written[1]));
        fs::remove_dir_all(scene.path("dir")).unwrap();
        fs::remove_file(scene.path("new")).unwrap_or_default();
    }

    /// Checks headers that are edited so, with a file and a directory as the output.
    fn check_header(&self, edit: &dyn Fn(&mut [u8])) {
        let layer = edit_header(&self.layer, edit);
        assert_eq!(layer.len(), self.layer.len());
        let wrong = "the layer was read as a whole: ";
        self.check(&layer, &["--seed", "old.raw", "-o", "new"], wrong);
        self.check(&layer, &["--seed", "old.raw", "-o", "dir"], wrong);
        self.check(&layer, &["--seed", "old.raw", "-o", "dir", "--force"], wrong);
    }
}

#[test]
fn headers_that_lie_do_no_harm() {
    let liar = Liar::new();
    liar.check(&liar.layer, &["--seed", "old.raw", "-o", "dir"], "reused ");
    let rename = |name: &'static str| {
        move |header: &mut [u8]| {
            header[..100].fill(0);
            header[..name.len()].copy_from_slice(name.as_bytes());
        }
    };
    // A new file, one that exists, and names that are refused.
    liar.check_header(&rename("disk/free.raw"));
    liar.check_header(&rename("disk/other.raw"));
    liar.check_header(&rename("disk/.profile"));
    liar.check_header(&rename("disk/-x\u{1b}[2J"));
    // No disk, and none that is a file.
    liar.check_header(&rename("etc/disk.raw"));
    let kind = |kind: u8| {
        move |header: &mut [u8]| {
            header[156] = kind;
            header[157..158].fill(b'x');
        }
    };
    liar.check_header(&kind(b'2'));
    liar.check_header(&kind(b'4'));
    liar.check_header(&kind(b'6'));
    // More entries, as the disk ends too early.
    let size = |size: u64| {
        move |header: &mut [u8]| {
            let text = format!("{size:011o}\0");
            header[124..136].copy_from_slice(text.as_bytes());
        }
    };
    liar.check_header(&size(512));
    liar.check_header(&size(0));
}

/// An error of the machine is told as it is, if the layer was the right one until then.
#[test]
fn a_full_device_is_an_error_of_the_device() {
    let liar = Liar::new();
    let image = liar.registry.reference("vm:2");
    let check = |expected: &str| {
        let args = ["extract", "-q", &image, "--seed", "old.raw", "-o", "/dev/full"];
        let outcome = liar.scene.run(args);
        assert_eq!(outcome.status, 1, "{}", outcome.stderr);
        assert!(outcome.stderr.contains(expected), "{}", outcome.stderr);
    };
    check("`: No space left on device");
    let name = |header: &mut [u8]| header[5] = b'D';
    let layer = edit_header(&liar.layer, &name);
    liar.registry.put_parts(liar.manifest["layers"][0]["digest"].as_str().unwrap(), &layer);
    check("are not those of the layer, and what was written before cannot be taken back");
}

/// A file that is replaced is a seed that nobody named: only what is wrong is told.
#[test]
fn faults_are_told_of_replaced_files() {
    let liar = Liar::new();
    let old = liar.scene.read("old.raw");
    let check = |layer: &[u8], file: &[u8], expected: &str| {
        liar.scene.write("new", file);
        let digest = liar.manifest["layers"][0]["digest"].as_str().unwrap();
        liar.registry.put_parts(digest, layer);
        let image = liar.registry.reference("vm:2");
        let said = extract(&liar.scene, &image, &["--force", "-o", "new"], &liar.disk);
        assert_eq!(said.split([',', '(']).next(), Some(expected), "{said}");
    };
    let whole = "the layer was read as a whole: its ";
    check(&liar.layer, b"something else", "");
    check(&edit_header(&liar.layer, &|header| header[5] = b'D'), &old, &format!("{whole}parts"));
    // No part is the right one, not even the table of contents.
    let zeros = vec![0; liar.layer.len()];
    check(&zeros, &old, &format!("{whole}table of contents cannot be used"));
}
