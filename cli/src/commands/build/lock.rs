//! The *lock file* beside a Dockerfile records the digests that the tags of bases resolved to.

use std::path::PathBuf;

use diskette_builder::frontend::dockerfile::base::{BaseLock, BaseResolver, LockEnforcement};
use diskette_builder::recipe::diagnostic::Diagnostic;

use super::dockerfile::{DockerfileArguments, PullPolicy};
use crate::error::CommandError;
use crate::files::{read_if_exists, write_file};

/// A lock file that was read.
pub(super) struct LockFile {
    path: PathBuf,
    pub(super) resolver: BaseResolver,
}

impl LockFile {
    /// Reads the lock file, if there is one.
    pub(super) fn read(
        path: PathBuf,
        arguments: &DockerfileArguments,
    ) -> Result<Self, CommandError> {
        let lock = match read_if_exists(&path)? {
            Some(source) => BaseLock::parse(&source)?,
            None if arguments.locked => {
                let message = format!("there is no lock file `{}`", path.display());
                let help = "build once with `--lock`, and keep the file with the Dockerfile";
                return Err(Diagnostic::new(message).help(help).into());
            }
            None => BaseLock::default(),
        };
        let pull = match arguments.pull {
            PullPolicy::Always => diskette_builder::frontend::dockerfile::base::PullPolicy::Always,
            PullPolicy::Missing => {
                diskette_builder::frontend::dockerfile::base::PullPolicy::Unknown
            }
        };
        let locked = if arguments.locked { LockEnforcement::Yes } else { LockEnforcement::No };
        Ok(Self { path, resolver: BaseResolver::new(lock, pull, locked) })
    }

    /// Writes the lock file if `--lock` is given.
    pub(super) fn write(&self, arguments: &DockerfileArguments) -> Result<(), CommandError> {
        match self.resolver.updated_lock().filter(|_| arguments.lock) {
            Some(lock) => Ok(write_file(&self.path, lock.to_string().as_bytes())?),
            None => Ok(()),
        }
    }
}
