//! An interrupted pull continues: complete blobs of the layout are kept, and the rest of the others is
//! requested.

use std::fs;
use std::path::PathBuf;

use diskette_integration::disk::mixed_bytes;
use diskette_integration::image::Layout;
use diskette_integration::registry::{Fault, FaultTimes, Profile, Registry, RequestKind};
use diskette_integration::scene::Scene;

/// Length of the layer's content, in bytes; shorter blobs are not continued.
const LEN: usize = 3 << 20;

/// A registry with an image, and the name of the image.
fn registry(scene: &Scene) -> (Registry, String) {
    scene.write("disk.raw", mixed_bytes(5, LEN));
    scene.write_spec("amd64: { disk: disk.raw }");
    scene.build(&["--compression", "none"]);
    let registry = Registry::start(Profile::DISTRIBUTION_3);
    let name = registry.reference("team/vm:1");
    assert_eq!(scene.run(["push", "-q", "-l", "out", "1", &name]).status, 0);
    registry.take_requests();
    (registry, name)
}

/// Changes the file with a part of a blob.
type Change<'a> = &'a dyn Fn(&PathBuf);

/// Returns the arguments of a pull into `back`, of one blob at a time and without another attempt.
fn pull(name: &str) -> impl Iterator<Item = &str> {
    let once = ["pull", "-q", "--parallel", "1", "--retry", "0", "--timeout", "1"];
    once.into_iter().chain([name, "-o", "oci:back"])
}

/// Returns the file with a part of a blob.
fn part(scene: &Scene) -> Option<PathBuf> {
    let files =
        fs::read_dir(scene.path("back/blobs/sha256")).unwrap().map(|file| file.unwrap().path());
    files.into_iter().find(|path| path.extension().is_some_and(|end| end == "part"))
}

#[test]
fn a_pull_continues_where_it_was_interrupted() {
    let scene = Scene::new();
    let (registry, name) = registry(&scene);
    let pull = || pull(&name);
    let change = |change: &dyn Fn(&PathBuf)| change(&part(&scene).unwrap());
    let flip = |path: &PathBuf| {
        let mut bytes = fs::read(path).unwrap();
        bytes[1000] ^= 1;
        fs::write(path, bytes).unwrap();
    };
    let extend = |path: &PathBuf| fs::write(path, vec![0; 2 * LEN]).unwrap();
    let nothing = |_: &PathBuf| ();
    let changes: [(&str, Change<'_>, bool); 3] =
        [("nothing", &nothing, true), ("damaged", &flip, true), ("too long", &extend, false)];
    for (what, changed, is_ranged) in changes {
        if scene.path("back").exists() {
            fs::remove_dir_all(scene.path("back")).unwrap();
        }
        registry.inject(RequestKind::GetBlob, Fault::HangInside, FaultTimes::First(1));
        let outcome = scene.run(pull());
        assert_eq!(outcome.status, 75, "{what} {}", outcome.stderr);
        let len = fs::metadata(part(&scene).unwrap()).unwrap().len();
        assert!(len > 100_000 && len < LEN as u64, "{what} {len}");
        change(changed);
        registry.take_requests();
        let outcome = scene.run(pull());
        assert_eq!(outcome.status, 0, "{what} {}", outcome.stderr);
        let ranges = registry.take_requests();
        let ranges: Vec<_> = ranges.iter().filter_map(|request| request.header("range")).collect();
        let expected = if is_ranged { vec![format!("bytes={len}-")] } else { Vec::new() };
        assert_eq!(ranges, expected, "{what}");
        Layout::open(&scene.path("back")).verify_blobs("1").unwrap();
        assert_eq!(part(&scene), None, "{what}");
    }
}

#[test]
fn garbage_collection_removes_parts() {
    let scene = Scene::new();
    let (registry, name) = registry(&scene);
    let pull = || pull(&name);
    assert_eq!(scene.run(pull()).status, 0);
    fs::write(scene.path(&format!("back/blobs/sha256/.diskette-{}.part", "0".repeat(64))), "x")
        .unwrap();
    assert_eq!(scene.run(["gc", "-q", "back"]).status, 0);
    assert_eq!(part(&scene), None);
    drop(registry);
}
