//! A **body** of a request while it is received: with a length or in chunks, at once or after `100
//! Continue`, and up to a fault.

use std::io::{self, BufRead, ErrorKind, Read};

use super::fault::Fault;
use super::wire::{BodyLength, RequestHead, Wire};

/// A body that is being read. A fault ends it early.
pub(super) struct Body<'a> {
    wire: &'a mut Wire,
    left: Left,
    /// The client waits for a `100 Continue` before it sends anything.
    awaited: bool,
    received: u64,
    watch: Option<FaultWatch<'a>>,
    /// The fault that ended the body.
    pub(super) fault: Option<Fault>,
}

/// A position in the body, in bytes from its start, at which a fault may occur.
pub(super) struct FaultWatch<'a> {
    pub(super) offset: u64,
    /// Returns the fault that occurs there, if any.
    pub(super) fire: Box<dyn Fn() -> Option<Fault> + 'a>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Left {
    Bytes(u64),
    /// Bytes left of this chunk; others follow.
    Chunk(u64),
    Done,
}

impl<'a> Body<'a> {
    pub(super) fn new(
        wire: &'a mut Wire,
        head: &RequestHead,
        watch: Option<FaultWatch<'a>>,
    ) -> Self {
        let left = match head.length() {
            BodyLength::Bytes(0) => Left::Done,
            BodyLength::Bytes(len) => Left::Bytes(len),
            BodyLength::Chunked => Left::Chunk(0),
        };
        let awaited = left != Left::Done && head.header("expect") == Some("100-continue");
        Self { wire, left, awaited, received: 0, watch, fault: None }
    }

    /// Returns the number of bytes received so far, without the framing of chunks.
    pub(super) fn received(&self) -> u64 {
        self.received
    }

    /// Returns whether the whole body has been read: only then another request can follow.
    pub(super) fn is_done(&self) -> bool {
        self.left == Left::Done
    }

    /// Returns how many bytes may be read now; an error if a fault occurs here.
    fn allowed(&mut self, wanted: usize) -> io::Result<usize> {
        let Some(watch) = &self.watch else { return Ok(wanted) };
        let before = watch.offset.saturating_sub(self.received);
        if before > 0 {
            return Ok(wanted.min(usize::try_from(before).unwrap_or(usize::MAX)));
        }
        self.fault = (watch.fire)();
        self.watch = None;
        if self.fault.is_some() {
            return Err(io::Error::other("a fault"));
        }
        Ok(wanted)
    }

    /// Reads the size line of the next chunk.
    fn next_chunk(&mut self) -> io::Result<()> {
        let mut line = String::new();
        let mut lines = (&mut self.wire.reader).take(1024);
        // Every chunk but the first follows the line break of the one before.
        while line.trim().is_empty() {
            line.clear();
            if lines.read_line(&mut line)? == 0 {
                return Err(ErrorKind::UnexpectedEof.into());
            }
        }
        let digits = line.split(';').next().unwrap_or_default().trim();
        let len = u64::from_str_radix(digits, 16)
            .map_err(|error| io::Error::new(ErrorKind::InvalidData, error))?;
        self.left = Left::Chunk(len);
        if len == 0 {
            while line.trim_end() != "" {
                line.clear();
                lines.read_line(&mut line)?;
            }
            self.left = Left::Done;
        }
        Ok(())
    }
}

impl Read for Body<'_> {
    fn read(&mut self, space: &mut [u8]) -> io::Result<usize> {
        if self.awaited {
            self.awaited = false;
            self.wire.write(b"HTTP/1.1 100 Continue\r\n\r\n")?;
        }
        if self.left == Left::Chunk(0) {
            self.next_chunk()?;
        }
        let (Left::Bytes(left) | Left::Chunk(left)) = self.left else { return Ok(0) };
        let most = space.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        let most = self.allowed(most)?;
        let len = self.wire.reader.read(&mut space[..most])?;
        if len == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        self.received += len as u64;
        self.left = match self.left {
            Left::Bytes(left) if left == len as u64 => Left::Done,
            Left::Bytes(left) => Left::Bytes(left - len as u64),
            Left::Chunk(left) => Left::Chunk(left - len as u64),
            Left::Done => Left::Done,
        };
        Ok(len)
    }
}
