//! The *bytes* of a decompressed tar, read from front to back and counted.

use std::io::{self, ErrorKind, Read, Seek};

use super::TarReadError;
use super::header::BLOCK;
use crate::compression::CompressionFormat;

/// Number of bytes that are skipped at a time.
const SKIP_LEN: usize = 64 * 1024;

/// A reader of a decompressed tar.
#[derive(Debug)]
pub(super) struct TarBytes<R> {
    pub(super) reader: R,
    /// Compression of the tar, for messages.
    compression: Option<CompressionFormat>,
    /// Number of bytes that were read, and its limit.
    pub(super) at: u64,
    max: u64,
    space: Vec<u8>,
}

impl<R: Read> TarBytes<R> {
    pub(super) fn new(reader: R, compression: Option<CompressionFormat>, max: u64) -> Self {
        Self { reader, compression, at: 0, max, space: vec![0; SKIP_LEN] }
    }

    /// Returns the next block, or none at the end of the input.
    pub(super) fn read_block(&mut self) -> Result<Option<[u8; BLOCK]>, TarReadError> {
        let mut block = [0; BLOCK];
        let mut filled = 0;
        while filled < BLOCK {
            match self.reader.read(&mut block[filled..]) {
                Ok(0) if filled == 0 => return Ok(None),
                Ok(0) => return Err(TarReadError::Truncated(self.at)),
                Ok(count) => {
                    filled += count;
                    self.at += count as u64;
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(self.read_error(error)),
            }
        }
        self.check_position()?;
        Ok(Some(block))
    }

    /// Reads the next bytes and discards them.
    pub(super) fn skip(&mut self, mut len: u64) -> Result<(), TarReadError> {
        while len > 0 {
            let count = usize::try_from(len).map_or(SKIP_LEN, |len| len.min(SKIP_LEN));
            self.reader
                .read_exact(&mut self.space[..count])
                .map_err(|error| self.read_error(error))?;
            len -= count as u64;
            self.at += count as u64;
            self.check_position()?;
        }
        Ok(())
    }

    /// Seeks over the next bytes.
    pub(super) fn seek_over(&mut self, len: u64) -> Result<(), TarReadError>
    where
        R: Seek,
    {
        let offset = i64::try_from(len).map_err(|_| TarReadError::Truncated(self.at))?;
        self.reader.seek_relative(offset).map_err(|error| self.read_error(error))?;
        self.at = self.at.saturating_add(len);
        self.check_position()
    }

    /// Fills `space` with the next bytes.
    pub(super) fn fill(&mut self, space: &mut [u8]) -> Result<(), TarReadError> {
        self.reader.read_exact(space).map_err(|error| self.read_error(error))?;
        self.at += space.len() as u64;
        self.check_position()
    }

    /// Skips the padding of a block. The input may end in it.
    pub(super) fn skip_padding(&mut self, len: u64) -> Result<(), TarReadError> {
        let passed = io::copy(&mut self.reader.by_ref().take(len), &mut io::sink());
        self.at += passed.map_err(|error| self.read_error(error))?;
        self.check_position()
    }

    /// Returns the next bytes. Memory is allocated as they are read, not by the declared length.
    pub(super) fn read_bytes(&mut self, len: u64) -> Result<Vec<u8>, TarReadError> {
        let mut bytes = Vec::new();
        let read = self.reader.by_ref().take(len).read_to_end(&mut bytes);
        read.map_err(|error| self.read_error(error))?;
        self.at += bytes.len() as u64;
        if bytes.len() as u64 != len {
            return Err(TarReadError::Truncated(self.at));
        }
        self.check_position()?;
        Ok(bytes)
    }

    /// Reads to the end of the input.
    pub(super) fn drain(&mut self) -> Result<(), TarReadError> {
        loop {
            let count = self.reader.read(&mut self.space);
            match count {
                Ok(0) => return Ok(()),
                Ok(count) => self.at += count as u64,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(self.read_error(error)),
            }
            self.check_position()?;
        }
    }

    fn read_error(&self, error: io::Error) -> TarReadError {
        match (error.kind(), self.compression) {
            (ErrorKind::UnexpectedEof, _) => TarReadError::Truncated(self.at),
            (
                ErrorKind::InvalidData | ErrorKind::InvalidInput | ErrorKind::Other,
                Some(compression),
            ) => TarReadError::Decompress(compression, error),
            _ => TarReadError::Read(error),
        }
    }

    fn check_position(&self) -> Result<(), TarReadError> {
        if self.at > self.max {
            return Err(TarReadError::Limit("more bytes than are read", self.at));
        }
        Ok(())
    }
}
