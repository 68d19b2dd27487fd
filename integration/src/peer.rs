//! A **peer** is another program that reads our images, serves our disks or watches the program. A
//! test that lacks one reports that and passes; under CI it fails.

use std::ffi::OsStr;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// Directories of servers and administrators' tools, which are not in every `$PATH`.
const MORE_PATH: [&str; 2] = ["/usr/sbin", "/sbin"];

/// Another program that is installed.
#[derive(Debug, Clone)]
pub struct Peer {
    name: &'static str,
    path: PathBuf,
}

/// Finds a program. Returns `None`, after a message, if it is not installed and may be missing.
pub fn find(name: &'static str) -> Option<Peer> {
    let found = find_optional(name);
    if found.is_none() {
        skip_test(&format!("`{name}` is missing; integration/peers.sh installs it"));
    }
    found
}

/// Finds a program that the test can do without.
pub fn find_optional(name: &'static str) -> Option<Peer> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let directories = std::env::split_paths(&path).chain(MORE_PATH.map(PathBuf::from));
    let path = directories.map(|directory| directory.join(name)).find(|path| is_program(path))?;
    Some(Peer { name, path })
}

fn is_program(path: &Path) -> bool {
    path.metadata().is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0)
}

/// Reports that a part of a test is skipped, and why; under CI that is a failure.
pub fn skip_test(reason: &str) {
    assert!(std::env::var_os("CI").is_none(), "not skipped under CI: {reason}");
    note_skipped(reason);
}

/// Reports that a part of a test is skipped on this machine, under CI too, and why.
pub fn note_skipped(reason: &str) {
    let test = std::thread::current().name().unwrap_or("a test").to_owned();
    // Not with a macro: the test runner swallows what those print in tests that pass.
    writeln!(std::io::stderr().lock(), "skipped: {test}: {reason}").unwrap();
}

impl Peer {
    /// Returns the path of the program.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns a command that runs the program.
    pub fn command(&self) -> Command {
        let mut command = Command::new(&self.path);
        command.stdin(Stdio::null()).env("LC_ALL", "C");
        command
    }

    /// Runs the program, which must succeed, and returns what it wrote to standard output.
    pub fn run<A: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = A>) -> String {
        String::from_utf8(self.run_for_bytes(args)).unwrap()
    }

    /// Runs the program, which must succeed, and returns the bytes it wrote to standard output.
    pub fn run_for_bytes<A: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = A>) -> Vec<u8> {
        let output = self.output(args);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{} failed: {stderr}", self.name);
        output.stdout
    }

    /// Runs the program, which must fail, and returns what it wrote to standard error.
    pub fn run_refused<A: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = A>) -> String {
        let output = self.output(args);
        assert!(!output.status.success(), "{} should have failed", self.name);
        String::from_utf8_lossy(&output.stderr).into_owned()
    }

    fn output<A: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = A>) -> Output {
        self.command().args(args).output().unwrap()
    }
}

/// Returns a path as an argument of a program.
pub fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// Returns the manifest or index that skopeo reads from a registry on this machine, if it exists.
pub fn read_manifest_by_skopeo(image: &str) -> Option<Vec<u8>> {
    let args = ["inspect", "--raw", "--tls-verify=false", &format!("docker://{image}")];
    let output = find("skopeo")?.command().args(args).output().unwrap();
    output.status.success().then_some(output.stdout)
}
