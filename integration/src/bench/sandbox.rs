//! A **sandbox** is the directory one run of a peer works in: its output, its storage, its
//! temporary files, its cache. It is fresh at the start and removed at the end.

use std::io;
use std::path::PathBuf;
use std::process::Command;

use tempfile::TempDir;

use crate::disks::Disk;
use crate::measure::{self, Sample, Trouble};
use crate::peer::{Peer, Setting};
use crate::peers::PRELUDE;
use crate::report;
use crate::traffic::Traffic;

/// The job to do in a sandbox.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Job<'a> {
    pub(crate) peer: &'a Peer,
    pub(crate) disk: &'a Disk,
    /// Compression level, for a peer that has one.
    pub(crate) level: Option<i32>,
}

/// The directory, and the scripts' variables.
#[derive(Debug)]
pub(crate) struct Sandbox<'a> {
    directory: TempDir,
    setting: &'a Setting,
    job: Job<'a>,
}

impl<'a> Sandbox<'a> {
    /// Makes the directory and prepares the job in it.
    pub(crate) fn new(setting: &'a Setting, job: Job<'a>) -> Result<Self, Trouble> {
        let directory = tempfile::Builder::new().prefix("run-").tempdir_in(&setting.scratch)?;
        for name in ["state", "state/tmp", "state/cache"] {
            std::fs::create_dir(directory.path().join(name))?;
        }
        let sandbox = Self { directory, setting, job };
        sandbox.run(job.peer.prepare)?;
        Ok(sandbox)
    }

    /// Does the job, timed, with the disk in the page cache and nothing of an earlier run still on
    /// its way to the disk.
    pub(crate) fn measure(&self) -> Result<Sample, Trouble> {
        settle(self.job.disk)?;
        let earlier = Traffic::read(&self.state())?;
        let mut sample = self.run(self.job.peer.job)?;
        sample.traffic = Traffic::since(earlier, &self.state())?;
        sample.layer = self.layer()?;
        Ok(sample)
    }

    fn run(&self, script: &str) -> Result<Sample, Trouble> {
        let usage = self.directory.path().join("usage");
        let mut command = measure::timed(&format!("{PRELUDE}{script}"), &usage);
        self.surround(&mut command);
        measure::run(command, &usage)
    }

    fn surround(&self, command: &mut Command) {
        let state = self.state();
        command.envs(self.setting.variables());
        command.env("DISK", &self.job.disk.path).env("NAME", self.job.disk.name);
        command.env("OUT", self.out()).env("STATE", &state);
        // The tools write large temporary files, and caches that would make a second run a different
        // job.
        command.env("TMPDIR", state.join("tmp")).env("XDG_CACHE_HOME", state.join("cache"));
        if let Some(level) = self.job.level {
            command.env("LEVEL", level.to_string());
        }
        command.current_dir(state);
    }

    fn state(&self) -> PathBuf {
        self.directory.path().join("state")
    }

    fn out(&self) -> PathBuf {
        self.directory.path().join("out")
    }

    /// Returns the size of the layer: by far the largest file of the image, or the archive if the image
    /// is one.
    fn layer(&self) -> io::Result<Option<u64>> {
        let mut largest = None;
        for entry in walkdir::WalkDir::new(self.out()) {
            match entry {
                Ok(entry) if entry.file_type().is_file() => {
                    largest = largest.max(Some(entry.metadata()?.len()));
                }
                Ok(_) => {}
                // Peers that only read have no output directory.
                Err(error) if error.depth() == 0 => return Ok(None),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(largest)
    }
}

impl Drop for Sandbox<'_> {
    fn drop(&mut self) {
        if let Err(trouble) = self.run(self.job.peer.cleanup) {
            report::note(&format!("cleaning up after {}: {trouble}", self.job.peer.name));
        }
        if let Err(error) = std::fs::remove_dir_all(self.directory.path()) {
            report::note(&format!("{} stays: {error}", self.directory.path().display()));
        }
    }
}

/// Waits until written data is on the disk, then reads `disk` into the page cache.
pub(crate) fn settle(disk: &Disk) -> io::Result<()> {
    Command::new("sync").status()?;
    disk.warm()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::Options;
    use clap::Parser;

    fn in_sandbox(prepare: &'static str, job: &'static str) -> Result<Sample, Trouble> {
        let directory = tempfile::tempdir().unwrap();
        let scratch = directory.path().to_str().unwrap();
        let setting = Setting::new(&Options::parse_from(["bench", "--scratch", scratch])).unwrap();
        let path = directory.path().join("disk");
        std::fs::write(&path, b"disk").unwrap();
        let disk = Disk { name: "disk", path, bytes: 4 };
        let peer = Peer { name: "test", needs: &[], version: ":", prepare, job, cleanup: ":" };
        let job = Job { peer: &peer, disk: &disk, level: Some(3) };
        let sample = Sandbox::new(&setting, job)?.measure();
        let left = std::fs::read_dir(directory.path()).unwrap().count();
        assert_eq!(left, 1, "only the disk stays");
        sample
    }

    #[test]
    fn scripts_see_the_disk_the_output_and_the_level() {
        let job =
            r#"mkdir "$OUT"; echo 1 >"$OUT/small"; cat "$DISK" made >"$OUT/layer-$NAME-$LEVEL""#;
        let sample = in_sandbox("echo 123 >made", job).unwrap();
        assert_eq!(sample.layer, Some(8));
    }

    #[test]
    fn no_output_is_no_layer() {
        assert_eq!(in_sandbox(":", "cat $DISK").unwrap().layer, None);
    }

    #[test]
    fn a_failing_script_gives_its_reason() {
        for (prepare, job) in [("echo no >&2; exit 1", ":"), (":", "echo no >&2; exit 1")] {
            let trouble = in_sandbox(prepare, job).unwrap_err();
            assert!(matches!(&trouble, Trouble::Peer(reason) if reason == "no"), "{trouble}");
        }
    }
}
