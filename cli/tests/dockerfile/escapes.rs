//! Nothing outside the context is opened, wherever the links in it lead: the kernel is asked.

use std::os::unix::fs::symlink;

use diskette_integration::dockerfile::documents::Documents;
use diskette_integration::peer;
use diskette_integration::scene::Scene;

/// What is outside; no other path has this in it.
const CANARY: &str = "canary";

/// A scene with links in `c` that lead out in every way, each to a file, a directory, or the context
/// and out again. `inside` is no link.
fn scene(dockerfile: &str) -> Scene {
    let scene = Scene::new();
    scene.write("canary-dir/canary", "outside");
    scene.write("canary", "outside");
    scene.write("c/inside", "inside");
    scene.write("c/d/inside", "inside");
    let outside = scene.path(CANARY);
    for (link, target) in [
        ("relative", "../canary"),
        ("directory", "../canary-dir"),
        ("absolute", outside.to_str().unwrap()),
        ("d/climbing", "../../canary-dir/canary"),
        ("chain", "d/climbing"),
        ("through", "directory/canary"),
        ("dotted", "d/../../c/../canary"),
        ("root", "/"),
        ("process", "/proc/self/cwd/canary"),
    ] {
        symlink(target, scene.path("c").join(link)).unwrap();
    }
    scene.write("c/Dockerfile", format!("FROM scratch\n{dockerfile}\n"));
    scene
}

/// Builds under the eyes of strace; returns the exit status, what was said, and every open. Nothing
/// if it is not permitted here.
fn opened(scene: &Scene, args: &[&str]) -> Option<(i32, String, Vec<String>)> {
    let strace = peer::find("strace")?;
    let mut outer = strace.command();
    let calls = "trace=open,openat,openat2,readlink,readlinkat,execve";
    outer.args(["-f", "-y", "-qq", "-s", "4096", "-o"]).arg(scene.path("tmp/calls"));
    outer.args(["-e", calls]);
    let head = ["build", "-q", "--no-cache", "-o", "out", "c"];
    let outcome = scene.run_command(scene.program_under(outer, head.iter().chain(args)));
    if outcome.stderr.contains("ptrace") {
        peer::note_skipped("tracing is not permitted");
        return None;
    }
    let calls = String::from_utf8_lossy(&scene.read("tmp/calls")).into_owned();
    let calls: Vec<String> = calls.lines().map(str::to_owned).collect();
    let opened = calls.into_iter().filter(|call| call.contains("open")).collect();
    Some((outcome.status, outcome.stderr, opened))
}

/// Tells whether a call gave a file that is outside: what was opened stands last, `= 3</a/path>`.
fn is_outside(call: &str) -> bool {
    call.rsplit_once(" = ").is_some_and(|(_, result)| result.contains(CANARY))
}

#[test]
fn the_eye_sees() {
    // The canary is the context itself here: it is opened, and this is noticed.
    let scene = scene("COPY canary /");
    let Some((status, said, calls)) =
        opened(&scene, &["--build-context", "x=canary-dir", "-f", "f"])
    else {
        return;
    };
    assert_ne!(status, 0, "{said}");
    assert!(!calls.iter().any(|call| is_outside(call)), "there is no f: {said}");
    scene.write("f", "FROM x\n");
    let (status, said, calls) =
        opened(&scene, &["--build-context", "x=canary-dir", "-f", "f"]).unwrap();
    assert_eq!(status, 0, "{said}");
    assert!(calls.iter().any(|call| is_outside(call)), "{calls:#?}");
}

#[test]
fn links_stay_links() {
    let scene = scene("COPY . /all/\nADD . /again/\nCOPY d /d/\nCOPY --parents d /p/");
    let Some((status, said, calls)) = opened(&scene, &[]) else { return };
    assert_eq!(status, 0, "{said}");
    assert!(calls.iter().any(|call| call.contains("inside")), "{calls:#?}");
    let outside: Vec<_> = calls.iter().filter(|call| is_outside(call)).collect();
    assert_eq!(outside, [""; 0]);
    let image = Documents::only(&scene.path("out"));
    let all = image.layer(0).join("\n");
    for line in
        ["link all/relative = ../canary", "link all/root = /", "link all/chain = d/climbing"]
    {
        assert!(all.contains(line), "{line}: {all}");
    }
    assert!(!scene.file_digests("out").is_empty() && !all.contains("= outside"), "{all}");
}

#[test]
fn links_that_are_named_lead_nowhere() {
    for source in [
        "relative",
        "directory",
        "directory/",
        "directory/canary",
        "absolute",
        "d/climbing",
        "chain",
        "through",
        "dotted",
        "root/canary",
        "root/etc/passwd",
        "process",
        "../canary",
        "/../canary",
        "d/../../canary",
        "rel*",
        "direct*/*",
        "root/*/canary",
    ] {
        for copy in ["COPY", "ADD", "COPY --parents"] {
            let scene = scene(&format!("{copy} {source} /x/"));
            let Some((status, said, calls)) = opened(&scene, &[]) else { return };
            let outside: Vec<_> = calls.iter().filter(|call| is_outside(call)).collect();
            assert_eq!(outside, [""; 0], "{copy} {source}: {status} {said}");
            // --parents copies a link as a link.
            let is_copied = copy.ends_with("--parents");
            assert!(status == 1 || is_copied, "{copy} {source}: {status} {said}");
        }
    }
}

/// Files that are found by their usual names do not come from outside of their directory, and what is
/// outside is not shown. A file that is named may be anywhere.
#[test]
fn implied_files_are_in_their_directory() {
    let build = |name: &str, target: &str, args: &[&str]| {
        let scene = Scene::new();
        scene.write("secret", "FROM [hunter2\n");
        scene.write("work/inside", "FROM scratch\nCOPY inside /\n");
        if !matches!(name, "Dockerfile" | "Containerfile" | "diskette.yaml") {
            scene.write("work/Dockerfile", "FROM scratch\nCOPY inside /\n");
        }
        std::os::unix::fs::symlink(target, scene.path(&format!("work/{name}"))).unwrap();
        let outcome = scene.run(["build", "-q", "-o", "out", "work"].iter().chain(args));
        (outcome.status, outcome.stderr)
    };
    for name in [
        "Dockerfile",
        "Containerfile",
        "diskette.yaml",
        ".dockerignore",
        ".containerignore",
        "Dockerfile.dockerignore",
    ] {
        let (status, said) = build(name, "../secret", &[]);
        assert_eq!(status, 1, "{name}: {said}");
        assert!(said.contains("it is a link that leads out of its directory"), "{name}: {said}");
        assert!(!said.contains("hunter2"), "{name}: {said}");
    }
    let inside = ["Dockerfile", "Containerfile", "Dockerfile.dockerignore"];
    for name in inside {
        let (status, said) = build(name, "inside", &[]);
        assert_eq!(status, 0, "{name}: {said}");
    }
    let (status, said) = build("other", "inside", &["-f", "work/other"]);
    assert_eq!(status, 0, "{said}");
}
