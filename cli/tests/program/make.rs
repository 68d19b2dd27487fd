//! The example for make does what make is for: what is up to date is left alone, what is not is made.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use diskette_integration::disk::{mixed_bytes, noise_bytes, qcow2_disk};
use diskette_integration::docker_registry::DockerRegistry;
use diskette_integration::image::Layout;
use diskette_integration::peer::{self, Peer};
use diskette_integration::scene::{self, Scene};

const EXAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../integration/examples/make");

struct Stage {
    scene: Scene,
    make: Peer,
}

impl Stage {
    fn new() -> Option<Self> {
        let make = peer::find("make")?;
        let scene = Scene::new();
        for file in ["Makefile", "fedora/diskette.yaml", "debian/diskette.yaml"] {
            scene.write(file, std::fs::read(Path::new(EXAMPLE).join(file)).unwrap());
        }
        scene.write("fedora/fedora.qcow2", qcow2_disk(1, 300_000));
        scene.write("debian/debian.qcow2", qcow2_disk(2, 300_000));
        Some(Self { scene, make })
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = self.make.command();
        command.args(args).current_dir(self.scene.path("")).env_clear();
        command.env("PATH", "/usr/bin:/bin").env("HOME", self.scene.path("home"));
        command.env("DISKETTE", scene::program_path()).env("VERSION", "1");
        command
    }

    /// Runs make, and returns which images it made.
    fn made(&self, args: &[&str]) -> Vec<String> {
        let output = self.command(args).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{args:?}: {said}");
        let lines = String::from_utf8(output.stdout).unwrap();
        let made = lines.lines().filter_map(|line| line.split_once(" is sha256:"));
        let name = |line: &str| line.rsplit('/').next().unwrap().to_owned();
        let mut made: Vec<String> = made.map(|(line, _)| name(line)).collect();
        made.sort();
        made
    }
}

/// Waits until a file that is written now is newer than all others, for make.
fn later() {
    std::thread::sleep(Duration::from_millis(20));
}

#[test]
fn what_is_up_to_date_is_left_alone() {
    let Some(stage) = Stage::new() else { return };
    let both = ["debian:1", "fedora:1"];
    assert_eq!(stage.made(&["-j8"]), both);
    let layout = Layout::open(&stage.scene.path("out/images"));
    let tags = layout.tags();
    assert_eq!(tags.len(), 2, "{tags:?}");
    for tag in &tags {
        layout.verify_blobs(tag).unwrap();
    }
    assert_eq!(stage.made(&["-j8"]), [""; 0]);
    let digest = stage.scene.read("out/fedora.digest");

    // Touched: it is looked at again, and comes to the same.
    later();
    stage.scene.write("fedora/fedora.qcow2", qcow2_disk(1, 300_000));
    assert_eq!(stage.made(&[]), ["fedora:1"]);
    assert_eq!(stage.scene.read("out/fedora.digest"), digest);
    assert_eq!(stage.made(&[]), [""; 0]);

    // Changed: the disk, the spec, the version.
    later();
    stage.scene.write("fedora/fedora.qcow2", qcow2_disk(3, 300_000));
    assert_eq!(stage.made(&[]), ["fedora:1"]);
    assert_ne!(stage.scene.read("out/fedora.digest"), digest);
    later();
    let spec = stage.scene.read("debian/diskette.yaml");
    stage.scene.write("debian/diskette.yaml", [&spec[..], b"labels: {a: b}\n"].concat());
    assert_eq!(stage.made(&["-j8"]), ["debian:1"]);
    later();
    assert_eq!(stage.made(&["-j8", "VERSION=2"]), ["debian:2", "fedora:2"]);
    assert_eq!(stage.made(&["VERSION=2"]), [""; 0]);

    // Removed: make does not stumble over the rule, and the build says what is missing.
    std::fs::remove_file(stage.scene.path("fedora/fedora.qcow2")).unwrap();
    let output = stage.command(&["VERSION=2"]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success());
    assert!(said.contains("cannot find `fedora.qcow2`"), "{said}");
    assert!(!said.contains("No rule to make target"), "{said}");
    stage.scene.write("fedora/fedora.qcow2", qcow2_disk(3, 300_000));
    assert_eq!(stage.made(&["VERSION=2"]), ["fedora:2"]);
}

#[test]
fn what_was_interrupted_is_made_again() {
    let Some(stage) = Stage::new() else { return };
    stage.scene.write("fedora/fedora.qcow2", qcow2_disk(1, 60 << 20));
    let interrupt = |after: u64| {
        let mut command = stage.command(&["-j8"]);
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let child: Child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(after));
        let group = rustix::process::Pid::from_child(&child);
        // It may be done already.
        let _gone = rustix::process::kill_process_group(group, rustix::process::Signal::INT);
        child.wait_with_output().unwrap().status.success()
    };
    let interrupted = [30, 80, 160, 320].map(interrupt).iter().filter(|done| !**done).count();
    assert!(interrupted > 0, "nothing was interrupted");
    stage.made(&["-j8"]);
    assert_eq!(stage.made(&["-j8"]), [""; 0]);
    let layout = Layout::open(&stage.scene.path("out/images"));
    for tag in layout.tags() {
        layout.verify_blobs(&tag).unwrap();
    }
    assert_eq!(
        stage.scene.file_digests("out").keys().filter(|name| name.ends_with(".digest")).count(),
        2
    );
}

#[test]
fn what_was_built_is_pushed_once() {
    let Some(stage) = Stage::new() else { return };
    let Some(registry) = DockerRegistry::start_open(&stage.scene) else { return };
    let to = format!("REGISTRY={}/me", registry.address());
    assert_eq!(stage.made(&["-j8", "push", &to]).len(), 2);
    for name in ["fedora", "debian"] {
        let index =
            peer::read_manifest_by_skopeo(&registry.reference(&format!("me/{name}:1"))).unwrap();
        let digest = String::from_utf8(stage.scene.read(&format!("out/{name}.digest"))).unwrap();
        assert_eq!(format!("sha256:{}", diskette_integration::disk::sha256(&index)), digest);
    }
    let pushed = || stage.scene.path("out/fedora.pushed").metadata().unwrap().modified().unwrap();
    let before = pushed();
    later();
    assert_eq!(stage.made(&["push", &to]), [""; 0]);
    assert_eq!(pushed(), before);
}

#[test]
fn files_that_a_dockerfile_takes_are_named() {
    let scene = Scene::new();
    scene.write("disk.raw", mixed_bytes(1, 8192));
    scene.write("not taken", "");
    scene.write("a b#c", "");
    scene.write(".dockerignore", "not*\n");
    scene.write("Dockerfile", "FROM scratch\nCOPY disk.raw /disk/\nCOPY [\"a b#c\", \"/x\"]\n");
    let built = scene.run(["build", "-q", "-o", "oci:out", "--deps", "d", "--iidfile", "id", "."]);
    assert_eq!(built.status, 0, "{}", built.stderr);
    let rule = String::from_utf8(scene.read("d")).unwrap();
    let needs = "id: \\\n  .dockerignore \\\n  Dockerfile \\\n  a\\ b\\#c \\\n  disk.raw\n";
    assert!(rule.starts_with(needs), "{rule}");
    let outputs = scene.file_digests("");
    let again = scene.run(["build", "-q", "-o", "oci:out", "--deps", "d", "--iidfile", "id", "."]);
    assert_eq!((again.status, scene.file_digests("")), (0, outputs));
    let nowhere = scene.run(["build", "-q", "-o", "-", "--deps", "e", "."]);
    assert_eq!(nowhere.status, 2);
    assert!(nowhere.stderr.contains("there is no file that `--deps` could be the rule for"));
    let unwritable = scene.run(["build", "-q", "-o", "oci:out", "--deps", "no/where", "."]);
    assert_eq!(unwritable.status, 1);
}

/// Characters that a make could read in another way, and what is harmless.
const NAME_PARTS: &[&str] = &[
    "a",
    "b",
    " ",
    "#",
    "$",
    "$$",
    ":",
    "=",
    "%",
    "\\",
    "\\ ",
    "|",
    ";",
    "*",
    "?",
    "[",
    "]",
    "~",
    "(",
    ")",
    "{",
    "}",
    "&",
    "'",
    "\"",
    "`",
    "!",
    "@",
    "+",
    "-",
    ",",
    ".",
    "\t",
    "\n",
    "\r",
    "\u{1b}",
    "ä",
    "$(shell id)",
    ":=",
    "include ",
];

/// Returns names of files, always the same.
fn file_names() -> Vec<String> {
    let count = std::env::var("DISKETTE_GRAMMAR_NAMES").map_or(30, |count| count.parse().unwrap());
    let noise = noise_bytes(4, count * 8);
    let name = |bytes: &[u8]| {
        let len = usize::from(bytes[0] % 4) + 1;
        let part = |byte: &u8| NAME_PARTS[usize::from(*byte) % NAME_PARTS.len()];
        bytes[1..=len].iter().map(part).collect::<String>()
    };
    let is_name = |name: &String| !matches!(&**name, "." | "..");
    noise.chunks(8).map(name).filter(is_name).collect()
}

/// Each name is either refused, or make takes the rule for what it is: the result depends on the file, and
/// nothing else happens.
#[test]
#[expect(clippy::print_stdout, reason = "the figures of soak tests are shown")]
fn names_of_files_are_what_make_takes_them_for() {
    let Some(make) = peer::find("make") else { return };
    let (mut refused, mut read) = (0, 0);
    for name in file_names() {
        let scene = Scene::new();
        scene.write("Dockerfile", "FROM scratch\nCOPY . /x/\n");
        scene.write(&format!("context/{name}"), "content");
        scene.write("recipe", "../id:\n\tfalse\n");
        let directory = scene.path("context");
        let args = [
            "-f",
            "../Dockerfile",
            "-o",
            "oci:../out",
            "--deps",
            "../d",
            "--iidfile",
            "../id",
            ".",
        ];
        let mut command = scene.program(["build", "-q"].iter().chain(&args));
        let built = command.current_dir(&directory).output().unwrap();
        let said = String::from_utf8_lossy(&built.stderr).into_owned();
        if !built.status.success() {
            assert!(said.contains("there is no way to write the name"), "{name:?}: {said}");
            refused += 1;
            continue;
        }
        read += 1;
        let rule = String::from_utf8(scene.read("d")).unwrap();
        let is_current = || {
            let mut command = make.command();
            command
                .args(["-q", "-r", "-f", "../d", "-f", "../recipe", "../id"])
                .current_dir(&directory);
            let output = command.output().unwrap();
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(output.status.code() < Some(2), "{name:?}: {said}\n{rule}");
            assert_eq!(said, "", "{name:?}\n{rule}");
            output.status.success()
        };
        assert!(is_current(), "{name:?} is newer than the result\n{rule}");
        later();
        scene.write(&format!("context/{name}"), "other");
        assert!(!is_current(), "the result does not depend on {name:?}\n{rule}");
        // There is no way to write a target with these.
        if name.contains(['=', '%']) {
            continue;
        }
        std::fs::remove_file(directory.join(&name)).unwrap();
        assert!(!is_current(), "make fails without {name:?}\n{rule}");
    }
    println!("{} names of files for make: {refused} refused", refused + read);
    assert!(refused > 0 && read > 0, "{refused} refused, {read} read");
}
