//! *Partial* blobs: what an interrupted transfer has written of a blob to a layout. The next transfer
//! of the blob continues it. Its name has the digest, and it is locked while it is written.

use std::io::{self, Seek as _, SeekFrom};

use cap_std::fs::{Dir, File};
use rustix::fs::{AtFlags, FlockOperation, Mode, OFlags, flock, fstat, openat, renameat, statat};
use rustix::io::Errno;

use super::BlobStart;
use crate::oci::image::digest::Digest;
use crate::oci::sink::ReportBytes;

/// Length of the shortest blob that is continued, in bytes.
pub(super) const PARTIAL_LEN_MIN: u64 = 1 << 20;

/// A blob of which a part was written. It is removed if it is dropped, unless it is kept.
#[derive(Debug)]
pub(super) struct PartialBlob<'d> {
    dir: &'d Dir,
    file: File,
    name: String,
    is_kept: bool,
}

impl<'d> PartialBlob<'d> {
    /// Opens or creates the file of a blob; none if another process writes to it, if it cannot be
    /// locked, or if it is not a file of this user.
    pub(super) fn open(dir: &'d Dir, digest: Digest) -> io::Result<Option<Self>> {
        let name = format!(".diskette-{}.part", digest.to_hex());
        let flags = OFlags::CREATE | OFlags::RDWR | OFlags::NOFOLLOW | OFlags::NONBLOCK;
        let mode = Mode::from_raw_mode(0o666);
        let file = match openat(dir, &name, flags | OFlags::CLOEXEC, mode) {
            Ok(file) => File::from_std(file.into()),
            // A link, a pipe or a directory, or a file of another user.
            Err(Errno::LOOP | Errno::NXIO | Errno::ISDIR | Errno::ACCESS) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        if flock(&file, FlockOperation::NonBlockingLockExclusive).is_err() {
            return Ok(None);
        }
        // Another process may have completed or removed it before it was locked.
        let (opened, named) = (fstat(&file)?, statat(dir, &name, AtFlags::SYMLINK_NOFOLLOW));
        let is_same =
            named.is_ok_and(|named| (named.st_dev, named.st_ino) == (opened.st_dev, opened.st_ino));
        let is_usable = is_same && file.metadata()?.is_file();
        Ok(is_usable.then_some(Self { dir, file, name, is_kept: false }))
    }

    /// Hashes what was written of a blob of `size` bytes, and returns that; none if `poll` cancels it:
    /// then the file is kept. What is too long for the blob is discarded.
    pub(super) fn read_start(
        &mut self,
        size: u64,
        poll: &ReportBytes<'_>,
    ) -> io::Result<Option<BlobStart>> {
        if self.file.metadata()?.len() > size {
            self.clear()?;
        }
        let start = BlobStart::read(&self.file, poll)?;
        if start.is_none() {
            self.keep();
        }
        Ok(start)
    }

    /// Discards what was written.
    pub(super) fn clear(&mut self) -> io::Result<()> {
        self.file.set_len(0)?;
        self.file.seek(SeekFrom::Start(0)).map(drop)
    }

    /// Keeps the file for the next transfer.
    pub(super) fn keep(&mut self) {
        self.is_kept = true;
    }

    pub(super) fn as_file_mut(&mut self) -> &mut File {
        &mut self.file
    }

    /// Gives the complete blob its name.
    pub(super) fn complete(mut self, name: &str) -> io::Result<()> {
        renameat(self.dir, &self.name, self.dir, name)?;
        self.is_kept = true;
        Ok(())
    }
}

impl Drop for PartialBlob<'_> {
    fn drop(&mut self) {
        if !self.is_kept {
            // Without success, the next transfer continues it.
            self.dir.remove_file(&self.name).unwrap_or_default();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::ops::ControlFlow;

    use cap_std::ambient_authority;

    use super::*;

    #[test]
    fn a_part_is_kept_or_removed() {
        let temporary = tempfile::tempdir().unwrap();
        let dir = Dir::open_ambient_dir(temporary.path(), ambient_authority()).unwrap();
        let digest = Digest::of_bytes(b"abcdef");
        let open = || PartialBlob::open(&dir, digest).unwrap();
        let poll = |_| ControlFlow::Continue(());
        let mut first = open().unwrap();
        assert_eq!(first.read_start(6, &poll).unwrap().unwrap().len, 0);
        first.as_file_mut().write_all(b"abc").unwrap();
        assert!(open().is_none(), "it is locked");
        first.keep();
        drop(first);
        let mut interrupted = open().unwrap();
        assert!(interrupted.read_start(6, &|_| ControlFlow::Break(())).unwrap().is_none());
        drop(interrupted);
        let mut second = open().unwrap();
        let start = second.read_start(6, &poll).unwrap().unwrap();
        assert_eq!((start.len, Digest::from_hasher(start.hash)), (3, Digest::of_bytes(b"abc")));
        second.as_file_mut().write_all(b"def").unwrap();
        second.complete("done").unwrap();
        assert_eq!(dir.read("done").unwrap(), b"abcdef");
        let mut third = open().unwrap();
        third.as_file_mut().write_all(b"abcdefg").unwrap();
        assert_eq!(third.read_start(6, &poll).unwrap().unwrap().len, 0, "it is too long");
        drop(third);
        assert_eq!(dir.entries().unwrap().count(), 1);
        let name = format!(".diskette-{}.part", digest.to_hex());
        dir.symlink("done", &name).unwrap();
        assert!(open().is_none(), "it is a link");
        dir.remove_file(&name).unwrap();
        dir.create_dir(&name).unwrap();
        assert!(open().is_none(), "it is a directory");
    }
}
