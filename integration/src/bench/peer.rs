//! A **peer** is a way to do the job, as data: what it needs, and the bash scripts that prepare, do
//! and clear up the job.
//!
//! Scripts see the variables that [`crate::sandbox::Sandbox`] sets and the functions of
//! [`crate::peers::PRELUDE`].

use std::ffi::OsString;
use std::io;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::options::Options;
use crate::peers::PRELUDE;

/// One way to do a job.
#[derive(Debug)]
pub(crate) struct Peer {
    pub(crate) name: &'static str,
    pub(crate) needs: &'static [Need],
    /// Command that prints the version on its first line.
    pub(crate) version: &'static str,
    /// Script that is not timed, and prepares inputs in the form that this peer needs.
    pub(crate) prepare: &'static str,
    /// Script that is timed: from the disk file to a finished image in `$OUT`.
    pub(crate) job: &'static str,
    /// Script that is not timed, and runs before the files are removed.
    pub(crate) cleanup: &'static str,
}

/// Something that a peer needs.
#[derive(Debug)]
pub(crate) enum Need {
    /// A program on PATH.
    Program(&'static str),
    /// A script that must succeed, and the reason to report if it does not.
    Check { script: &'static str, otherwise: &'static str },
}

/// Settings of all scripts in a run of the benchmark.
#[derive(Debug)]
pub(crate) struct Setting {
    pub(crate) scratch: PathBuf,
    pub(crate) diskette: PathBuf,
    storage_driver: String,
}

impl Setting {
    pub(crate) fn new(options: &Options) -> io::Result<Self> {
        std::fs::create_dir_all(&options.scratch)?;
        Ok(Self {
            scratch: options.scratch.canonicalize()?,
            diskette: std::path::absolute(&options.diskette)?,
            storage_driver: options.storage_driver.clone(),
        })
    }

    /// Variables that every script sees.
    pub(crate) fn variables(&self) -> [(&'static str, OsString); 2] {
        [("DISKETTE", self.diskette.clone().into()), ("DRIVER", self.storage_driver.clone().into())]
    }
}

impl Peer {
    /// Returns the version line; the error is what is missing.
    pub(crate) fn version(&self, setting: &Setting) -> io::Result<Result<String, String>> {
        for need in self.needs {
            if let Some(missing) = need.missing(setting)? {
                return Ok(Err(missing));
            }
        }
        let output = probe(self.version, setting).output()?;
        let text = String::from_utf8_lossy(&output.stdout);
        Ok(Ok(text.lines().next().unwrap_or_default().trim().to_owned()))
    }
}

impl Need {
    fn missing(&self, setting: &Setting) -> io::Result<Option<String>> {
        let (script, otherwise) = match self {
            Self::Program(name) => (format!("type -P {name}"), format!("{name} is not on PATH")),
            Self::Check { script, otherwise } => ((*script).to_owned(), (*otherwise).to_owned()),
        };
        let status = probe(&script, setting).stdout(Stdio::null()).status()?;
        Ok((!status.success()).then_some(otherwise))
    }
}

fn probe(script: &str, setting: &Setting) -> Command {
    let mut command = Command::new("bash");
    command.args(["-euo", "pipefail", "-c", &format!("{PRELUDE}{script}")]);
    command.envs(setting.variables()).env("STATE", &setting.scratch);
    command.stdin(Stdio::null()).stderr(Stdio::null());
    command
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    const NOTHING: &str = ":";

    fn version(needs: &'static [Need]) -> Result<String, String> {
        let directory = tempfile::tempdir().unwrap();
        let scratch = directory.path().to_str().unwrap();
        let setting = Setting::new(&Options::parse_from(["bench", "--scratch", scratch])).unwrap();
        let version = "echo 1.2; echo more";
        let (name, prepare, job, cleanup) = ("test", NOTHING, NOTHING, NOTHING);
        Peer { name, needs, version, prepare, job, cleanup }.version(&setting).unwrap()
    }

    #[test]
    fn a_peer_with_all_it_needs_tells_its_version() {
        assert_eq!(version(&[Need::Program("bash")]), Ok("1.2".to_owned()));
    }

    #[test]
    fn what_is_missing_is_named() {
        let program = version(&[Need::Program("bash"), Need::Program("no-such-program")]);
        assert_eq!(program, Err("no-such-program is not on PATH".to_owned()));
        let check = version(&[Need::Check { script: "false", otherwise: "too old" }]);
        assert_eq!(check, Err("too old".to_owned()));
    }
}
