//! A commit of a *git repository* as a build context, checked out by `git`.

use std::ffi::OsStr;
use std::fmt;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

use cap_std::ambient_authority;
use cap_std::fs::{Dir, Permissions, PermissionsExt as _};
use diskette_builder::recipe::diagnostic::Diagnostic;
use walkdir::WalkDir;

use super::temporary_dir::TemporaryDir;
use crate::error::cannot;

/// A repository, a commit in it, and a directory of the commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct GitSource {
    repository: String,
    /// A commit, tag or branch.
    reference: String,
    /// Empty for all of the commit.
    directory: String,
}

impl GitSource {
    /// Parses `REPOSITORY[#REFERENCE[:DIRECTORY]]`; none if this is no repository. A local one is
    /// named with a `#`, since its directory alone is a context.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (repository, fragment) = text.split_once('#').unwrap_or((text, ""));
        let is_url = ["git://", "ssh://", "git@", "file://"];
        let is_remote = is_url.iter().any(|start| repository.starts_with(start))
            || (repository.starts_with("http") && repository.strip_suffix(".git").is_some());
        let path = Path::new(repository);
        let is_local = text.contains('#') && (path.join(".git").exists() || is_bare(path));
        if !is_remote && !is_local {
            return None;
        }
        let (reference, directory) = fragment.split_once(':').unwrap_or((fragment, ""));
        let reference = if reference.is_empty() { "HEAD" } else { reference };
        Some(Self {
            repository: repository.to_owned(),
            reference: reference.to_owned(),
            directory: directory.trim_matches('/').to_owned(),
        })
    }

    /// Writes the files of the commit to a directory. The repository is not changed.
    pub(crate) fn check_out(&self, target: &Path) -> Result<(), Diagnostic> {
        let work = TemporaryDir::new(target.parent().unwrap_or(target))?;
        let (fetched, index) = (work.path().join("fetched"), work.path().join("index"));
        let is_local = Path::new(&self.repository).exists();
        let (repository, commit) = if is_local {
            (Path::new(&self.repository), self.reference.as_str())
        } else {
            self.fetch(&fetched)?;
            (fetched.as_path(), "FETCH_HEAD")
        };
        let commit = format!("{commit}^{{commit}}");
        let commit =
            self.run(repository, &["rev-parse", "--verify", "--end-of-options", &commit])?;
        let tree = format!("{}:{}", commit.trim(), self.directory);
        let mut command = git(repository, ["read-tree", &tree]);
        self.finish(command.env("GIT_INDEX_FILE", &index))?;
        let mut command = git(repository, ["checkout-index", "--all", "--force"]);
        self.finish(command.env("GIT_INDEX_FILE", &index).env("GIT_WORK_TREE", target))?;
        set_modes(target).map_err(cannot("check out", &self.repository))
    }

    /// Fetches the commit alone into a new repository.
    fn fetch(&self, repository: &Path) -> Result<(), Diagnostic> {
        let path = repository.as_os_str();
        self.finish(&mut git(
            Path::new("."),
            [OsStr::new("init"), OsStr::new("--quiet"), OsStr::new("--bare"), path],
        ))?;
        let fetch = ["fetch", "--quiet", "--depth=1", "--no-tags", "--end-of-options"];
        let arguments = [&fetch[..], &[&self.repository, &self.reference]].concat();
        self.run(repository, &arguments).map(drop)
    }

    fn run(&self, repository: &Path, arguments: &[&str]) -> Result<String, Diagnostic> {
        self.finish(&mut git(repository, arguments))
    }

    /// Runs a command and returns its output.
    fn finish(&self, command: &mut Command) -> Result<String, Diagnostic> {
        let answer = command.output().map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => Diagnostic::new("`git` is not installed")
                .help("install it, or unpack the context into a directory"),
            _ => cannot("run", "git")(error),
        })?;
        if answer.status.success() {
            return Ok(String::from_utf8_lossy(&answer.stdout).into_owned());
        }
        let said = String::from_utf8_lossy(&answer.stderr);
        let last = said.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("it failed");
        let message = format!("cannot check out {self}: {}", last.trim_start_matches("fatal: "));
        let help = "write `REPOSITORY#COMMIT`, or `REPOSITORY#COMMIT:DIRECTORY`";
        Err(Diagnostic::new(message).help(help))
    }
}

impl fmt::Display for GitSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at {}", self.repository, self.reference)?;
        if self.directory.is_empty() { Ok(()) } else { write!(f, ", directory {}", self.directory) }
    }
}

/// Returns whether a directory is a repository without a working tree.
fn is_bare(path: &Path) -> bool {
    path.join("HEAD").is_file() && path.join("objects").is_dir()
}

/// Variables that lead git to another repository; hooks run with them.
const LOCATIONS: [&str; 7] = [
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_COMMON_DIR",
    "GIT_PREFIX",
];

/// Returns a command of git that asks nothing and runs no hook.
fn git<A: AsRef<OsStr>>(directory: &Path, arguments: impl IntoIterator<Item = A>) -> Command {
    let mut command = Command::new("git");
    command.arg("-C").arg(directory);
    command.args(["-c", "core.hooksPath=/dev/null", "-c", "core.autocrlf=false"]);
    command.args(["-c", "protocol.ext.allow=never"]).args(arguments);
    for name in LOCATIONS {
        command.env_remove(name);
    }
    command.env("GIT_TERMINAL_PROMPT", "0").stdin(Stdio::null());
    command
}

/// Sets the modes that a checkout with the usual umask has: git knows only whether a file is
/// executable.
fn set_modes(target: &Path) -> io::Result<()> {
    let dir = Dir::open_ambient_dir(target, ambient_authority())?;
    for entry in WalkDir::new(target).min_depth(1) {
        let entry = entry?;
        if entry.file_type().is_symlink() {
            continue;
        }
        let mode = entry.metadata()?.mode();
        let mode = if entry.file_type().is_dir() || mode & 0o100 != 0 { 0o755 } else { 0o644 };
        let path = entry.path().strip_prefix(target).map_err(io::Error::other)?;
        dir.set_permissions(path, Permissions::from_mode(mode))?;
    }
    Ok(())
}
