//! What exists is not believed because it exists: blobs, manifests and entries of the cache.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::PathBuf;
use std::process::Command;

use diskette_integration::disk::mixed_bytes;
use diskette_integration::image::Layout;
use diskette_integration::registry::{Profile, Registry};
use diskette_integration::scene::Scene;

/// Returns the files of the blobs of a layout.
fn blobs(scene: &Scene, layout: &str) -> Vec<PathBuf> {
    let dir = fs::read_dir(scene.path(layout).join("blobs/sha256")).unwrap();
    dir.map(|entry| entry.unwrap().path()).collect()
}

/// Changes one byte in the middle of each blob, of which the size stays.
fn damage(scene: &Scene, layout: &str) {
    for path in blobs(scene, layout) {
        let mut bytes = fs::read(&path).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        fs::write(&path, bytes).unwrap();
    }
}

#[test]
fn damaged_blobs_and_manifests_are_written_again() {
    let scene = Scene::with_disk();
    let digest = scene.build(&[]);
    let registry = Registry::start(Profile::DISTRIBUTION_3);
    let image = registry.reference("me/vm:1");
    scene.run(["push", "-q", "-l", "out", "1", &image]);
    scene.build_to("oci:source", &[]);
    for args in [
        &["build", "-q", "-o", "oci:out"][..],
        &["pull", "-q", &image, "-o", "out"],
        &["copy", "-q", "oci:source:1", "oci:out:1"],
    ] {
        damage(&scene, "out");
        let outcome = scene.run(args);
        assert_eq!((outcome.status, outcome.digest()), (0, digest.clone()), "{args:?}");
        for tag in Layout::open(&scene.path("out")).tags() {
            Layout::open(&scene.path("out")).verify_blobs(&tag).unwrap();
        }
    }
    // A link to a blob elsewhere is replaced too.
    for path in blobs(&scene, "out") {
        fs::remove_file(&path).unwrap();
        symlink(scene.path("source/blobs/sha256").join(path.file_name().unwrap()), &path).unwrap();
    }
    assert_eq!(scene.build(&[]), digest);
    assert!(blobs(&scene, "out").iter().all(|path| !path.is_symlink()));
}

#[test]
fn undamaged_blobs_are_not_written_again() {
    let scene = Scene::with_disk();
    scene.make_old("disk.raw");
    scene.wait_until_old();
    scene.build(&[]);
    let times = || {
        let mut all: Vec<_> = blobs(&scene, "out")
            .into_iter()
            .map(|path| (path.clone(), fs::metadata(path).unwrap().modified().unwrap()))
            .collect();
        all.sort();
        all
    };
    let before = times();
    scene.build(&[]);
    assert_eq!(times(), before);
}

#[test]
fn forged_entries_of_the_cache_are_not_believed() {
    let scene = Scene::new();
    for (name, seed) in [("disk.raw", 1), ("other.raw", 2)] {
        scene.write(name, mixed_bytes(seed, 100_000));
        scene.make_old(name);
    }
    scene.wait_until_old();
    let mut digests = Vec::new();
    for disk in ["other.raw", "disk.raw"] {
        scene.write_spec(&format!("amd64: {{ disk: {disk} }}"));
        digests.push(scene.build(&[]));
    }
    let cache = scene.path("cache/diskette/layers");
    let mut entries: Vec<(PathBuf, serde_json::Value)> = Vec::new();
    for entry in fs::read_dir(&cache).unwrap() {
        let path = entry.unwrap().path();
        if let Ok(value) = serde_json::from_slice(&fs::read(&path).unwrap()) {
            entries.push((path, value));
        }
    }
    assert_eq!(entries.len(), 2);
    // Each entry says that its input made the layer of the other; also with the digest as the code.
    for is_digest in [false, true] {
        for (number, (path, value)) in entries.iter().enumerate() {
            let mut forged = entries[1 - number].1.clone();
            forged["key"] = value["key"].clone();
            if is_digest {
                let field = |name: &str| {
                    let text = forged[name].as_str().map(str::to_owned);
                    text.unwrap_or_else(|| forged[name].to_string())
                };
                let text = ["key", "digest", "size", "diff_id"].map(field).join("\n");
                fs::create_dir_all(scene.path("text")).unwrap();
                scene.write("text/text", text);
                let hash = scene.file_digests("text").remove("text").unwrap();
                forged["check"] = hash.trim_start_matches("sha256:").into();
            }
            fs::write(path, forged.to_string()).unwrap();
        }
        assert_eq!(scene.build(&[]), digests[1], "{is_digest}");
    }
}

#[test]
fn cache_directories_are_for_the_user_alone() {
    for umask in ["000", "022"] {
        let scene = Scene::with_disk();
        let mut shell = Command::new("sh");
        let script = format!("umask {umask}; exec \"$@\"");
        let program = scene.program(["build", "-q", "-o", "oci:out"]);
        shell.args(["-c", &script, "sh"]).arg(program.get_program()).args(program.get_args());
        shell.current_dir(scene.path("")).env_clear();
        shell.envs(program.get_envs().filter_map(|(name, value)| Some((name, value?))));
        let outcome = scene.run_command(shell);
        let mode =
            |path: &str| fs::metadata(scene.path(path)).unwrap().permissions().mode() & 0o777;
        assert_eq!(outcome.status, 0, "{umask} {}", outcome.stderr);
        assert_eq!(mode("cache/diskette/layers"), 0o700, "{umask}");
        fs::set_permissions(scene.path("cache/diskette/layers"), fs::Permissions::from_mode(0o777))
            .unwrap();
        scene.build(&[]);
        assert_eq!(mode("cache/diskette/layers"), 0o700, "{umask}");
    }
}
