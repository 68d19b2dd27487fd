//! The copier on trees of all kinds: what it makes, and what it says when it cannot.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::os::unix::net::UnixListener;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

const BUILT: &str = env!("CARGO_BIN_EXE_diskette-copier");

/// A user that nobody is.
const SOMEBODY: u32 = 1001;

/// What stands in a file system at `root`, a line a path.
fn listing(root: &Path) -> String {
    let mut lines = Vec::new();
    let mut paths = vec![root.to_owned()];
    while let Some(path) = paths.pop() {
        let metadata = fs::symlink_metadata(&path).unwrap();
        let mode = metadata.permissions().mode() & 0o7777;
        let what = if metadata.is_dir() {
            paths.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
            format!("{mode:o} /")
        } else if metadata.is_symlink() {
            format!("-> {}", fs::read_link(&path).unwrap().display())
        } else {
            format!("{mode:o} {:?}", fs::read_to_string(&path).unwrap())
        };
        lines.push(format!("{} {what}", path.strip_prefix(root).unwrap().display()));
    }
    lines.sort();
    lines.join("\n").trim().to_owned()
}

fn file(path: &Path, content: &str, mode: u32) {
    fs::write(path, content).unwrap();
    chmod(path, mode);
}

fn chmod(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

/// A directory that everybody can write to, with the tree `src` and the empty directory `dst`.
fn scene() -> TempDir {
    let scene = tempfile::tempdir().unwrap();
    let root = scene.path();
    fs::create_dir_all(root.join("src/lib/deep")).unwrap();
    file(&root.join("src/lib/a.so.1"), "library", 0o555);
    file(&root.join("src/empty"), "", 0o444);
    file(&root.join("src/lib/deep/set-id"), "x", 0o6755);
    symlink("a.so.1", root.join("src/lib/a.so")).unwrap();
    symlink("/nowhere", root.join("src/dangling")).unwrap();
    symlink("lib/deep", root.join("src/directory")).unwrap();
    chmod(&root.join("src/lib/deep"), 0o555);
    chmod(&root.join("src/lib"), 0o755);
    chmod(&root.join("src"), 0o755);
    fs::create_dir(root.join("dst")).unwrap();
    chmod(&root.join("dst"), 0o777);
    chmod(root, 0o755);
    scene
}

const COPIED: &str = "\
755 /
dangling -> /nowhere
directory -> lib/deep
empty 444 \"\"
lib 755 /
lib/a.so -> a.so.1
lib/a.so.1 555 \"library\"
lib/deep 555 /
lib/deep/set-id 755 \"x\"";

/// Runs the copier in a scene, not as root; returns what it says.
fn copier(scene: &TempDir, arguments: &[&str]) -> Result<(), String> {
    let program = scene.path().join("copier");
    if !program.exists() {
        // Where it was built, others may not look. By another process: what this one has open for
        // writing, the children of other tests have too, and then it cannot be run.
        let copied = Command::new("cp").arg(BUILT).arg(&program).status().unwrap();
        assert!(copied.success());
    }
    let mut command = Command::new(program);
    command.args(arguments).current_dir(scene.path());
    if scene.path().metadata().unwrap().uid() == 0 {
        command.uid(SOMEBODY).gid(SOMEBODY);
    }
    let output = command.output().unwrap();
    assert!(output.stdout.is_empty());
    match output.status.code() {
        Some(0) => Ok(()),
        Some(1) => Err(String::from_utf8(output.stderr).unwrap()),
        code => panic!("{code:?}"),
    }
}

#[test]
fn trees_are_copied() {
    let check = |source: &str, directory: &str| {
        let scene = scene();
        assert_eq!(copier(&scene, &[source, directory]), Ok(()), "{source} {directory}");
        assert_eq!(listing(&scene.path().join("dst/src")), COPIED, "{source} {directory}");
        // Again, over what is read-only now.
        assert_eq!(copier(&scene, &[source, directory]), Ok(()), "{source} {directory}");
        assert_eq!(listing(&scene.path().join("dst/src")), COPIED, "{source} {directory}");
    };
    check("src", "dst");
    check("src/", "dst/");
    check("./src", "src/../dst");
    check("dst/../src", "./dst");
}

#[test]
fn other_things_than_directories_are_copied() {
    let check = |source: &str, expected: &str| {
        let scene = scene();
        assert_eq!(copier(&scene, &[source, "dst"]), Ok(()), "{source}");
        assert_eq!(listing(&scene.path().join("dst")), format!("777 /\n{expected}"), "{source}");
    };
    check("src/lib/a.so.1", r#"a.so.1 555 "library""#);
    check("src/lib/a.so", "a.so -> a.so.1");
    check("src/dangling", "dangling -> /nowhere");
}

#[test]
fn what_is_there_is_replaced() {
    let scene = scene();
    let old = scene.path().join("dst/src");
    fs::create_dir_all(old.join("lib")).unwrap();
    file(&scene.path().join("outside"), "outside", 0o666);
    file(&old.join("empty"), "longer than what replaces it", 0o444);
    file(&old.join("other"), "other", 0o444);
    symlink("../../../outside", old.join("lib/a.so.1")).unwrap();
    symlink(scene.path().join("outside"), old.join("lib/deep")).unwrap();
    for path in ["dst/src", "dst/src/lib"] {
        chmod(&scene.path().join(path), 0o777);
    }
    assert_eq!(copier(&scene, &["src", "dst"]), Ok(()));
    // Directories that are somebody else's, as where root runs this test, keep their mode.
    let found = listing(&old).replace("777 /", "755 /");
    assert_eq!(found.replace("\nother 444 \"other\"", ""), COPIED);
    assert_eq!(fs::read_to_string(scene.path().join("outside")).unwrap(), "outside");
    assert!(old.join("other").exists());
}

#[test]
fn failures_name_the_path() {
    let check = |prepare: &dyn Fn(&Path), arguments: &[&str], expected: &str| {
        let scene = scene();
        prepare(scene.path());
        let said = copier(&scene, arguments);
        assert_eq!(said, Err(format!("copier: {expected}\n")), "{arguments:?}");
    };
    let nothing = |_: &Path| {};
    check(&nothing, &[], "say `copier SRC DIR`");
    check(&nothing, &["src"], "say `copier SRC DIR`");
    check(&nothing, &["src", "dst", "dst"], "say `copier SRC DIR`");
    check(&nothing, &["no", "dst"], "cannot read `no`: No such file or directory (os error 2)");
    check(
        &nothing,
        &["src", "no"],
        "cannot copy into `no`: No such file or directory (os error 2)",
    );
    check(&nothing, &["src", "src/empty"], "cannot copy into `src/empty`: it is not a directory");
    check(&nothing, &["src", "src/lib"], "cannot copy `src`: it would be copied into itself");
    check(&nothing, &["src/..", "dst"], "cannot copy `src/..`: it would be copied into itself");
    check(&nothing, &["src/lib/..", "dst"], "cannot copy `src/lib/..`: it has no name of its own");
    check(
        &|root| drop(UnixListener::bind(root.join("src/socket")).unwrap()),
        &["src", "dst"],
        "cannot copy `src/socket`: it is neither a file, a directory nor a link",
    );
    check(
        &|root| {
            fs::create_dir_all(root.join("dst/src/empty")).unwrap();
            chmod(&root.join("dst/src"), 0o777);
        },
        &["src/empty", "dst/src"],
        "cannot replace `dst/src/empty`: Is a directory (os error 21)",
    );
    check(
        &|root| chmod(&root.join("src/empty"), 0),
        &["src", "dst"],
        "cannot read `src/empty`: Permission denied (os error 13)",
    );
    check(
        &|root| chmod(&root.join("src/lib"), 0),
        &["src", "dst"],
        "cannot read `src/lib`: Permission denied (os error 13)",
    );
    check(
        &|root| chmod(&root.join("dst"), 0o555),
        &["src", "dst"],
        "cannot make `dst/src`: Permission denied (os error 13)",
    );
}
