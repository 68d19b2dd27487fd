//! *Unpacks* a tar into a directory, and nothing outside of it.

use std::io::{self, Read, Write as _};

use cap_std::fs::{Dir, File, OpenOptions, Permissions, PermissionsExt as _};
use rustix::fs::{FileType, Mode, XattrFlags};
use rustix::io::Errno;
use thiserror::Error;

use super::{ExtendedAttributes, TarEntry, TarEntryKind, TarLimits, TarReadError, TarReader};

/// How much of a file is written at a time, in bytes.
const PIECE: usize = 256 * 1024;

/// Why a tar cannot be unpacked.
#[derive(Debug, Error)]
pub enum UnpackError {
    /// The tar cannot be read.
    #[error(transparent)]
    Read(#[from] TarReadError),
    /// A member cannot be written.
    #[error("cannot unpack `{path}`: {error}")]
    Write {
        /// Path of the member.
        path: String,
        /// Error of the operating system.
        error: io::Error,
    },
}

/// Unpacks a tar, compressed or not. Owners are those of this process, devices are left out, and
/// extended attributes are set where the file system and this process' rights allow it.
pub fn unpack_archive(raw: impl Read + Send, dir: &Dir) -> Result<(), UnpackError> {
    let tar = super::read_entries(raw, TarLimits::default())?;
    unpack_members(tar, dir)
}

/// Unpacks the entries of a decompressed tar, and reads it to its end.
pub(crate) fn unpack_members<R: Read>(tar: TarReader<R>, dir: &Dir) -> Result<(), UnpackError> {
    let mut tar = tar.with_sparse_files();
    // Content cannot be put into a directory without write permission.
    let mut directories = Vec::new();
    while let Some(entry) = tar.next().transpose()? {
        if entry.path.is_empty() {
            continue;
        }
        let written = unpack_entry(&mut tar, &entry, dir);
        written.map_err(|error| located(error, &entry.path))?;
        if entry.kind == TarEntryKind::Directory {
            directories.push((entry.path, entry.mode));
        }
    }
    tar.drain()?;
    for (path, mode) in directories.into_iter().rev() {
        let set = dir.set_permissions(&path, Permissions::from_mode(mode));
        set.map_err(|error| UnpackError::Write { path, error })?;
    }
    Ok(())
}

/// Why one entry cannot be unpacked.
enum EntryError {
    Read(TarReadError),
    Write(io::Error),
}

impl From<io::Error> for EntryError {
    fn from(error: io::Error) -> Self {
        Self::Write(error)
    }
}

impl From<Errno> for EntryError {
    fn from(error: Errno) -> Self {
        Self::Write(error.into())
    }
}

fn located(error: EntryError, path: &str) -> UnpackError {
    match error {
        EntryError::Read(error) => error.into(),
        EntryError::Write(error) => UnpackError::Write { path: path.to_owned(), error },
    }
}

fn unpack_entry<R: Read>(
    tar: &mut TarReader<R>,
    entry: &TarEntry,
    dir: &Dir,
) -> Result<(), EntryError> {
    let (parent, name) = entry.path.rsplit_once('/').unwrap_or(("", &entry.path));
    if !parent.is_empty() {
        dir.create_dir_all(parent)?;
    }
    let parent = if parent.is_empty() { dir.try_clone()? } else { dir.open_dir(parent)? };
    let is_directory = entry.kind == TarEntryKind::Directory;
    match parent.symlink_metadata(name) {
        Ok(old) if old.is_dir() && is_directory => return Ok(()),
        Ok(old) if old.is_dir() => parent.remove_dir_all(name)?,
        Ok(_) => parent.remove_file(name)?,
        Err(_) => {}
    }
    match &entry.kind {
        TarEntryKind::Directory => {
            parent.create_dir(name)?;
            set_xattrs(&parent.open_dir(name)?, &entry.xattrs)?;
        }
        TarEntryKind::File => {
            let options = OpenOptions::new().write(true).create_new(true).clone();
            let mut file = parent.open_with(name, &options)?;
            write_content(tar, &mut file)?;
            rustix::fs::fchmod(&file, Mode::from_bits_truncate(entry.mode))?;
            set_xattrs(&file, &entry.xattrs)?;
        }
        TarEntryKind::Symlink(target) => parent.symlink_contents(target, name)?,
        TarEntryKind::Hardlink(target) => dir.hard_link(target, &parent, name)?,
        TarEntryKind::Fifo => {
            let mode = Mode::from_bits_truncate(entry.mode);
            rustix::fs::mknodat(&parent, name, FileType::Fifo, mode, 0)?;
        }
        TarEntryKind::Character { .. } | TarEntryKind::Block { .. } => {}
    }
    Ok(())
}

fn write_content<R: Read>(tar: &mut TarReader<R>, file: &mut File) -> Result<(), EntryError> {
    let mut space = vec![0; PIECE];
    loop {
        match tar.read_content(&mut space).map_err(EntryError::Read)? {
            0 => return Ok(()),
            count => file.write_all(&space[..count])?,
        }
    }
}

fn set_xattrs(file: impl std::os::fd::AsFd, xattrs: &ExtendedAttributes) -> Result<(), EntryError> {
    for (name, value) in xattrs.iter() {
        match rustix::fs::fsetxattr(&file, name, value, XattrFlags::empty()) {
            // As `tar --xattrs` of a user who may not set it.
            Err(Errno::NOTSUP | Errno::PERM) => {}
            set => set?,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oci::tar::testing::{RawHeader, TarBuilder};

    /// Unpacks a tar and returns what is in the directory, or the error.
    fn unpacked(tar: TarBuilder) -> Result<Vec<String>, String> {
        let dir = cap_tempfile::tempdir(cap_std::ambient_authority()).unwrap();
        unpack_archive(&tar.end()[..], &dir).map_err(|error| error.to_string())?;
        let mut found = Vec::new();
        list(&dir, "", &mut found);
        found.sort();
        Ok(found)
    }

    fn list(dir: &Dir, above: &str, found: &mut Vec<String>) {
        for entry in dir.entries().unwrap() {
            let entry = entry.unwrap();
            let path = format!("{above}{}", entry.file_name().to_str().unwrap());
            let metadata = entry.metadata().unwrap();
            let mode = metadata.permissions().mode() & 0o7777;
            if metadata.is_dir() {
                found.push(format!("{path}/ {mode:o}"));
                list(&entry.open_dir().unwrap(), &format!("{path}/"), found);
            } else if metadata.is_symlink() {
                let target = dir.read_link_contents(entry.file_name()).unwrap();
                found.push(format!("{path} -> {}", target.display()));
            } else if metadata.is_file() {
                let content = dir.read_to_string(entry.file_name()).unwrap();
                found.push(format!("{path} {mode:o} {content}"));
            } else {
                found.push(format!("{path} special"));
            }
        }
    }

    #[test]
    fn members_become_files() {
        let locked = RawHeader::new(b"d", b'5', 0).set(100, b"0000555\0");
        let tar = TarBuilder::new().member(locked, b"").file("d/a", "1").hardlink("h", "d/a");
        let tar = tar.symlink("l", "/etc/passwd").file("x/y/z", "2").file("x/y/z", "3");
        let fifo = RawHeader::new(b"p", b'6', 0).set(100, b"0000600\0");
        let device = RawHeader::new(b"dev", b'3', 0);
        let found = unpacked(tar.member(fifo, b"").member(device, b"").file("", "nameless"));
        let expected = [
            "d/ 555",
            "d/a 644 1",
            "h 644 1",
            "l -> /etc/passwd",
            "p special",
            "x/ 755",
            "x/y/ 755",
            "x/y/z 644 3",
        ];
        assert_eq!(found.unwrap(), expected);
    }

    #[test]
    fn nothing_lands_outside() {
        let check = |tar: TarBuilder, expected: &str| {
            let error = unpacked(tar).unwrap_err();
            assert!(error.starts_with(expected), "{error}");
        };
        let tar = TarBuilder::new;
        check(tar().symlink("l", "/tmp").file("l/x", ""), "cannot unpack `l/x`: ");
        check(tar().symlink("l", "..").file("l/x", ""), "cannot unpack `l/x`: ");
        check(tar().symlink("l", "/etc").hardlink("h", "l/passwd"), "cannot unpack `h`: ");
        check(tar().file("../x", ""), "the path \"../x\" leads out of the root");
    }
}
