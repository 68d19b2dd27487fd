//! What the program says of Dockerfiles that are wrong, and that it changes nothing then.
//!
//! The Dockerfiles are in `errors/dockerfile/`, each with what is said of it and perhaps with arguments.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use diskette_integration::disk::qcow2_disk;
use diskette_integration::pairs::{self, InputPair};
use diskette_integration::scene::Scene;

const ERRORS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/errors/dockerfile");

/// A context with a disk, a text and a few traps.
fn scene(dockerfile: &str) -> Scene {
    let scene = Scene::with_image();
    fs::create_dir(scene.path("c")).unwrap();
    scene.write("c/disk.qcow2", qcow2_disk(1, 70_000));
    scene.write("c/a.txt", "a\n");
    scene.write("c/hidden.txt", "h\n");
    scene.write("c/.dockerignore", "# what is not for the image\nhidden.*\n");
    symlink("../../outside", scene.path("c/out")).unwrap();
    scene.write("c/Dockerfile", dockerfile);
    scene
}

fn build<'a>(options: &[&'a str], pair: &'a InputPair) -> Vec<&'a str> {
    let given = pair.args.iter().map(String::as_str);
    ["build", "-o", "out"].into_iter().chain(options.iter().copied()).chain(given).collect()
}

#[test]
fn what_is_wrong_is_refused() {
    pairs::check_all(Path::new(ERRORS), "Dockerfile", |pair| {
        let scene = scene(&pair.input);
        scene.run_refused(scene.program(build(&["--iidfile", "iid", "c"], pair)))
    });
}

#[test]
fn what_is_doubtful_is_said_and_built() {
    pairs::check_all(&Path::new(ERRORS).join("warnings"), "Dockerfile", |pair| {
        let scene = scene(&pair.input);
        scene.allow_bad_images("what is doubtful is also refused, by some");
        let outcome = scene.run(build(&["--progress", "none", "c"], pair));
        assert_eq!(outcome.status, 0, "{}: {}", pair.name, outcome.stderr);
        outcome.stderr
    });
}

#[test]
fn checking_writes_nothing() {
    let scene = scene("FROM scratch\nADD disk.qcow2 /disk/\n");
    let before = scene.file_digests(".");
    let outcome = scene.run(["build", "--check", "-o", "new", "c"]);
    assert_eq!((outcome.status, outcome.stdout.as_slice()), (0, &b""[..]), "{}", outcome.stderr);
    assert_eq!(scene.file_digests("."), before);
}

#[test]
fn the_first_of_many_problems_are_shown_to_people() {
    let scene = scene(&format!("FROM scratch\n{}", "COPYY a b\n".repeat(3000)));
    let check = |args: &[&str], shown: usize, last: &str| {
        let outcome = scene.run(["build", "-o", "new", "c"].iter().chain(args));
        assert_eq!(outcome.status, 1, "{args:?}");
        assert_eq!(outcome.stderr.matches("unknown instruction: COPYY").count(), shown, "{args:?}");
        assert!(outcome.stderr.trim_end().ends_with(last), "{args:?}");
    };
    check(&[], 100, "error: 2900 more errors are not shown");
    // Once as text, once as a command.
    check(&["--message-format", "github"], 200, "error: 2900 more errors are not shown");
    check(&["--message-format", "json"], 3000, r#""message":"unknown instruction: COPYY"}"#);
}
