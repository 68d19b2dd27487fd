//! The *system* provides auth files, settings and helpers to the library.

use std::io;
use std::path::Path;
use std::process::Command;

use cap_std::ambient_authority;
use cap_std::fs::{Dir, File, OpenOptions, OpenOptionsExt as _};
use diskette_builder::registry::credentials::{
    AUTH_FILE_MAX, AuthFileContent, AuthFileReaders, CredentialSystem, HELPER_TIMEOUT, HelperError,
    HelperOutput, helper_program,
};
use diskette_builder::registry::settings::{CONFIG_FILE_MAX, SettingsFiles};
use rustix::fs::{Mode, OFlags, fstat};

use super::helper;
use crate::files::read_at_most;

/// The files and programs of this machine.
#[derive(Debug, Clone, Copy)]
pub(crate) struct System;

impl CredentialSystem for System {
    fn read_auth_file(&self, path: &Path) -> io::Result<Option<AuthFileContent>> {
        let Some(file) = some_if_exists(open(path))? else { return Ok(None) };
        let open_to = Mode::from_raw_mode(fstat(&file)?.st_mode) & (Mode::RWXG | Mode::RWXO);
        let readers = if open_to.intersects(Mode::RGRP | Mode::ROTH) {
            AuthFileReaders::Others
        } else {
            AuthFileReaders::Owner
        };
        Ok(Some(AuthFileContent { bytes: read_at_most(file, AUTH_FILE_MAX)?, readers }))
    }

    fn run_helper(&self, name: &str, server: &str) -> Result<HelperOutput, HelperError> {
        let mut command = Command::new(helper_program(name)?);
        command.arg("get");
        helper::run_helper(command, server, HELPER_TIMEOUT)
    }
}

impl SettingsFiles for System {
    fn read(&self, path: &Path) -> io::Result<Option<Vec<u8>>> {
        let file = some_if_exists(open(path))?;
        file.map(|file| read_at_most(file, CONFIG_FILE_MAX)).transpose()
    }

    fn list(&self, dir: &Path) -> io::Result<Option<Vec<String>>> {
        let dir = some_if_exists(Dir::open_ambient_dir(dir, ambient_authority()))?;
        let Some(dir) = dir else { return Ok(None) };
        let mut names = Vec::new();
        for entry in dir.entries()? {
            // A name that is not UTF-8 has none of the extensions that are used.
            names.extend(entry?.file_name().into_string());
        }
        Ok(Some(names))
    }
}

/// Opens a regular file: a pipe could block, and cannot be read twice.
fn open(path: &Path) -> io::Result<File> {
    let flags = OFlags::NONBLOCK.bits().cast_signed();
    let options = OpenOptions::new().read(true).custom_flags(flags).clone();
    let file = File::open_ambient_with(path, &options, ambient_authority())?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("it is not a regular file"));
    }
    Ok(file)
}

/// Returns `None` if the file does not exist.
fn some_if_exists<T>(opened: io::Result<T>) -> io::Result<Option<T>> {
    match opened {
        Ok(opened) => Ok(Some(opened)),
        Err(error)
            if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) =>
        {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_there_is_nothing() {
        let temporary = tempfile::tempdir().unwrap();
        let dir = Dir::open_ambient_dir(temporary.path(), ambient_authority()).unwrap();
        dir.create_dir("conf.d").unwrap();
        dir.write("conf.d/a.conf", "a").unwrap();
        let at = |name: &str| temporary.path().join(name);
        assert_eq!(CredentialSystem::read_auth_file(&System, &at("none")).unwrap(), None);
        assert_eq!(
            CredentialSystem::read_auth_file(&System, &at("conf.d/a.conf/none")).unwrap(),
            None
        );
        assert_eq!(SettingsFiles::read(&System, &at("none")).unwrap(), None);
        assert_eq!(
            SettingsFiles::read(&System, &at("conf.d/a.conf")).unwrap(),
            Some(b"a".to_vec())
        );
        assert_eq!(System.list(&at("none")).unwrap(), None);
        assert_eq!(System.list(&at("conf.d/a.conf")).unwrap(), None);
        assert_eq!(System.list(&at("conf.d")).unwrap(), Some(vec!["a.conf".to_owned()]));
        let directory = CredentialSystem::read_auth_file(&System, &at("conf.d")).unwrap_err();
        assert_eq!(directory.to_string(), "it is not a regular file");
        let pipe = at("pipe");
        rustix::fs::mknodat(
            rustix::fs::CWD,
            &pipe,
            rustix::fs::FileType::Fifo,
            Mode::RUSR | Mode::WUSR,
            0,
        )
        .unwrap();
        let refused = CredentialSystem::read_auth_file(&System, &pipe).unwrap_err();
        assert_eq!(refused.to_string(), "it is not a regular file");
    }
}
