//! Unchanged disks are not read again, and changed ones always are.

use std::fs;
use std::os::unix::fs::FileExt as _;

use diskette_integration::disk::mixed_bytes;
use diskette_integration::image::Layout;
use diskette_integration::peer;
use diskette_integration::scene::Scene;
use serde_json::Value;

/// What is done between two builds, and whether the second may then reuse the layer of the first.
type Change = (&'static str, fn(&Scene) -> Vec<&'static str>, bool);

const CHANGES: [Change; 18] = [
    ("nothing", |_| vec![], true),
    ("other threads", |_| vec!["--jobs", "3"], true),
    ("other name of the image", |_| vec!["-t", "other:2"], true),
    ("environment", |_| vec!["--env", "A=b"], true),
    ("no cache", |_| vec!["--no-cache"], false),
    ("other level", |_| vec!["--compression-level", "1"], false),
    ("other compression", |_| vec!["--compression", "zstd"], false),
    (
        "content",
        |scene| {
            let file = fs::File::options().write(true).open(scene.path("disk.raw")).unwrap();
            file.write_all_at(b"changed", 1_000_000).unwrap();
            vec![]
        },
        false,
    ),
    (
        "content and time back",
        |scene| {
            let file = fs::File::options().write(true).open(scene.path("disk.raw")).unwrap();
            let modified = file.metadata().unwrap().modified().unwrap();
            file.write_all_at(b"changed", 1_000_000).unwrap();
            file.set_modified(modified).unwrap();
            vec![]
        },
        false,
    ),
    (
        "size",
        |scene| {
            fs::File::options()
                .write(true)
                .open(scene.path("disk.raw"))
                .unwrap()
                .set_len(2_000_000)
                .unwrap();
            vec![]
        },
        false,
    ),
    (
        "other file",
        |scene| {
            scene.write("new", mixed_bytes(99, 3_145_805));
            fs::rename(scene.path("new"), scene.path("disk.raw")).unwrap();
            vec![]
        },
        false,
    ),
    (
        "other name of the disk",
        |scene| {
            scene.write_spec("amd64: { disk: { path: disk.raw, name: other.raw } }");
            vec![]
        },
        false,
    ),
    (
        "blob gone",
        |scene| {
            change_blob(scene, |path| fs::remove_file(path).unwrap());
            vec![]
        },
        false,
    ),
    (
        "blob truncated",
        |scene| {
            change_blob(scene, |path| {
                fs::File::options().write(true).open(path).unwrap().set_len(100).unwrap();
            });
            vec![]
        },
        false,
    ),
    (
        "cache gone",
        |scene| {
            fs::remove_dir_all(scene.path("cache")).unwrap();
            vec![]
        },
        false,
    ),
    (
        "cache truncated",
        |scene| {
            change_cache(scene, |text| text.truncate(text.len() / 2));
            vec![]
        },
        false,
    ),
    (
        "cache names another layer",
        |scene| {
            // Its config is a blob of the layout, with the right digest: a tempting layer.
            let layout = Layout::open(&scene.path("out"));
            let image = layout.images("1").remove(0);
            let (layer, config) = (&image.manifest.layers()[0], image.manifest.config());
            change_cache(scene, |text| {
                *text = text.replace(layer.digest().digest(), config.digest().digest());
                *text = text.replace(&layer.size().to_string(), &config.size().to_string());
            });
            vec![]
        },
        false,
    ),
    (
        "cache of another disk",
        |scene| {
            change_cache(scene, |text| *text = text.replace("3145805", "3145806"));
            vec![]
        },
        false,
    ),
];

fn change_blob(scene: &Scene, change: impl Fn(&std::path::Path)) {
    let image = Layout::open(&scene.path("out")).images("1").remove(0);
    let layer = image.manifest.layers()[0].digest().digest();
    change(&scene.path(&format!("out/blobs/sha256/{layer}")));
}

fn change_cache(scene: &Scene, change: impl Fn(&mut String)) {
    let files = scene.file_digests("cache").into_keys();
    let entries: Vec<String> = files.filter(|name| !name.ends_with("/key")).collect();
    let [entry] = &entries[..] else { panic!("one entry, {entries:?}") };
    let mut text = String::from_utf8(scene.read(&format!("cache/{entry}"))).unwrap();
    let before = text.clone();
    change(&mut text);
    assert_ne!(text, before);
    scene.write(&format!("cache/{entry}"), text);
}

#[test]
fn reuse() {
    let scenes: Vec<Scene> = CHANGES.iter().map(|_| Scene::with_disk()).collect();
    scenes[0].wait_until_old();
    for (scene, (name, change, reused)) in scenes.iter().zip(CHANGES) {
        scene.build(&[]);
        let args = change(scene);
        assert_eq!(is_reused(scene, &args), reused, "{name}");
        let built = scene.build(&args);
        // What the cache had to do with it shows in nothing.
        fs::remove_dir_all(scene.path("cache")).unwrap();
        assert_eq!(scene.build_to("other", &args), built, "{name}");
        let tag = if args.contains(&"other:2") { "2" } else { "1" };
        Layout::open(&scene.path("out")).verify_blobs(tag).unwrap();
    }
}

fn is_reused(scene: &Scene, args: &[&str]) -> bool {
    finished_layer(scene, args)["reused"].as_bool().unwrap()
}

/// Builds, and returns the event of the finished layer.
fn finished_layer(scene: &Scene, args: &[&str]) -> Value {
    let outcome = scene.run(["build", "--progress", "json", "-o", "out"].iter().chain(args));
    assert_eq!(outcome.status, 0, "{}", outcome.stderr);
    let mut events =
        outcome.stderr.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    events.find(|event| event.get("reused").is_some()).unwrap()
}

#[test]
fn a_disk_that_was_just_written_is_not_trusted() {
    let scene = Scene::with_disk();
    scene.build(&[]);
    assert!(scene.file_digests("cache").is_empty(), "remembered too early");
    assert!(!is_reused(&scene, &[]));
}

#[test]
fn other_targets_have_their_own_blobs() {
    let scene = Scene::with_disk();
    scene.wait_until_old();
    let digest = scene.build(&[]);
    assert_eq!(scene.build_to("elsewhere", &[]), digest);
    Layout::open(&scene.path("elsewhere")).verify_blobs("1").unwrap();
    assert_eq!(scene.build_to("oci-archive:image.tar", &[]), digest);
}

#[test]
fn a_cache_that_cannot_be_used_is_a_note() {
    let scene = Scene::with_disk();
    fs::remove_dir(scene.path("cache")).unwrap();
    scene.write("cache", "a file");
    let outcome = scene.run(["build", "-o", "out"]);
    assert_eq!(outcome.status, 0);
    assert!(outcome.stderr.starts_with("note: caching disabled: "), "{}", outcome.stderr);
}

#[test]
fn an_unchanged_disk_is_not_read() {
    let Some(strace) = peer::find("strace") else { return };
    let scene = Scene::with_disk();
    scene.wait_until_old();
    scene.build(&[]);
    let mut outer = strace.command();
    outer.args([
        "-f",
        "-y",
        "-qq",
        "-o",
        "trace",
        "-e",
        "trace=read,pread64,readv,preadv,mmap,copy_file_range,sendfile",
    ]);
    let outcome = scene.run_command(scene.program_under(outer, ["build", "-q", "-o", "out"]));
    if outcome.stderr.contains("ptrace") {
        return peer::note_skipped("tracing is not permitted");
    }
    outcome.digest();
    let trace = String::from_utf8(scene.read("trace")).unwrap();
    // A few of its bytes are looked at, to see what it is; each call is a line.
    let reads: Vec<&str> = trace.lines().filter(|line| line.contains("/disk.raw>")).collect();
    let counts = reads.iter().filter_map(|read| read.rsplit_once(" = ")?.1.parse::<usize>().ok());
    assert!((1..20_000).contains(&counts.sum::<usize>()), "{reads:?}");
    assert!(!trace.contains("/out/blobs/sha256/") || !trace.contains("= 65536"), "{trace}");
}

#[test]
fn frames_of_an_older_layer_are_copied() {
    let scene = Scene::with_disk();
    let chunked = ["--compression", "zstd:chunked", "--compression-level", "1", "--jobs", "1"];
    let disk = mixed_bytes(1, 48 << 20);
    scene.write("disk.raw", &disk);
    assert_eq!(finished_layer(&scene, &chunked)["copied"], 0);

    // The same content in another place, and more of it.
    let more = mixed_bytes(2, 1 << 20);
    scene.write("disk.raw", [&disk[4096 * 7..], &disk[..4096 * 7], &more].concat());
    let again = finished_layer(&scene, &chunked);
    let (copied, size) = (again["copied"].as_u64().unwrap(), again["size"].as_u64().unwrap());
    assert!(copied > size / 4, "{again}");
    let built = scene.build(&chunked);
    fs::remove_dir_all(scene.path("cache")).unwrap();
    assert_eq!(scene.build_to("other", &chunked), built);
    Layout::open(&scene.path("out")).verify_blobs("1").unwrap();

    // Without what the cache knows of them, the layers of a layout are not trusted.
    fs::remove_dir_all(scene.path("cache")).unwrap();
    scene.write("disk.raw", [&disk[4096 * 9..], &disk[..4096 * 9], &more].concat());
    assert_eq!(finished_layer(&scene, &chunked)["copied"], 0);
    let level = ["--compression", "zstd:chunked", "--compression-level", "2"];
    assert_eq!(finished_layer(&scene, &level)["copied"], 0);
}
