//! OCI archives as places that images are read from.
#![expect(
    clippy::too_many_lines,
    reason = "each test is a table of what is done and what is said of it"
)]

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::Stdio;
use std::thread;
use std::time::Duration;

use diskette_integration::disk::mixed_bytes;
use diskette_integration::docker_registry::DockerRegistry;
use diskette_integration::image::Layout;
use diskette_integration::peer;
use diskette_integration::scene::Scene;
use snapbox::{IntoData, assert_data_eq, str};

/// A scene with an image of two platforms in the archive `vm.tar`, and its digest.
fn scene() -> (Scene, String) {
    let scene = Scene::with_two_disks();
    let digest = scene.build_to("oci-archive:vm.tar", &[]);
    (scene, digest)
}

/// Copies, and checks that all of the image with this digest is in a layout.
fn check_copied(scene: &Scene, source: &str, digest: &str) {
    fs::remove_dir_all(scene.path("copy")).unwrap_or_default();
    assert_eq!(scene.run(["copy", "-q", source, "oci:copy:1"]).digest(), digest, "{source}");
    let layout = Layout::open(&scene.path("copy"));
    layout.verify_blobs("1").unwrap();
    assert_eq!(layout.find_tag("1").digest().to_string(), digest, "{source}");
}

#[test]
fn ours_are_copied_to_layouts() {
    let (scene, digest) = scene();
    for name in ["vm.tar", "vm.tar:1", "vm.tar:quay.io/me/vm:1"] {
        check_copied(&scene, &format!("oci-archive:{name}"), &digest);
    }
    check_copied(&scene, &format!("oci-archive:vm.tar:{digest}"), &digest);
}

#[test]
fn streams_are_copied_to_layouts() {
    let (scene, digest) = scene();
    let tar = scene.read("vm.tar");
    for input in [zstd::encode_all(&tar[..], 1).unwrap(), tar] {
        let target = format!("oci:copy{}:1", input.len());
        let args = ["copy", "-q", "oci-archive:-", &target];
        assert_eq!(scene.run_with_input(&args, &input).digest(), digest);
    }
}

#[test]
fn archives_are_copied_to_archives() {
    let (scene, digest) = scene();
    scene.run(["copy", "-q", "oci-archive:vm.tar", "oci-archive:again.tar"]).digest();
    check_copied(&scene, "oci-archive:again.tar:1", &digest);
    let streamed = scene.run(["copy", "-q", "oci-archive:vm.tar", "oci-archive:-"]);
    assert_eq!((streamed.status, streamed.stderr.as_str()), (0, ""));
    assert_eq!(streamed.stdout, scene.read("again.tar"));
}

/// A pipe whose writer is slower than the program is waited for.
#[test]
fn archives_are_read_from_slow_pipes() {
    let (scene, digest) = scene();
    let archive = scene.read("vm.tar");
    let (first, rest) = archive.split_at(archive.len() / 2);
    let mut command = scene.program(["digest", "-"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    for part in [first, rest] {
        thread::sleep(Duration::from_millis(200));
        input.write_all(part).unwrap();
    }
    drop(input);
    let output = child.wait_with_output().unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap(), format!("{digest}\n"));
}

#[test]
fn a_copy_keeps_its_names() {
    let scene = Scene::with_disk();
    let options = ["-t", "quay.io/me/a:1", "-t", "quay.io/me/b:2", "-t", "quay.io/me/c:2"];
    scene.build_to("oci-archive:vm.tar", &options);
    let check = |source: &str, expected: &[&str]| {
        fs::remove_dir_all(scene.path("copy")).unwrap_or_default();
        let source = format!("oci-archive:vm.tar{source}");
        scene.run(["copy", "-q", &source, "oci-archive:again.tar"]).digest();
        scene.run(["copy", "-q", "oci-archive:again.tar", "oci:copy"]).digest();
        let index = Layout::open(&scene.path("copy")).index();
        let entries = index["manifests"].as_array().unwrap().iter();
        let names = entries.map(|entry| &entry["annotations"]["io.containerd.image.name"]);
        let names: Vec<&str> = names.map(|name| name.as_str().unwrap_or_default()).collect();
        assert_eq!(names, expected, "{source}");
    };
    check("", &["quay.io/me/a:1", "quay.io/me/b:2", "quay.io/me/c:2"]);
    check(":1", &["quay.io/me/a:1"]);
    check(":quay.io/me/c:2", &["quay.io/me/c:2"]);
}

#[test]
fn archives_of_others_are_read() {
    let scene = Scene::with_two_disks();
    let digest = scene.build(&[]);
    // As `tar` makes it of a layout, with directories, and paths that begin with a dot.
    if let Some(tar) = peer::find("tar") {
        let (file, layout) = (scene.path("tar.tar"), scene.path("out"));
        tar.run([Path::new("-cf"), &file, Path::new("-C"), &layout, Path::new(".")]);
        check_copied(&scene, "oci-archive:tar.tar", &digest);
    }
    if let Some(skopeo) = peer::find("skopeo") {
        let (from, to) = (scene.path("out:1"), scene.path("skopeo.tar"));
        let (from, to) =
            (format!("oci:{}", from.display()), format!("oci-archive:{}", to.display()));
        skopeo.run(["--insecure-policy", "copy", "-q", "--all", &from, &to]);
        check_copied(&scene, "oci-archive:skopeo.tar", &digest);
    }
}

#[test]
fn archives_are_pushed() {
    let (scene, digest) = scene();
    let Some(registry) = DockerRegistry::start_open(&scene) else { return };
    let (pushed, copied) = (registry.reference("pushed/vm:1"), registry.reference("copied/vm:1"));
    assert_eq!(scene.run(["push", "-q", "-l", "vm.tar", "1", &pushed]).digest(), digest);
    assert_eq!(scene.run(["copy", "-q", "oci-archive:vm.tar:1", &copied]).digest(), digest);
    for name in [pushed, copied] {
        assert_eq!(scene.run(["pull", "-q", &name, "-o", "back"]).digest(), digest);
    }
}

#[test]
fn a_damaged_archive_is_copied_nowhere() {
    let (scene, _) = scene();
    let mut bytes = scene.read("vm.tar");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    scene.write("vm.tar", bytes);
    let said =
        scene.run_refused(scene.program(["copy", "-q", "oci-archive:vm.tar", "oci-archive:b.tar"]));
    assert!(said.contains("is damaged: its bytes have another digest"), "{said}");
}

fn check(scene: &Scene, args: &[&str], expected: impl IntoData) {
    assert_data_eq!(scene.run_refused(scene.program(args)), expected.raw());
}

#[test]
fn what_is_no_archive_is_refused() {
    let (scene, _) = scene();
    let copy = |source| ["copy", "-q", source, "oci:copy"];
    scene.write("text", "text");
    check(
        &scene,
        &copy("oci-archive:text"),
        str![[r#"
status: 1
stdout:
stderr:
error: text is not an OCI archive: the tar is cut off at byte 4

"#]],
    );
    check(
        &scene,
        &copy("oci-archive:missing"),
        str![[r#"
status: 1
stdout:
stderr:
error: cannot open the archive missing: No such file or directory (os error 2)

"#]],
    );
    check(
        &scene,
        &copy("oci-archive:home"),
        str![[r#"
status: 1
stdout:
stderr:
error: home is not a regular file: archives are read in any order

"#]],
    );
    check(
        &scene,
        &copy("oci-archive:vm.tar:2"),
        str![[r#"
status: 1
stdout:
stderr:
error: there is no image `oci-archive:vm.tar:2`

"#]],
    );
    check(
        &scene,
        &copy("containers-storage:vm"),
        str![[r#"
status: 2
stdout:
stderr:
error: invalid value 'containers-storage:vm' for '<SRC>': `containers-storage:` is not supported; `docker-archive:FILE` and `oci-archive:FILE` carry images to and from docker and podman

For more information, try '--help'.

"#]],
    );
    check(
        &scene,
        &["copy", "-q", "--all-tags", "oci-archive:vm.tar", "oci-archive:copy"],
        str![[r#"
status: 2
stdout:
stderr:
error: an archive takes one image, not all tags
 |
 = help: copy them to a layout, `oci:DIR`

"#]],
    );
}

#[test]
fn of_several_images_one_is_named() {
    let scene = Scene::with_two_disks();
    let digest = scene.build(&["--per-arch-tags"]);
    // An index stands for all that it lists.
    check_copied(&scene, "oci:out", &digest);
    scene.build_to("oci-archive:arch.tar", &["--per-arch-tags"]);
    check_copied(&scene, "oci-archive:arch.tar", &digest);
    fs::remove_dir_all(scene.path("copy")).unwrap();
    scene.write("x.raw", mixed_bytes(9, 100_000));
    scene.build(&["-t", "quay.io/me/vm:2"]);
    let Some(tar) = peer::find("tar") else { return };
    let (file, layout) = (scene.path("tar.tar"), scene.path("out"));
    tar.run([Path::new("-cf"), &file, Path::new("-C"), &layout, Path::new(".")]);
    check(
        &scene,
        &["copy", "-q", "oci-archive:tar.tar", "oci:copy"],
        str![[r#"
status: 2
stdout:
stderr:
error: which image of `oci-archive:tar.tar`?
 |
 = help: it has 1, 1-amd64, 1-arm64, 2; use for example `oci-archive:tar.tar:1`

"#]],
    );
}
