//! A **Debian 13** in a directory, which `integration/trixie.sh` makes: it has programs that Debian 12 does not have.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::peer;
use crate::scene::Scene;

/// The Debian in `$DISKETTE_TRIXIE`, with a directory of its own for one test.
#[derive(Debug)]
pub struct Trixie {
    root: PathBuf,
    /// Path of the directory inside.
    home: String,
}

impl Trixie {
    /// Returns it, with a new directory; `None`, after a message, if there is none.
    pub fn find(scene: &Scene) -> Option<Self> {
        let Some(root) = std::env::var_os("DISKETTE_TRIXIE") else {
            peer::note_skipped(
                "DISKETTE_TRIXIE is not set; integration/trixie.sh makes its directory",
            );
            return None;
        };
        let name = scene.path("").file_name()?.to_string_lossy().into_owned();
        let trixie = Self { root: root.into(), home: format!("/var/tmp/{name}") };
        std::fs::create_dir_all(trixie.path("")).unwrap();
        Some(trixie)
    }

    /// Returns the path inside of the directory.
    pub fn home(&self) -> &str {
        &self.home
    }

    /// Returns the path outside of a file in the directory.
    pub fn path(&self, name: &str) -> PathBuf {
        self.outside(Path::new(&self.home)).join(name)
    }

    /// Returns the path outside of an absolute path inside.
    pub fn outside(&self, path: &Path) -> PathBuf {
        self.root.join(path.strip_prefix("/").unwrap())
    }

    /// Returns a command that runs a program inside, in the directory.
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new("chroot");
        command.arg(&self.root).args(["env", "-C", &self.home, program]);
        command.env("HOME", &self.home).env("LC_ALL", "C");
        command
    }

    /// Runs a program with arguments, which must succeed, and returns what it wrote to standard output.
    pub fn run(&self, args: &[&str]) -> String {
        let output = self.command(args[0]).args(&args[1..]).output().unwrap();
        let log = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{args:?}: {log}");
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }
}

impl Drop for Trixie {
    fn drop(&mut self) {
        std::fs::remove_dir_all(self.path("")).unwrap();
    }
}
