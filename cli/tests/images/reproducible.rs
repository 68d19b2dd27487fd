//! The same input gives the same digest, whatever else differs.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::symlink;
use std::process::{Command, Stdio};

use diskette_integration::disk::{MIB, mixed_bytes, sha256, write_sparse};
use diskette_integration::image::Layout;
use diskette_integration::peer;
use diskette_integration::scene::Scene;

/// Something that must not matter: done to a scene with a disk, it returns how to build there.
type Variation = fn(&Scene) -> Command;

const VARIATIONS: [(&str, Variation); 17] = [
    ("nothing", |scene| build(scene, &[])),
    ("1 thread", |scene| build(scene, &["--jobs", "1"])),
    ("2 threads", |scene| build(scene, &["--jobs", "2"])),
    ("3 threads", |scene| build(scene, &["--jobs", "3"])),
    ("7 threads", |scene| build(scene, &["--jobs", "7"])),
    ("no cache", |scene| build(scene, &["--no-cache"])),
    ("other directory", |scene| {
        fs::create_dir_all(scene.path("deep/er")).unwrap();
        for name in ["disk.raw", "diskette.yaml"] {
            fs::rename(scene.path(name), scene.path("deep/er").join(name)).unwrap();
        }
        build(scene, &["deep/er"])
    }),
    ("spec on standard input", |scene| {
        let mut command = build(scene, &["-f", "-"]);
        command.stdin(fs::File::open(scene.path("diskette.yaml")).unwrap());
        command
    }),
    ("absolute path", |scene| {
        scene.write_spec(&format!("amd64: {{ disk: {} }}", scene.path("disk.raw").display()));
        build(scene, &[])
    }),
    ("symbolic link", |scene| {
        fs::create_dir(scene.path("links")).unwrap();
        symlink("../disk.raw", scene.path("links/disk.raw")).unwrap();
        scene.write_spec("amd64: { disk: links/disk.raw }");
        build(scene, &[])
    }),
    ("name given", |scene| {
        fs::rename(scene.path("disk.raw"), scene.path("other")).unwrap();
        scene.write_spec("amd64: { disk: { path: other, name: disk.raw } }");
        build(scene, &[])
    }),
    ("umask", |scene| {
        let mut shell = Command::new("sh");
        shell.args(["-c", r#"umask 077; exec "$0" "$@""#]);
        scene.program_under(shell, BUILD)
    }),
    ("time zone", |scene| with_env(scene, "TZ", "Asia/Kolkata")),
    ("locale", |scene| with_env(scene, "LC_ALL", "tr_TR.UTF-8")),
    ("time of the disk", |scene| {
        scene.make_old("disk.raw");
        build(scene, &[])
    }),
    ("full copy", |scene| {
        // A file that is written byte for byte has no holes.
        let content = scene.read("disk.raw");
        fs::remove_file(scene.path("disk.raw")).unwrap();
        scene.write("disk.raw", content);
        build(scene, &[])
    }),
    ("no privileges", |scene| {
        let args = ["build", "-q", "-o", "out"];
        let mut command = scene.unprivileged_program(args).unwrap_or_else(|| build(scene, &[]));
        // Nor anywhere to write to but the output.
        command.env("HOME", "/nonexistent").env_remove("XDG_CACHE_HOME").env_remove("TMPDIR");
        command
    }),
];

const BUILD: [&str; 4] = ["build", "-q", "-o", "out"];

fn build(scene: &Scene, args: &[&str]) -> Command {
    scene.program(BUILD.iter().chain(args))
}

fn with_env(scene: &Scene, name: &str, value: &str) -> Command {
    let mut command = build(scene, &[]);
    command.env(name, value);
    command
}

/// A scene whose disk has holes, data that is no multiple of anything, and a spec.
fn scene() -> Scene {
    let scene = Scene::with_disk();
    let data = mixed_bytes(4, MIB + 333);
    let len = 9 * MIB as u64 + 1000;
    write_sparse(
        &scene.path("disk.raw"),
        len,
        &[(0, &data[..5000]), (4 * MIB as u64 + 4096, &data)],
    );
    scene
}

#[test]
fn nothing_but_the_input_matters() {
    let expected = scene().build(&[]);
    for (name, variation) in VARIATIONS {
        let scene = scene();
        let outcome = scene.run_command(variation(&scene));
        assert_eq!(outcome.digest(), expected, "{name}");
        Layout::open(&scene.path("out")).verify_blobs("1").unwrap();
    }
}

#[test]
fn archives_have_the_digests_of_layouts() {
    let scene = Scene::with_two_disks();
    let digest = scene.build(&[]);
    assert_eq!(scene.build_to("oci-archive:out.tar", &[]), digest);
    let first = scene.read("out.tar");
    assert_eq!(scene.build_to("oci-archive:out.tar", &["--jobs", "3"]), digest);
    assert!(first == scene.read("out.tar"), "an archive differs from itself");
    assert!(first == scene.run(["build", "-o", "-"]).stdout, "standard output differs");
}

#[test]
fn the_time_is_that_of_source_date_epoch() {
    let scene = Scene::with_disk();
    let plain = scene.build(&[]);
    assert_eq!(scene.run_command(with_env(&scene, "SOURCE_DATE_EPOCH", "0")).digest(), plain);
    let dated = scene.run_command(with_env(&scene, "SOURCE_DATE_EPOCH", "1760000000")).digest();
    assert_ne!(dated, plain);
    let layout = Layout::open(&scene.path("out"));
    let image = layout.images("1").remove(0);
    let created = layout.config(&image).created().clone();
    assert_eq!(created.as_deref(), Some("2025-10-09T08:53:20Z"));
    let tar = layout.layer_tar(&image);
    for entry in tar::Archive::new(&tar[..]).entries().unwrap() {
        assert_eq!(entry.unwrap().header().mtime().unwrap(), 1_760_000_000);
    }
}

/// A packer, the suffix it gives, and a shell script that packs `disk.raw` with it.
const PACKINGS: [(&str, &str, &str); 10] = [
    ("gzip", "gz", "gzip -1 -c disk.raw"),
    ("gzip", "gz", "(head -c 1000000 disk.raw | gzip; tail -c +1000001 disk.raw | gzip)"),
    ("xz", "xz", "xz -0 -c disk.raw"),
    ("xz", "xz", "xz -0 --block-size=500000 -c disk.raw"),
    ("xz", "xz", "(head -c 1000000 disk.raw | xz -0; tail -c +1000001 disk.raw | xz -0)"),
    ("zstd", "zst", "zstd -q -c disk.raw"),
    ("zstd", "zst", "zstd -q -c --no-content-size disk.raw"),
    ("zstd", "zst", "(head -c 1000000 disk.raw | zstd -q; tail -c +1000001 disk.raw | zstd -q)"),
    ("bzip2", "bz2", "bzip2 -1 -c disk.raw"),
    ("bzip2", "bz2", "(head -c 1000000 disk.raw | bzip2; tail -c +1000001 disk.raw | bzip2)"),
];

#[test]
fn packed_disks_are_the_disks() {
    let expected = Scene::with_disk().build(&[]);
    for (packer, suffix, script) in PACKINGS {
        if peer::find(packer).is_none() {
            continue;
        }
        let name = format!("disk.raw.{suffix}");
        let scene = Scene::with_disk();
        run_shell(&scene, &format!("{script} >{name}"));
        fs::remove_file(scene.path("disk.raw")).unwrap();
        scene.write_spec(&format!(
            "amd64: {{ disk: {{ path: {name}, sha256: {} }} }}",
            sha256(&scene.read(&name))
        ));
        assert_eq!(scene.build(&[]), expected, "{script}");
        scene.write_spec(&format!("amd64: {{ disk: {name} }}"));
        assert_eq!(scene.build_to("oci-archive:out.tar", &[]), expected, "{script}, no checksum");
    }
}

fn run_shell(scene: &Scene, script: &str) {
    let mut shell = Command::new("sh");
    let status = shell.args(["-euc", script]).current_dir(scene.path("")).status().unwrap();
    assert!(status.success(), "{script}");
}

#[test]
fn real_tools_get_the_disk_back() {
    for (args, tool) in [
        (&["--compression", "gzip"][..], Some("gzip")),
        (&["--compression-level", "1"], Some("gzip")),
        (&["--compression-level", "12"], Some("gzip")),
        (&["--compression", "zstd"], Some("zstd")),
        (&["--compression", "zstd", "--compression-level", "1"], Some("zstd")),
        (&["--compression", "zstd", "--compression-level", "19"], Some("zstd")),
        (&["--compression", "none"], None),
    ] {
        let scene = Scene::with_disk();
        scene.build(args);
        let layout = Layout::open(&scene.path("out"));
        let image = layout.images("1").remove(0);
        let mut tar = layout.blob(&image.manifest.layers()[0]);
        if let Some(tool) = tool {
            let Some(peer) = peer::find(tool) else { continue };
            let packed = scene.write("layer", tar);
            tar = peer
                .command()
                .args(["-dc"])
                .stdin(fs::File::open(packed).unwrap())
                .output()
                .unwrap()
                .stdout;
        }
        let config = layout.config(&image);
        let diff_id = &config.rootfs().diff_ids()[0];
        assert_eq!(*diff_id, format!("sha256:{}", sha256(&tar)), "{args:?}");
        let disk = extract(&tar);
        assert!(disk == scene.read("disk.raw"), "{args:?} gave another disk");
    }
}

fn extract(tar: &[u8]) -> Vec<u8> {
    let mut command = Command::new("tar");
    let command =
        command.args(["-xO", "disk/disk.raw"]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    std::thread::scope(|scope| {
        scope.spawn(move || input.write_all(tar).unwrap());
        child.wait_with_output().unwrap().stdout
    })
}
