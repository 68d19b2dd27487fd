//! An *output* receives a disk, from its first byte to its last.

use std::io::{self, Seek, SeekFrom, Write};

use cap_std::fs::File;

use crate::oci::writeback::Writeback;

/// Number of zeros that are written at once where there can be no hole.
const STEP: usize = 64 * 1024;
static ZEROS: [u8; STEP] = [0; STEP];

/// Receives a disk.
pub trait DiskOutput {
    /// Begins a disk: its path in the image, and its size in bytes. An error refuses it.
    fn begin(&mut self, path: &str, size: u64) -> io::Result<()>;

    /// Receives the next bytes.
    fn write_data(&mut self, bytes: &[u8]) -> io::Result<()>;

    /// Receives the next bytes, which are all zero.
    fn write_zeros(&mut self, len: u64) -> io::Result<()>;

    /// Ends the disk, which is complete and verified.
    fn finish(&mut self) -> io::Result<()>;

    /// Discards all that was received, path and size as well: it may be of another disk. The disk begins again. The error
    /// is [`io::ErrorKind::Unsupported`] if it cannot be discarded.
    fn restart(&mut self) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

/// A new file, in which zeros are holes.
#[derive(Debug)]
pub struct SparseFile<'a> {
    file: &'a mut File,
    at: u64,
    hole: u64,
    /// Started by the first bytes.
    writeback: Option<Writeback>,
}

impl<'a> SparseFile<'a> {
    /// Returns an output that writes to an empty file.
    pub fn new(file: &'a mut File) -> Self {
        Self { file, at: 0, hole: 0, writeback: None }
    }
}

impl DiskOutput for SparseFile<'_> {
    fn begin(&mut self, _path: &str, _size: u64) -> io::Result<()> {
        Ok(())
    }

    fn write_data(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.hole > 0 {
            self.at += self.hole;
            self.hole = 0;
            self.file.seek(SeekFrom::Start(self.at))?;
        }
        self.file.write_all(bytes)?;
        self.at += bytes.len() as u64;
        let writeback = match self.writeback.take() {
            Some(writeback) => writeback,
            None => Writeback::start(self.file.try_clone()?.into_std())?,
        };
        self.writeback.insert(writeback).count_written(bytes.len());
        Ok(())
    }

    fn write_zeros(&mut self, len: u64) -> io::Result<()> {
        self.hole += len;
        Ok(())
    }

    fn finish(&mut self) -> io::Result<()> {
        self.writeback.take().map_or(Ok(()), Writeback::finish)?;
        self.file.set_len(self.at + self.hole)?;
        self.file.sync_all()
    }

    fn restart(&mut self) -> io::Result<()> {
        self.writeback.take().map_or(Ok(()), Writeback::finish)?;
        (self.at, self.hole) = (0, 0);
        self.file.set_len(0)?;
        self.file.rewind()
    }
}

/// A stream that has no holes, such as a pipe. What was written to it cannot be discarded.
pub struct PipeOutput<W>(pub W);

impl<W: Write> DiskOutput for PipeOutput<W> {
    fn begin(&mut self, _path: &str, _size: u64) -> io::Result<()> {
        Ok(())
    }

    fn write_data(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all(bytes)
    }

    fn write_zeros(&mut self, mut len: u64) -> io::Result<()> {
        while len > 0 {
            let count = usize::try_from(len).map_or(STEP, |len| len.min(STEP));
            self.0.write_all(&ZEROS[..count])?;
            len -= count as u64;
        }
        Ok(())
    }

    fn finish(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

impl<W> std::fmt::Debug for PipeOutput<W> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PipeOutput").finish_non_exhaustive()
    }
}
