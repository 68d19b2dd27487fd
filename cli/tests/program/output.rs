//! What the program says when the output is wrong or full, or the disk changes under its hands.
#![expect(
    clippy::too_many_lines,
    reason = "each test is a table of what is done and what is said of it"
)]

use std::fs::{self, File};
use std::io::Write as _;
use std::os::unix::fs::FileExt as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use diskette_integration::disk::{MIB, mixed_bytes};
use diskette_integration::peer;
use diskette_integration::scene::{ProgramOutcome, Scene, is_root};
use snapbox::{IntoData, assert_data_eq, str};

fn check(prepare: impl FnOnce(&Scene), destination: &str, expected: impl IntoData) {
    let scene = Scene::with_disk();
    prepare(&scene);
    let command = scene.program(["build", "--iidfile", "iid", "-o", destination]);
    assert_data_eq!(scene.run_refused(command), expected.raw());
}

#[test]
fn not_a_place_for_an_image() {
    check(
        |_| (),
        "disk.raw",
        str![[r#"
status: 2
stdout:
stderr:
error: invalid value 'disk.raw' for '--output <DEST>': `disk.raw` is the name of a disk, and an image is written; `diskette extract -o disk.raw` extracts the disk of an image

For more information, try '--help'.

"#]],
    );
    check(
        |scene| drop(scene.write("full/of/files", "x")),
        "full",
        str![[r#"
status: 1
stdout:
stderr:
error: full is neither empty nor an OCI layout

"#]],
    );
    check(
        |_| (),
        "oci-archive:home",
        str![[r#"
status: 1
stdout:
stderr:
error: cannot write an archive to `home`: it is a directory
 |
 = help: for a layout, use `-o oci:home`

"#]],
    );
    check(
        |_| (),
        "oci-archive:no/such/directory.tar",
        str![[r#"
status: 1
stdout:
stderr:
error: cannot write `no/such/directory.tar`: No such file or directory (os error 2)

"#]],
    );
    check(
        |_| (),
        "disk.raw/out",
        str![[r#"
status: 1
stdout:
stderr:
error: cannot make the directory `disk.raw/out`: Not a directory (os error 20)

"#]],
    );
    check(
        |_| (),
        "/dev/null",
        str![[r#"
status: 1
stdout:
stderr:
error: cannot write a layout to `/dev/null`: it is not a directory
 |
 = help: for an archive, use `-o oci-archive:/dev/null`

"#]],
    );
}

#[test]
fn a_layout_with_a_broken_index() {
    let broken = |content: &'static str| {
        move |scene: &Scene| {
            scene.build(&[]);
            scene.write("out/index.json", content);
        }
    };
    check(
        broken("{"),
        "out",
        str![[r#"
status: 1
stdout:
stderr:
error: out/index.json is not JSON: EOF while parsing an object at line 1 column 1

"#]],
    );
    check(
        broken("{}"),
        "out",
        str![[r#"
status: 1
stdout:
stderr:
error: out/index.json is not an image index: it has no list of manifests

"#]],
    );
    let other_version = |scene: &Scene| {
        scene.build(&[]);
        scene.write("out/oci-layout", r#"{"imageLayoutVersion":"9.0.0"}"#);
    };
    check(
        other_version,
        "out",
        str![[r#"
status: 1
stdout:
stderr:
error: out is an OCI layout of version 9.0.0, not 1.0.0

"#]],
    );
}

#[test]
fn unwritable() {
    let scene = Scene::with_disk();
    for (destination, expected) in [
        (
            "layout",
            str![[r#"
status: 1
stdout:
stderr:
note: caching disabled: cannot make the directory `[ROOT]/cache/diskette/layers`: Permission denied (os error 13)
error: cannot make the directory `layout`: Permission denied (os error 13)

"#]],
        ),
        (
            "oci-archive:image.tar",
            str![[r#"
status: 1
stdout:
stderr:
note: caching disabled: cannot make the directory `[ROOT]/cache/diskette/layers`: Permission denied (os error 13)
error: cannot write to the directory of image.tar: Permission denied (os error 13)

"#]],
        ),
    ] {
        let Some(command) = scene.unprivileged_program(["build", "-o", destination]) else {
            return;
        };
        if !is_root() {
            let private = std::os::unix::fs::PermissionsExt::from_mode(0o555);
            fs::set_permissions(scene.path(""), private).unwrap();
        }
        assert_data_eq!(scene.run_command(command).transcript(), expected.raw());
    }
}

#[test]
fn report_that_cannot_be_written() {
    let scene = Scene::with_disk();
    let outcome = scene.run(["build", "-q", "-o", "out", "--iidfile", "no/such/directory"]);
    assert_eq!(outcome.status, 1);
    assert_data_eq!(
        outcome.stderr,
        str![[r#"
error: cannot write `no/such/directory`: No such file or directory (os error 2)

"#]]
        .raw()
    );
    assert!(!scene.path("out").exists(), "that was known before the work");
}

/// Runs the program with a limit to the size of files: the one way to run out of room that needs
/// no privileges.
#[test]
fn file_size_limit() {
    for (destination, expected) in [
        (
            "out",
            str![[r#"
status: 1
stdout:
stderr:
error: cannot write the layer: File too large (os error 27)

"#]],
        ),
        (
            "oci-archive:out.tar",
            str![[r#"
status: 1
stdout:
stderr:
error: cannot write the layer: File too large (os error 27)

"#]],
        ),
    ] {
        let scene = Scene::with_disk();
        let before = scene.file_digests("");
        let mut shell = Command::new("sh");
        shell.args(["-c", r#"trap "" XFSZ; ulimit -f 500; exec "$0" "$@""#]);
        let outcome = scene.run_command(scene.program_under(shell, ["build", "-o", destination]));
        assert_data_eq!(outcome.transcript(), expected.raw());
        let mut after = scene.file_digests("");
        after.retain(|path, _| !["out/oci-layout", "out/index.json"].contains(&&path[..]));
        assert_eq!(after, before);
    }
}

#[test]
fn full_file_system() {
    let scene = Scene::with_disk();
    fs::create_dir(scene.path("small")).unwrap();
    let mount = ["-t", "tmpfs", "-o", "size=512k", "tmpfs"];
    let mounted =
        Command::new("mount").args(mount).arg(scene.path("small")).stderr(Stdio::null()).status();
    if !mounted.is_ok_and(|status| status.success()) {
        return peer::note_skipped("mounting a small tmpfs is not permitted");
    }
    let outcomes: Vec<ProgramOutcome> = ["small/out", "oci-archive:small/out.tar"]
        .iter()
        .map(|destination| scene.run(["build", "-o", destination]))
        .collect();
    let left: Vec<String> = scene.file_digests("small").into_keys().collect();
    let free = fs::write(scene.path("small/all"), vec![1; 400 << 10]);
    assert!(Command::new("umount").arg(scene.path("small")).status().unwrap().success());
    assert_data_eq!(
        outcomes[0].transcript(),
        str![[r#"
status: 1
stdout:
stderr:
error: cannot write the layer: No space left on device (os error 28)
 |
 = help: nothing was left behind; make room or choose another place with `-o`

"#]]
        .raw()
    );
    assert_data_eq!(
        outcomes[1].transcript(),
        str![[r#"
status: 1
stdout:
stderr:
error: cannot write the layer: No space left on device (os error 28)
 |
 = help: nothing was left behind; make room or choose another place with `-o`

"#]]
        .raw()
    );
    assert!(left.iter().all(|path| !path.contains("blobs") && !path.contains("tar")), "{left:?}");
    free.unwrap();
}

/// Changes the disk of a build that takes long and returns what the build said. On a busy machine a build can end before
/// its disk is changed: then it is done again.
fn meddle(change: impl Fn(&File)) -> ProgramOutcome {
    let mut outcomes = std::iter::repeat_with(|| change_during_build(&change)).take(5);
    outcomes.find(|it| it.status != 0).expect("changes are not noticed")
}

fn change_during_build(change: &impl Fn(&File)) -> ProgramOutcome {
    let scene = Scene::with_disk();
    scene.write("disk.raw", mixed_bytes(8, 12 * MIB));
    scene.make_old("disk.raw");
    scene.build_to("out", &["--compression", "none", "--platform", "amd64"]);
    let before = scene.file_digests("out");
    let slow = ["--jobs", "1", "--compression-level", "12", "--progress", "json", "--no-cache"];
    let mut command = scene.program(["build", "-o", "out"].iter().chain(&slow));
    let log = File::create(scene.path("log")).unwrap();
    let mut child = command.stdout(Stdio::piped()).stderr(log).spawn().unwrap();
    wait_for(|| String::from_utf8(scene.read("log")).unwrap().contains("started"));
    change(&File::options().write(true).open(scene.path("disk.raw")).unwrap());
    let status = child.wait().unwrap().code().unwrap();
    assert!(status == 0 || scene.file_digests("out") == before, "something was left behind");
    let log = String::from_utf8(scene.read("log")).unwrap();
    let stderr = log.lines().filter(|line| !line.starts_with('{')).map(|line| format!("{line}\n"));
    ProgramOutcome { status, stdout: Vec::new(), stderr: stderr.collect() }
}

fn wait_for(condition: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !condition() {
        assert!(Instant::now() < deadline, "nothing happened");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_disk_that_changes_while_it_is_read() {
    type Change = fn(&File);
    let changes: [(&str, Change); 3] = [
        ("grows", |mut file| {
            use std::io::Seek as _;
            file.seek(std::io::SeekFrom::End(0)).unwrap();
            file.write_all(b"more").unwrap();
        }),
        ("shrinks", |file| file.set_len(1000).unwrap()),
        ("changes", |file| file.write_all_at(b"other", 12).unwrap()),
    ];
    let expected = str![[r#"
status: 1
stdout:
stderr:
error: cannot use `disk.raw`: the file changed while it was read
 --> ./diskette.yaml:5:18
  |
5 |   amd64: { disk: disk.raw }
  |                  ^^^^^^^^
  |
  = help: build again when nothing writes to it any more

"#]];
    for (name, change) in changes {
        let outcome = meddle(change);
        assert_eq!(outcome.status, 1, "{name}");
        assert_data_eq!(outcome.transcript(), expected.clone().raw());
    }
}
