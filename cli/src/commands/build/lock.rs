//! The *lock file* beside a Dockerfile: what the tags of bases meant when it was written.

use std::path::PathBuf;

use diskette_builder::frontend::dockerfile::base::{BaseLock, BaseResolver, LockEnforcement};
use diskette_builder::recipe::diagnostic::Diagnostic;

use super::dockerfile::{DockerfileArguments, Pull};
use crate::error::CommandError;
use crate::files::{read_if_there, write_file};

/// A lock file, and what it comes to.
pub(super) struct LockFile {
    path: PathBuf,
    pub(super) resolver: BaseResolver,
}

impl LockFile {
    /// Reads the lock file, if there is one.
    pub(super) fn of(path: PathBuf, arguments: &DockerfileArguments) -> Result<Self, CommandError> {
        let lock = match read_if_there(&path)? {
            Some(source) => BaseLock::parse(&source)?,
            None if arguments.locked => {
                let message = format!("there is no lock file `{}`", path.display());
                let help = "build once with `--lock`, and keep the file with the Dockerfile";
                return Err(Diagnostic::new(message).help(help).into());
            }
            None => BaseLock::default(),
        };
        let pull = match arguments.pull {
            Pull::Always => diskette_builder::frontend::dockerfile::base::PullPolicy::Always,
            Pull::Missing => diskette_builder::frontend::dockerfile::base::PullPolicy::Unknown,
        };
        let locked = if arguments.locked { LockEnforcement::Yes } else { LockEnforcement::No };
        Ok(Self { path, resolver: BaseResolver::new(lock, pull, locked) })
    }

    /// Writes down what was found out, if that was asked for.
    pub(super) fn write(&self, arguments: &DockerfileArguments) -> Result<(), CommandError> {
        match self.resolver.updated_lock().filter(|_| arguments.lock) {
            Some(lock) => Ok(write_file(&self.path, lock.to_string().as_bytes())?),
            None => Ok(()),
        }
    }
}
