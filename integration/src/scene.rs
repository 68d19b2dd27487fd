//! A **scene** is the directory of one test: its disks, its spec, its output, and its own cache and
//! home.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use tempfile::TempDir;
use walkdir::WalkDir;

use crate::cluster;
use crate::disk::{MIB, mixed_bytes, sha256};
use crate::peer;

/// An age at which the program trusts the times of files, whatever the step of the clock.
const OLD_AGE: Duration = Duration::from_secs(3600);

/// Number of scenes of this process.
static SCENES: AtomicUsize = AtomicUsize::new(0);

/// A directory for one test; it is removed at the end.
#[derive(Debug)]
pub struct Scene {
    directory: TempDir,
    /// Whether images that are built here may be bad.
    allows_bad_images: AtomicBool,
}

/// Exit status and output of the program.
#[derive(Debug)]
pub struct ProgramOutcome {
    /// Exit status, as a shell reports it: 128 and the number for a signal.
    pub status: i32,
    /// Standard output.
    pub stdout: Vec<u8>,
    /// Standard error, with the scene's directory as `[ROOT]`.
    pub stderr: String,
}

impl Default for Scene {
    fn default() -> Self {
        Self::new()
    }
}

impl Scene {
    /// Makes an empty scene.
    pub fn new() -> Self {
        // Lower case only: podman makes an image name of the path. Short: podman's runroot has at
        // most 50 characters.
        let number = SCENES.fetch_add(1, Ordering::Relaxed);
        let now = SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs();
        let prefix = format!("diskette-{now:x}-{}-{number}", std::process::id());
        let directory = tempfile::Builder::new().prefix(&prefix).rand_bytes(0).tempdir().unwrap();
        // Other users access some scenes.
        fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755)).unwrap();
        for name in ["home", "cache", "tmp"] {
            fs::create_dir(directory.path().join(name)).unwrap();
        }
        Self { directory, allows_bad_images: AtomicBool::new(false) }
    }

    /// Makes a scene with one small disk, `disk.raw`, and a spec for it.
    pub fn with_disk() -> Self {
        let scene = Self::new();
        scene.write("disk.raw", mixed_bytes(1, 3 * MIB + 77));
        scene.write_spec("amd64: { disk: disk.raw }");
        scene
    }

    /// Makes a scene with disks for two platforms, `x.raw` and `a.raw`, and their spec.
    pub fn with_two_disks() -> Self {
        let scene = Self::new();
        scene.write("x.raw", mixed_bytes(2, 2 * MIB));
        scene.write("a.raw", mixed_bytes(3, MIB + 4096));
        scene.write_spec("linux/amd64: { disk: x.raw }\n  linux/arm64: { disk: a.raw }");
        scene
    }

    /// Makes a scene with an image in the layout `out`, whose `disk.raw` is then replaced by a larger
    /// one.
    pub fn with_image() -> Self {
        let scene = Self::new();
        scene.write("disk.raw", mixed_bytes(5, 70_000));
        scene.write_spec("amd64: { disk: disk.raw }");
        scene.build(&["--per-arch-tags"]);
        scene.write("disk.raw", mixed_bytes(6, 200_000));
        scene
    }

    /// Returns the path of a file in the scene.
    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Writes a file, and makes its parent directories.
    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        path
    }

    /// Writes a program, in another process: what this one has open for writing while another thread starts a
    /// program cannot be run (`Text file busy`).
    pub fn write_program(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let (text, path) = (self.write(&format!("{name}.text"), content), self.path(name));
        install_program(&text, &path);
        fs::remove_file(text).unwrap();
        path
    }

    /// Writes `diskette.yaml` with the given platforms, for an image `quay.io/me/vm:1`.
    pub fn write_spec(&self, platforms: &str) {
        let head = "apiVersion: diskette/v1\nimage: quay.io/me/vm\ntags: [\"1\"]\nplatforms:\n  ";
        self.write("diskette.yaml", format!("{head}{platforms}\n"));
    }

    /// Reads a file.
    pub fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// Sets the modification time of a file back by an hour. (The time of the last change of its
    /// attributes cannot be set; see [`Scene::wait_until_old`].)
    pub fn make_old(&self, name: &str) {
        let file = File::options().append(true).open(self.path(name)).unwrap();
        file.set_modified(SystemTime::now() - OLD_AGE).unwrap();
    }

    /// Waits until the program trusts the times of the disks.
    pub fn wait_until_old(&self) {
        std::thread::sleep(Duration::from_millis(2_050));
    }

    /// Returns a command that runs the program in the scene, in an environment that is otherwise
    /// empty.
    pub fn program<A: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = A>) -> Command {
        self.surround(Command::new(program_path()), args)
    }

    /// Returns a command that runs the program under another one, such as `strace`.
    pub fn program_under<A: AsRef<OsStr>>(
        &self,
        mut outer: Command,
        args: impl IntoIterator<Item = A>,
    ) -> Command {
        outer.arg(program_path());
        self.surround(outer, args)
    }

    fn surround<A: AsRef<OsStr>>(
        &self,
        mut command: Command,
        args: impl IntoIterator<Item = A>,
    ) -> Command {
        command.args(args).current_dir(self.directory.path()).stdin(Stdio::null());
        command.env_clear().env("PATH", "/usr/bin:/bin");
        command.env("HOME", self.path("home")).env("XDG_CACHE_HOME", self.path("cache"));
        command.env("TMPDIR", self.path("tmp"));
        command
    }

    /// Returns a command that runs the program as a user without privileges, who can write only to
    /// `out`.
    pub fn unprivileged_program<A: AsRef<OsStr>>(
        &self,
        args: impl IntoIterator<Item = A>,
    ) -> Option<Command> {
        let setpriv = peer::find("setpriv")?;
        if !is_root() {
            peer::note_skipped("not root: this user takes the part of one without privileges");
            return Some(self.program(args));
        }
        fs::create_dir_all(self.path("out")).unwrap();
        std::os::unix::fs::chown(self.path("out"), Some(65534), Some(65534)).unwrap();
        // The built program may be in a directory that other users cannot read.
        let copy = self.path("home/diskette");
        install_program(&program_path(), &copy);
        let mut command = setpriv.command();
        command.args(["--reuid", "65534", "--regid", "65534", "--clear-groups"]);
        command.args(["--bounding-set=-all", "--no-new-privs"]).arg(copy);
        Some(self.surround(command, args))
    }

    /// Runs the program, and returns its exit status and output.
    pub fn run<A: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = A>) -> ProgramOutcome {
        self.run_command(self.program(args))
    }

    /// Runs the program with bytes on standard input, which come from a pipe some time after it started.
    pub fn run_with_input(&self, args: &[&str], input: &[u8]) -> ProgramOutcome {
        let (reader, mut writer) = io::pipe().unwrap();
        std::thread::scope(|scope| {
            let mut command = self.program(args);
            command.stdin(reader);
            let (first, rest) = input.split_at(input.len() / 2);
            scope.spawn(move || {
                for part in [first, rest] {
                    std::thread::sleep(Duration::from_millis(200));
                    // A program that failed does not read everything.
                    drop(writer.write_all(part));
                }
            });
            self.run_command(command)
        })
    }

    /// Makes a pair of keys for signatures with OpenSSL: `NAME.key` and `NAME.pub`. `kind` is an algorithm with its options,
    /// e.g. `ED25519`.
    pub fn make_signing_key(&self, kind: &str, name: &str) {
        let script = format!(
            "openssl genpkey -algorithm {kind} -out {name}.key 2>/dev/null && openssl pkey -in {name}.key -pubout -out {name}.pub"
        );
        let mut command = Command::new("sh");
        command.args(["-c", &script]).current_dir(self.path(""));
        assert!(command.status().unwrap().success(), "{script}");
    }

    /// Writes the files of a directory into a tar.
    pub fn pack(&self, directory: &str, tar: &str) {
        let mut command = Command::new("tar");
        command.args(["-cf", tar, "-C", directory, "."]).current_dir(self.path(""));
        assert!(command.status().unwrap().success());
    }

    /// Allows images that KubeVirt or CDI would not accept; the reason is for readers of the test.
    pub fn allow_bad_images(&self, reason: &str) {
        assert!(!reason.is_empty());
        self.allows_bad_images.store(true, Ordering::Relaxed);
    }

    /// Runs a command, and returns its exit status and output. Images that it built must be
    /// accepted by the readers in `cluster`.
    pub fn run_command(&self, mut command: Command) -> ProgramOutcome {
        let Output { status, stdout, stderr } = command.output().unwrap();
        if status.success() && !self.allows_bad_images.load(Ordering::Relaxed) {
            cluster::check_built_images(&command);
        }
        let signal = status.signal().map(|signal| 128 + signal);
        let root = self.directory.path().to_str().unwrap();
        let stderr = String::from_utf8_lossy(&stderr).replace(root, "[ROOT]");
        ProgramOutcome { status: status.code().or(signal).unwrap(), stdout, stderr }
    }

    /// Runs a command that must fail and must not change anything, and returns its output.
    pub fn run_refused(&self, command: Command) -> String {
        let before = self.file_digests("");
        let outcome = self.run_command(command);
        assert_ne!(outcome.status, 0, "it should have failed");
        assert_eq!(self.file_digests(""), before, "files were left behind or changed");
        outcome.transcript()
    }

    /// Builds into the layout `out`, which must succeed, and returns the digest.
    pub fn build(&self, args: &[&str]) -> String {
        self.build_to("out", args)
    }

    /// Builds into a destination, which must succeed, and returns the digest.
    pub fn build_to(&self, destination: &str, args: &[&str]) -> String {
        let outcome = self.run(["build", "-q", "-o", destination].iter().chain(args));
        outcome.digest()
    }

    /// Returns the files in a directory of the scene with the digests of their contents.
    pub fn file_digests(&self, name: &str) -> BTreeMap<String, String> {
        let root = self.path(name);
        WalkDir::new(&root)
            .into_iter()
            .map(Result::unwrap)
            .filter(|entry| entry.file_type().is_file())
            .map(|entry| {
                let path = entry.path().strip_prefix(&root).unwrap().to_str().unwrap();
                (path.to_owned(), sha256(&fs::read(entry.path()).unwrap()))
            })
            .collect()
    }
}

impl ProgramOutcome {
    /// Returns the digest that `-q` printed; panics if the program failed.
    pub fn digest(&self) -> String {
        assert_eq!(self.status, 0, "{}", self.stderr);
        let digest = String::from_utf8(self.stdout.clone()).unwrap();
        let digest = digest.strip_suffix('\n').unwrap();
        assert!(digest.starts_with("sha256:") && digest.len() == 71, "{digest:?}");
        digest.to_owned()
    }

    /// Returns exit status and output as text, to compare with a snapshot.
    pub fn transcript(&self) -> String {
        let (status, stderr) = (self.status, &self.stderr);
        format!(
            "status: {status}\nstdout:\n{}stderr:\n{stderr}",
            String::from_utf8_lossy(&self.stdout)
        )
    }
}

/// Returns whether the tests run as root.
pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Returns the path of the program under test: `$DISKETTE`, or the one that cargo built for these
/// tests. Newer versions of cargo report its path; otherwise it is beside the tests.
pub fn program_path() -> PathBuf {
    let named = ["DISKETTE", "CARGO_BIN_EXE_diskette"].into_iter().find_map(std::env::var_os);
    if let Some(path) = named {
        return path.into();
    }
    let test = std::env::current_exe().unwrap();
    let path = test.parent().and_then(Path::parent).unwrap().join("diskette");
    assert!(path.exists(), "{} is missing: run `cargo build -p diskette`", path.display());
    path
}

/// Copies a program in another process, and makes it executable.
fn install_program(program: &Path, path: &Path) {
    let installed = Command::new("install").args(["-m", "755"]).args([program, path]).status();
    assert!(installed.unwrap().success(), "cannot install {}", path.display());
}
