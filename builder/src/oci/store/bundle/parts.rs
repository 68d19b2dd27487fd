//! The *files* of a bundle that is being written. They have temporary names until all are complete, and stay when the
//! program is interrupted.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;

use cap_std::fs::{Dir, OpenOptions};
use sha2::{Digest as _, Sha256};

use super::files::{find_parts, remove_parts, remove_whole, temporary_name};
use crate::oci::error::StorageError;
use crate::oci::image::digest::Digest;
use crate::oci::new_file::NewFile;
use crate::oci::store::part_list::{PARTS_MAX, PartChecksum, PartList, part_name};

/// Number of bytes that are compared at a time.
pub(super) const COMPARE_LEN: usize = 256 * 1024;

/// The files of a bundle.
pub(super) struct PartWriter<'d> {
    dir: &'d Dir,
    name: String,
    /// Length of each part but the last, in bytes; without it there is one file.
    part_len: Option<u64>,
    /// Bytes that are as they have to be.
    at: u64,
    /// Bytes that there are: an interrupted program may have left more.
    existing: u64,
    /// Whether there are no files beyond these bytes.
    is_clean: bool,
    files: Vec<File>,
    /// Hash of the current part.
    hash: Sha256,
    /// Digests of the parts that are complete.
    done: Vec<Digest>,
}

/// A state that can be returned to.
#[derive(Clone)]
pub(super) struct PartState {
    at: u64,
    hash: Sha256,
    done: usize,
}

impl<'d> PartWriter<'d> {
    /// Opens what an interrupted program left of the bundle `name`, or starts it. A bundle that another program writes is
    /// an error.
    pub(super) fn open(dir: &'d Dir, name: &str, part_len: Option<u64>) -> io::Result<Self> {
        let mut parts = Self {
            dir,
            name: name.to_owned(),
            part_len,
            at: 0,
            existing: 0,
            is_clean: false,
            files: Vec::new(),
            hash: Sha256::new(),
            done: Vec::new(),
        };
        let first = parts.open_part(0)?;
        lock(&first)?;
        parts.files.push(first);
        loop {
            let len = parts.files[parts.files.len() - 1].metadata()?.len();
            let whole = part_len.unwrap_or(u64::MAX);
            parts.existing += len.min(whole);
            let next = parts.temporary_name(parts.files.len());
            if len != whole || !dir.try_exists(&next)? {
                return Ok(parts);
            }
            parts.files.push(parts.open_part(parts.files.len())?);
        }
    }

    /// Returns how many bytes are there that may be as they have to be.
    pub(super) fn left(&self) -> u64 {
        self.existing.saturating_sub(self.at)
    }

    pub(super) fn state(&self) -> PartState {
        PartState { at: self.at, hash: self.hash.clone(), done: self.done.len() }
    }

    /// Returns to a state before, and discards what comes after it.
    pub(super) fn restore(&mut self, state: PartState) -> io::Result<()> {
        (self.at, self.hash) = (state.at, state.hash);
        self.done.truncate(state.done);
        self.discard_rest()
    }

    /// Adds bytes: compares them with those that are there, and writes what differs.
    pub(super) fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        let len = bytes.len() as u64;
        if self.left() < len || !self.has(bytes)? {
            return self.write(bytes);
        }
        self.advance(bytes);
        Ok(())
    }

    /// Writes bytes, and discards what is there.
    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.discard_rest()?;
        let mut rest = bytes;
        while !rest.is_empty() {
            let (number, offset, room) = self.position()?;
            while self.files.len() <= number {
                let file = self.open_part(self.files.len())?;
                file.set_len(0)?;
                self.files.push(file);
            }
            let (now, later) = rest.split_at(room.min(rest.len()));
            let written = self.files[number].write_all_at(now, offset);
            written.map_err(|error| self.explain_full_disk(error))?;
            self.existing = self.at + now.len() as u64;
            self.advance(now);
            rest = later;
        }
        Ok(())
    }

    /// Reads bytes that are there, and counts them as being as they have to be. The caller returns to a state before if they
    /// are not.
    pub(super) fn read(&mut self, space: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.left()).unwrap_or(usize::MAX).min(space.len());
        if left == 0 {
            return Ok(0);
        }
        let (number, offset, room) = self.position()?;
        let len = room.min(left);
        let count = self.files[number].read_at(&mut space[..len], offset)?;
        if count == 0 {
            // The file was cut off meanwhile.
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.advance(&space[..count]);
        Ok(count)
    }

    /// Gives the files their names, and returns how many parts there are; none if the bundle is one file. Afterwards it is
    /// the only bundle of its name: one in the other form is removed.
    pub(super) fn finish(&mut self) -> io::Result<usize> {
        self.discard_rest()?;
        for file in &self.files {
            file.sync_all()?;
        }
        let old = find_parts(self.dir, &self.name)?;
        let Some(part_len) = self.part_len else {
            self.dir.rename(self.temporary_name(0), self.dir, &self.name)?;
            remove_parts(self.dir, &self.name, &old, 0)?;
            return Ok(0);
        };
        if !self.at.is_multiple_of(part_len) {
            self.done.push(Digest::from_hasher(std::mem::take(&mut self.hash)));
        }
        let mut list = PartList::default();
        for (number, digest) in self.done.iter().enumerate() {
            let name = part_name(&self.name, number);
            self.dir.rename(self.temporary_name(number), self.dir, &name)?;
            list.0.push(PartChecksum { name, digest: *digest });
        }
        let mut file = NewFile::new(self.dir)?;
        io::Write::write_all(file.as_file_mut(), list.to_string().as_bytes())?;
        file.as_file().sync_all()?;
        file.replace(&PartList::file_name(&self.name))?;
        remove_parts(self.dir, &self.name, &old, self.done.len())?;
        remove_whole(self.dir, &self.name)?;
        Ok(self.done.len())
    }

    /// Returns whether these bytes are there.
    fn has(&mut self, bytes: &[u8]) -> io::Result<bool> {
        let state = self.state();
        let mut buffer = vec![0; bytes.len().min(COMPARE_LEN)];
        let mut rest = bytes;
        let mut is_same = true;
        while is_same && !rest.is_empty() {
            let len = rest.len().min(buffer.len());
            let count = self.read(&mut buffer[..len])?;
            is_same = count > 0 && buffer[..count] == rest[..count];
            rest = &rest[count..];
        }
        (self.at, self.hash) = (state.at, state.hash);
        self.done.truncate(state.done);
        Ok(is_same)
    }

    /// Returns the number of the current part, the offset in it, and how many bytes fit into it.
    fn position(&self) -> io::Result<(usize, u64, usize)> {
        let Some(part_len) = self.part_len else { return Ok((0, self.at, usize::MAX)) };
        let number = usize::try_from(self.at / part_len).unwrap_or(usize::MAX);
        if number >= PARTS_MAX {
            return Err(io::Error::other(format!("it would have more than {PARTS_MAX} parts")));
        }
        let offset = self.at % part_len;
        Ok((number, offset, usize::try_from(part_len - offset).unwrap_or(usize::MAX)))
    }

    fn advance(&mut self, mut bytes: &[u8]) {
        while let Some(part_len) = self.part_len.filter(|_| !bytes.is_empty()) {
            let room = usize::try_from(part_len - self.at % part_len).unwrap_or(usize::MAX);
            let (now, later) = bytes.split_at(room.min(bytes.len()));
            self.hash.update(now);
            self.at += now.len() as u64;
            if self.at.is_multiple_of(part_len) {
                self.done.push(Digest::from_hasher(std::mem::take(&mut self.hash)));
            }
            bytes = later;
        }
        self.at += bytes.len() as u64;
    }

    /// Discards what is there beyond what is as it has to be.
    fn discard_rest(&mut self) -> io::Result<()> {
        if self.is_clean && self.existing == self.at {
            return Ok(());
        }
        let (count, len) = match self.part_len {
            None => (1, self.at),
            Some(part_len) if self.at > 0 && self.at.is_multiple_of(part_len) => {
                (self.at / part_len, part_len)
            }
            Some(part_len) => (self.at / part_len + 1, self.at % part_len),
        };
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        self.files.truncate(count);
        if self.files.len() == count {
            self.files[count - 1].set_len(len)?;
        }
        (self.existing, self.is_clean) = (self.at, true);
        match self.part_len {
            None => Ok(()),
            Some(_) => {
                remove_from(self.dir, self.files.len(), |number| self.temporary_name(number))
            }
        }
    }

    fn open_part(&self, number: usize) -> io::Result<File> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true);
        Ok(self.dir.open_with(self.temporary_name(number), &options)?.into_std())
    }

    fn temporary_name(&self, number: usize) -> String {
        match self.part_len {
            None => temporary_name(&self.name),
            Some(_) => temporary_name(&part_name(&self.name, number)),
        }
    }

    /// Adds to the error of a full disk what can be done: what was written stays.
    fn explain_full_disk(&self, error: io::Error) -> io::Error {
        if !matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded) {
            return error;
        }
        let message = format!("cannot write {}: {error}", self.name);
        let help = "make room, and give the same command again; or remove what it has left".into();
        io::Error::other(StorageError::Refused { message, help: Some(help) })
    }
}

/// Removes the files with these names, from a number on, as long as there are some.
fn remove_from(dir: &Dir, first: usize, name: impl Fn(usize) -> String) -> io::Result<()> {
    for number in first..PARTS_MAX {
        match dir.remove_file(name(number)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            removed => removed?,
        }
    }
    Ok(())
}

fn lock(file: &File) -> io::Result<()> {
    use rustix::fs::{FlockOperation, flock};
    match flock(file, FlockOperation::NonBlockingLockExclusive) {
        Err(rustix::io::Errno::WOULDBLOCK) => Err(io::Error::other("another program writes it")),
        // Not all file systems have locks.
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use cap_std::ambient_authority;

    use super::*;

    #[test]
    fn what_cannot_be_written_is_explained() {
        let dir = cap_tempfile::TempDir::new(ambient_authority()).unwrap();
        let mut parts = PartWriter::open(&dir, "b.tar", Some(1)).unwrap();
        parts.append(&[7; PARTS_MAX]).unwrap();
        let error = parts.append(&[7]).unwrap_err();
        assert_eq!(error.to_string(), "it would have more than 1000 parts");
        let other = PartWriter::open(&dir, "b.tar", Some(1)).err().unwrap();
        assert_eq!(other.to_string(), "another program writes it");
        // What was left is gone on with once the other one has ended.
        drop(parts);
        let mut parts = PartWriter::open(&dir, "b.tar", Some(1)).unwrap();
        parts.append(&[7; PARTS_MAX]).unwrap();
        assert_eq!(parts.finish().unwrap(), PARTS_MAX);
    }
}
