//! Files that the program writes: a regular file is replaced, also behind a link; what is no regular
//! file is written through and stays what it is.

use std::fs;
use std::io::Read as _;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, symlink};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::thread::{self, JoinHandle};

use diskette_integration::image::Layout;
use diskette_integration::scene::Scene;
use rustix::fs::{CWD, FileType, Mode, makedev, mknodat};

fn make_fifo(path: &Path) {
    mknodat(CWD, path, FileType::Fifo, Mode::from_raw_mode(0o600), 0).unwrap();
}

/// Reads a FIFO in a thread, as another program would.
fn read_fifo(path: &Path) -> JoinHandle<Vec<u8>> {
    let path = path.to_owned();
    thread::spawn(move || fs::read(path).unwrap())
}

/// The options that write a file beside the image.
const OPTIONS: [&str; 4] = ["--iidfile", "--digestfile", "--metadata-file", "--deps"];

fn build(scene: &Scene, option: &str, path: &str) {
    let mut args = vec!["build", "-q", "-o", "oci:out", option, path];
    if option == "--deps" {
        args.extend(["--digestfile", "target.digest"]);
    }
    let outcome = scene.run(args);
    assert_eq!((outcome.status, outcome.stderr.as_str()), (0, ""), "{option}");
}

#[test]
fn results_are_written_through_what_is_no_regular_file() {
    let scene = Scene::with_disk();
    for option in OPTIONS {
        build(&scene, option, "plain");
        let expected = scene.read("plain");
        assert!(!expected.is_empty(), "{option}");

        let fifo = scene.path("fifo");
        make_fifo(&fifo);
        let reader = read_fifo(&fifo);
        build(&scene, option, "fifo");
        assert!(fs::metadata(&fifo).unwrap().file_type().is_fifo(), "{option}");
        assert_eq!(reader.join().unwrap(), expected, "{option}");

        symlink("fifo", scene.path("link")).unwrap();
        let reader = read_fifo(&fifo);
        build(&scene, option, "link");
        assert!(scene.path("link").is_symlink(), "{option}");
        assert_eq!(reader.join().unwrap(), expected, "{option}");

        let socket = scene.path("socket");
        let listener = UnixListener::bind(&socket).unwrap();
        let reader = thread::spawn(move || {
            let mut bytes = Vec::new();
            listener.accept().unwrap().0.read_to_end(&mut bytes).unwrap();
            bytes
        });
        build(&scene, option, "socket");
        assert_eq!(reader.join().unwrap(), expected, "{option}");
        assert!(fs::metadata(&socket).unwrap().file_type().is_socket(), "{option}");

        // As `/dev/null`, which only root can replace.
        let null = scene.path("null");
        let mode = Mode::from_raw_mode(0o666);
        if mknodat(CWD, &null, FileType::CharacterDevice, mode, makedev(1, 3)).is_ok() {
            build(&scene, option, "null");
            assert!(fs::metadata(&null).unwrap().file_type().is_char_device(), "{option}");
            fs::remove_file(&null).unwrap();
        }
        for name in ["fifo", "link", "socket"] {
            fs::remove_file(scene.path(name)).unwrap();
        }
    }
}

#[test]
fn links_stay_and_their_targets_are_replaced() {
    let scene = Scene::with_disk();
    fs::create_dir(scene.path("away")).unwrap();
    scene.write("away/old", "old");
    symlink("away/old", scene.path("first")).unwrap();
    symlink("first", scene.path("link")).unwrap();
    symlink("away/new", scene.path("dangling")).unwrap();
    let before = fs::metadata(scene.path("away/old")).unwrap().ino();
    for (link, target) in [("link", "away/old"), ("dangling", "away/new")] {
        build(&scene, "--digestfile", link);
        assert!(scene.path(link).is_symlink());
        assert!(scene.read(target).starts_with(b"sha256:"));
    }
    assert_ne!(fs::metadata(scene.path("away/old")).unwrap().ino(), before);

    let disk = scene.read("disk.raw");
    let outcome = scene.run(["extract", "-q", "out", "-o", "link", "--force"]);
    assert_eq!(outcome.status, 0, "{}", outcome.stderr);
    assert_eq!(String::from_utf8_lossy(&outcome.stdout), "link\n");
    assert!(scene.path("link").is_symlink() && scene.read("away/old") == disk);
    let outcome = scene.run(["copy", "-q", "oci:out", "oci-archive:link"]);
    assert_eq!(outcome.status, 0, "{}", outcome.stderr);
    assert!(scene.path("link").is_symlink());
    assert_eq!(scene.run(["digest", "oci-archive:away/old"]).status, 0);
}

#[test]
fn standard_output_by_its_path_is_standard_output() {
    let scene = Scene::with_disk();
    let digest = scene.build(&[]);
    for path in ["/dev/stdout", "/proc/self/fd/1", "/dev/fd/1"] {
        let args = ["build", "-q", "-o", "oci:out", "--digestfile", path];
        let outcome = scene.run(args);
        let lines = String::from_utf8(outcome.stdout).unwrap();
        assert_eq!((outcome.status, lines.matches(&digest).count()), (0, 2), "{path}: {lines}");
        // Also if it is a file, which is not replaced.
        let mut command = scene.program(args);
        command.stdout(fs::File::create(scene.path("log")).unwrap());
        assert!(command.status().unwrap().success());
        let lines = String::from_utf8(scene.read("log")).unwrap();
        assert_eq!(lines.matches(&digest).count(), 2, "{path}: {lines}");
    }
}

#[test]
fn images_and_disks_are_written_through() {
    let scene = Scene::with_disk();
    let digest = scene.build(&[]);
    let fifo = scene.path("fifo");
    make_fifo(&fifo);
    let reader = read_fifo(&fifo);
    let outcome = scene.run(["copy", "-q", "oci:out", "oci-archive:fifo"]);
    assert_eq!(outcome.status, 0, "{}", outcome.stderr);
    scene.write("copy.tar", reader.join().unwrap());
    assert_eq!(scene.run(["digest", "copy.tar"]).digest(), digest);

    let reader = read_fifo(&fifo);
    let outcome = scene.run(["extract", "-q", "out", "-o", "fifo"]);
    assert_eq!(outcome.status, 0, "{}", outcome.stderr);
    assert!(reader.join().unwrap() == scene.read("disk.raw"));
    assert!(fs::metadata(&fifo).unwrap().file_type().is_fifo());

    // Without a reader there is an error rather than a program that hangs.
    let outcome = scene.run(["extract", "-q", "out", "-o", "fifo"]);
    assert_eq!(outcome.status, 1);
    assert!(outcome.stderr.contains("nothing reads it"), "{}", outcome.stderr);
    Layout::open(&scene.path("out")).verify_blobs("1").unwrap();
}

#[test]
fn block_devices_are_overwritten_and_verified() {
    let scene = Scene::with_disk();
    scene.build(&[]);
    let disk = scene.read("disk.raw");
    scene.write("backing", vec![0xff; disk.len().next_multiple_of(4096) + 8192]);
    let losetup = || {
        let mut command = std::process::Command::new("losetup");
        let output = command.args(["--find", "--show"]).arg(scene.path("backing")).output().ok()?;
        output.status.success().then(|| String::from_utf8(output.stdout).unwrap())
    };
    // Only root can make one, and not everywhere.
    let Some(device) = losetup() else { return };
    let device = device.trim_end();
    let refused = scene.run(["extract", "-q", "out", "-o", device]);
    let written = scene.run(["extract", "-q", "--force", "out", "-o", device]);
    let kind = fs::metadata(device).unwrap().file_type();
    let found = fs::read(device);
    std::process::Command::new("losetup").args(["-d", device]).status().unwrap();
    assert!(refused.stderr.contains("is a device"), "{}", refused.stderr);
    assert_eq!((refused.status, written.status), (1, 0), "{}", written.stderr);
    assert!(kind.is_block_device());
    let found = found.unwrap();
    assert!(found[..disk.len()] == disk && found[disk.len()..].iter().all(|byte| *byte == 0xff));
}
