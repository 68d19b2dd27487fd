//! The *members* of a tar, one after the other.

use std::io::{Read, Seek};
use std::iter::FusedIterator;

use super::bytes::Bytes;
use super::header::{BLOCK, Header, until_nul};
use super::pax::{Pax, Sparse};
use super::{ArchiveError, Found, Kind, Limits, path};
use crate::compression::CompressionFormat;

/// Yields the members of an unpacked tar, up to its end or the first error.
#[derive(Debug)]
pub struct Members<R> {
    bytes: Bytes<R>,
    limits: Limits,
    /// How many of the next bytes are the last member's content, and how many fill its last block.
    content: u64,
    padding: u64,
    count: u64,
    names: u64,
    raw: Raw,
    state: State,
}

/// The headers of a member, as they stand in the tar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Raw {
    /// The last of them, which every member has.
    pub block: [u8; BLOCK],
    /// The records of the pax header before it.
    pub pax: Vec<u8>,
}

#[derive(Debug, PartialEq, Eq)]
enum State {
    Reading,
    Done,
}

/// What the members say that stand in front of another to describe it.
#[derive(Debug, Default)]
struct Said {
    pax: Pax,
    name: Option<Vec<u8>>,
    link: Option<Vec<u8>>,
}

impl<R: Read> Members<R> {
    /// Reads an unpacked tar; `packing` is what it came out of, for messages.
    pub fn new(tar: R, packing: Option<CompressionFormat>, limits: Limits) -> Self {
        Self {
            bytes: Bytes::new(tar, packing, limits.unpacked),
            limits,
            content: 0,
            padding: 0,
            count: 0,
            names: 0,
            raw: Raw { block: [0; BLOCK], pax: Vec::new() },
            state: State::Reading,
        }
    }

    /// Returns the content of the member that came last, once. It is kept whole: look at its size before.
    pub fn content(&mut self) -> Result<Vec<u8>, ArchiveError> {
        let len = std::mem::take(&mut self.content);
        self.bytes.take(len)
    }

    /// Returns the first bytes, up to `max`, of what is left of the content of the member that came
    /// last; less only where the tar ends.
    pub fn start(&mut self, max: usize) -> Result<Vec<u8>, ArchiveError> {
        let len = self.content.min(max as u64);
        self.content -= len;
        self.bytes.take(len)
    }

    /// Reads more of the content of the member that came last, as much as there is room for; nothing
    /// at its end.
    pub fn read_content(&mut self, space: &mut [u8]) -> Result<usize, ArchiveError> {
        let len = usize::try_from(self.content).map_or(space.len(), |left| left.min(space.len()));
        self.bytes.fill(space.get_mut(..len).unwrap_or_default())?;
        self.content -= len as u64;
        Ok(len)
    }

    /// Reads the rest of the bytes, behind the end of the tar; returns how many bytes there were in
    /// all.
    pub fn drain(&mut self) -> Result<u64, ArchiveError> {
        self.bytes.drain()?;
        Ok(self.bytes.at)
    }

    /// Returns the headers of the member that came last.
    pub fn header(&self) -> &Raw {
        &self.raw
    }

    /// Returns the reader behind the members.
    pub fn into_inner(self) -> R {
        self.bytes.reader
    }

    /// Passes over the content of the member that came last without reading it. Whether the bytes
    /// reach that far is for the caller to know.
    pub fn seek_over(&mut self) -> Result<(), ArchiveError>
    where
        R: Seek,
    {
        self.bytes.seek_over(std::mem::take(&mut self.content))
    }

    /// Returns the content of a member that describes the next one.
    fn description(&mut self, len: u64, max: u64) -> Result<Vec<u8>, ArchiveError> {
        if len > max {
            return Err(ArchiveError::Limit("too long a header", self.bytes.at));
        }
        let bytes = self.bytes.take(len)?;
        self.bytes.pass_over(padding(len))?;
        Ok(bytes)
    }

    fn advance(&mut self) -> Result<Option<Found>, ArchiveError> {
        self.bytes.pass_over(self.content)?;
        self.bytes.pass_padding(self.padding)?;
        (self.content, self.padding) = (0, 0);
        let mut said = None::<Said>;
        self.raw.pax.clear();
        loop {
            let at = self.bytes.at;
            let header = match self.bytes.block()? {
                Some(block) => {
                    self.raw.block = block;
                    Header::parse(&block, at)?
                }
                None => None,
            };
            let Some(header) = header else { return self.end(at, said.is_some()) };
            self.count += 1;
            if self.count > self.limits.members {
                return Err(ArchiveError::Limit("too many members", at));
            }
            let name_max = self.limits.path as u64 + 1;
            match header.flag {
                b'x' => {
                    let bytes = self.description(header.size, self.limits.pax)?;
                    let pax = Pax::parse(&bytes).ok_or(ArchiveError::Pax(at))?;
                    said.get_or_insert_default().pax = pax;
                    self.raw.pax = bytes;
                }
                // What holds for all members behind it: Go reads it, and does nothing with it.
                b'g' => drop(self.description(header.size, self.limits.pax)?),
                b'L' => {
                    let bytes = self.description(header.size, name_max)?;
                    said.get_or_insert_default().name = Some(until_nul(&bytes).to_vec());
                }
                b'K' => {
                    let bytes = self.description(header.size, name_max)?;
                    said.get_or_insert_default().link = Some(until_nul(&bytes).to_vec());
                }
                _ => return self.found(header, said.unwrap_or_default(), at).map(Some),
            }
        }
    }

    /// The end is two blocks of zeros. Where the bytes end before them nothing is missing, unless
    /// something was said of a member that does not come.
    fn end(&mut self, at: u64, described: bool) -> Result<Option<Found>, ArchiveError> {
        if described {
            return Err(ArchiveError::Truncated(at));
        }
        match self.bytes.block()? {
            Some(block) if block.iter().any(|byte| *byte != 0) => {
                Err(ArchiveError::Header(at + BLOCK as u64))
            }
            _ => Ok(None),
        }
    }

    fn found(&mut self, header: Header, said: Said, at: u64) -> Result<Found, ArchiveError> {
        let name = said.name.or(said.pax.path).unwrap_or(header.name);
        let link = said.link.or(said.pax.link).unwrap_or(header.link);
        if name.len().max(link.len()) > self.limits.path {
            return Err(ArchiveError::Limit("too long a name", at));
        }
        self.names += (name.len() + link.len()) as u64;
        if self.names > self.limits.names {
            return Err(ArchiveError::Limit("too many long names", at));
        }
        let path = path::clean(&name)?;
        let lead = path::lead(&name, &path);
        if header.flag == b'S' || said.pax.sparse == Sparse::Yes {
            return Err(ArchiveError::Sparse(path));
        }
        let (major, minor) = (header.major, header.minor);
        let kind = match header.flag {
            // Before there was a type for directories a slash told them.
            0 if name.ends_with(b"/") => Kind::Directory,
            0 | b'0' | b'7' => Kind::File,
            b'1' => Kind::Hardlink(path::clean(&link)?),
            b'2' => Kind::Symlink(path::text(&link)?),
            b'3' => Kind::Character { major, minor },
            b'4' => Kind::Block { major, minor },
            b'5' => Kind::Directory,
            b'6' => Kind::Fifo,
            flag => return Err(ArchiveError::Type { path, flag: char::from(flag) }),
        };
        let says_nothing = matches!(&kind, Kind::Symlink(to) if to.is_empty());
        if says_nothing || (path.is_empty() && kind != Kind::Directory) {
            return Err(ArchiveError::Unnamed(at));
        }
        // Whatever a header says, only files have content.
        let size = match kind {
            Kind::File => said.pax.size.unwrap_or(header.size),
            _ => 0,
        };
        if size > self.limits.unpacked {
            return Err(ArchiveError::Limit("more bytes than are read", at));
        }
        (self.content, self.padding) = (size, padding(size));
        let uid = id(said.pax.uid.unwrap_or(header.uid), "user id", at)?;
        let gid = id(said.pax.gid.unwrap_or(header.gid), "group id", at)?;
        Ok(Found { path, kind, mode: header.mode, uid, gid, offset: self.bytes.at, size, lead })
    }
}

/// The largest number stands for "no change" in system calls.
fn id(number: u64, field: &'static str, at: u64) -> Result<u32, ArchiveError> {
    let id = u32::try_from(number).ok().filter(|id| *id != u32::MAX);
    id.ok_or(ArchiveError::Number { field, at })
}

/// Returns how many bytes are missing to a whole block.
fn padding(len: u64) -> u64 {
    (BLOCK as u64 - len % BLOCK as u64) % BLOCK as u64
}

impl<R: Read> Iterator for Members<R> {
    type Item = Result<Found, ArchiveError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.state == State::Done {
            return None;
        }
        let next = self.advance().transpose();
        if !matches!(next, Some(Ok(_))) {
            self.state = State::Done;
        }
        next
    }
}

impl<R: Read> FusedIterator for Members<R> {}
