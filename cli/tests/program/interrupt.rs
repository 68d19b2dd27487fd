//! A build that is broken off, in whatever way, leaves what was there as it was.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use diskette_integration::disk::{MIB, mixed_bytes};
use diskette_integration::image::Layout;
use diskette_integration::scene::Scene;
use rustix::process::{Pid, Signal, kill_process};
use snapbox::{IntoData, assert_data_eq, str};

/// A scene with an image in `out`, whose disk is then replaced by one that takes long.
fn scene() -> Scene {
    let scene = Scene::with_disk();
    scene.build(&[]);
    scene.build_to("oci-archive:out.tar", &[]);
    scene.write("disk.raw", mixed_bytes(8, 96 * MIB));
    scene
}

/// Starts a build that takes seconds and waits until it is in the middle of it.
fn start(scene: &Scene, destination: &str) -> Child {
    let slow =
        ["--jobs", "1", "--compression-level", "6", "--progress", "json", "--iidfile", "iid"];
    let mut command = scene.program(["build", "-o", destination].iter().chain(&slow));
    let log = File::create(scene.path("tmp/log")).unwrap();
    let child = command.stdout(Stdio::null()).stderr(log).spawn().unwrap();
    let deadline = Instant::now() + Duration::from_secs(30);
    while !said(scene).contains("advanced") {
        assert!(Instant::now() < deadline, "the build does not begin: {}", said(scene));
        std::thread::sleep(Duration::from_millis(10));
    }
    child
}

fn said(scene: &Scene) -> String {
    String::from_utf8(scene.read("tmp/log")).unwrap()
}

fn send(child: &Child, signal: Signal) {
    kill_process(Pid::from_child(child), signal).unwrap();
}

/// Breaks a build off with a signal and checks that nothing has changed.
fn check(signal: Signal, destination: &str, expected: impl IntoData) {
    let scene = scene();
    let before = scene.file_digests("");
    let mut child = start(&scene, destination);
    let sent = Instant::now();
    send(&child, signal);
    let status = child.wait().unwrap();
    assert!(sent.elapsed() < Duration::from_secs(5), "it took {:?}", sent.elapsed());
    let words: String = said(&scene).lines().filter(|line| !line.starts_with('{')).collect();
    std::fs::remove_file(scene.path("tmp/log")).unwrap();
    assert_data_eq!(format!("{status}\n{words}\n"), expected.raw());
    assert_eq!(scene.file_digests(""), before, "files were left behind or changed");
}

#[test]
fn signals() {
    check(
        Signal::INT,
        "out",
        str![[r#"
exit status: 130
interrupted; nothing was changed

"#]],
    );
    check(
        Signal::TERM,
        "out",
        str![[r#"
exit status: 143
interrupted; nothing was changed

"#]],
    );
    check(
        Signal::HUP,
        "oci-archive:out.tar",
        str![[r#"
exit status: 129
interrupted; nothing was changed

"#]],
    );
    check(
        Signal::INT,
        "-",
        str![[r#"
exit status: 130
interrupted; nothing was changed

"#]],
    );
}

#[test]
fn kill() {
    for destination in ["out", "oci-archive:out.tar"] {
        check(
            Signal::KILL,
            destination,
            str![[r#"
signal: 9 (SIGKILL)


"#]],
        );
    }
}

#[test]
fn a_second_signal_does_not_wait() {
    let scene = scene();
    let mut child = start(&scene, "out");
    send(&child, Signal::INT);
    send(&child, Signal::INT);
    assert_eq!(child.wait().unwrap().code(), Some(130));
    Layout::open(&scene.path("out")).verify_blobs("1").unwrap();
}

/// Nobody reads the archive, so that the program waits for ever.
#[test]
fn a_program_that_waits_is_ended() {
    let scene = scene();
    let before = scene.file_digests("");
    let mut command =
        scene.program(["build", "-q", "--no-cache", "-o", "-", "--compression", "none"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // The archive does not fit into the pipe.
    child.stdout.as_mut().unwrap().read_exact(&mut [0]).unwrap();
    let sent = Instant::now();
    send(&child, Signal::TERM);
    let status = child.wait().unwrap();
    assert!(sent.elapsed() < Duration::from_secs(5), "it took {:?}", sent.elapsed());
    assert_eq!(status.code(), Some(143), "{status}");
    assert_eq!(scene.file_digests(""), before, "files were left behind or changed");
}

/// The rest of the context does not come.
#[test]
fn an_unpacked_context_is_removed() {
    let scene = Scene::new();
    let before = scene.file_digests("");
    let mut command = scene.program(["build", "-", "-o", "out", "--progress", "none"]);
    let child = command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = child.spawn().unwrap();
    let mut header = tar::Header::new_ustar();
    header.set_path("disk.raw").unwrap();
    header.set_size(1 << 30);
    header.set_cksum();
    let mut input = child.stdin.take().unwrap();
    input.write_all(header.as_bytes()).unwrap();
    input.write_all(&vec![7; MIB]).unwrap();
    let deadline = Instant::now() + Duration::from_secs(30);
    while scene.file_digests("tmp").is_empty() {
        assert!(Instant::now() < deadline, "nothing is unpacked");
        std::thread::sleep(Duration::from_millis(10));
    }
    send(&child, Signal::INT);
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(130), "{said}");
    drop(input);
    assert_eq!(std::fs::read_dir(scene.path("tmp")).unwrap().count(), 0, "it was left behind");
    assert_eq!(scene.file_digests(""), before);
}

#[test]
fn the_next_build_succeeds() {
    let scene = scene();
    let mut child = start(&scene, "out");
    send(&child, Signal::KILL);
    child.wait().unwrap();
    scene.build(&[]);
    Layout::open(&scene.path("out")).verify_blobs("1").unwrap();
}
