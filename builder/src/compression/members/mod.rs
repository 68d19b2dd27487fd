//! *Members* of a compressed stream: gzip's members and zstd's frames decompress by themselves, and
//! layers that this program writes consist of short ones. They are decompressed several at a time.
//! What is not made so, or is damaged, is decompressed from there on by the decoder for any stream.

mod gzip;
mod zstd;

use std::collections::VecDeque;
use std::io::{self, Cursor, Read};

use rayon::prelude::*;

use super::CompressionFormat;
use super::decode::{decompress, detect};
use super::pieces::{CopiedPieces, PieceRead};

/// Most threads that decompress one stream.
const THREADS_MAX: usize = 16;

/// No more space is kept where there are this many bytes for each thread.
const SPARE_MAX: usize = 8 << 20;

/// How members of a format are found and decompressed.
#[derive(Debug, Clone, Copy)]
struct MemberFormat {
    format: CompressionFormat,
    /// One of this many threads decompresses; the others are left to what is done with the content.
    share: usize,
    /// Length of a long compressed member, in bytes.
    compressed_len: usize,
    /// Length of a long member in decompressed form, in bytes.
    content_len: usize,
    /// Returns offsets where members may begin: as many as `width` threads decompress at a time.
    find_starts: fn(input: &[u8], width: usize) -> Vec<usize>,
    /// Decompresses the member at the start of the input into space that may have been used before.
    decompress: fn(input: &[u8], space: Vec<u8>) -> Option<Member>,
}

/// A member in decompressed form.
struct Member {
    bytes: Vec<u8>,
    /// Length of the compressed member, in bytes.
    compressed_len: usize,
}

/// Reads a stream whose members are decompressed in parallel.
struct MemberReader<'a> {
    raw: Box<dyn Read + Send + 'a>,
    format: MemberFormat,
    /// Number of threads.
    width: usize,
    /// How much is read before members are decompressed, in bytes.
    input_len: usize,
    /// Compressed bytes that were read and not yet decompressed.
    input: Vec<u8>,
    ready: VecDeque<Cursor<Vec<u8>>>,
    /// Space of members that were read.
    spare: Vec<Vec<u8>>,
    /// Whether a member was decompressed: a stream has at least one.
    has_members: bool,
    /// Decompresses what cannot be divided into members, after those that are ready.
    rest: Option<CopiedPieces<Box<dyn Read + Send + 'a>>>,
}

/// Returns the compression of `raw` and a reader of the decompressed bytes, as
/// [`detect_and_decompress`](super::decode::detect_and_decompress) does. It reads some MiB ahead,
/// and decompresses on all CPUs what consists of short members.
pub(crate) fn detect_and_decompress_members<'a>(
    raw: impl Read + Send + 'a,
) -> io::Result<(Option<CompressionFormat>, Box<dyn PieceRead + 'a>)> {
    let (compression, raw) = detect(raw)?;
    let content: Box<dyn PieceRead + 'a> = match compression {
        Some(CompressionFormat::Gzip) => Box::new(MemberReader::new(raw, gzip::FORMAT)),
        Some(CompressionFormat::Zstd) => Box::new(MemberReader::new(raw, zstd::FORMAT)),
        None | Some(CompressionFormat::Xz | CompressionFormat::Bzip2) => {
            Box::new(CopiedPieces::new(decompress(raw, compression)?))
        }
    };
    Ok((compression, content))
}

impl<'a> MemberReader<'a> {
    fn new(raw: impl Read + Send + 'a, format: MemberFormat) -> Self {
        let width = (rayon::current_num_threads() / format.share).clamp(1, THREADS_MAX);
        Self {
            raw: Box::new(raw),
            format,
            width,
            // Most members are compressed to less than half of their length.
            input_len: width * format.compressed_len / 2,
            input: Vec::new(),
            ready: VecDeque::new(),
            spare: Vec::new(),
            has_members: false,
            rest: None,
        }
    }
}

impl MemberReader<'_> {
    /// Decompresses the next members. Returns whether there is more to be read.
    fn decompress_next(&mut self) -> io::Result<bool> {
        self.fill_input()?;
        if self.input.is_empty() && self.has_members {
            return Ok(false);
        }
        let starts = (self.format.find_starts)(&self.input, self.width);
        let (input, decompress) = (&self.input, self.format.decompress);
        let mut spaces = self.spare.split_off(self.spare.len().saturating_sub(starts.len()));
        spaces.resize_with(starts.len(), Vec::new);
        let members = starts.par_iter().zip(spaces);
        let members = members.map(|(start, space)| decompress(input.get(*start..)?, space));
        let members: Vec<Option<Member>> = members.collect();
        let mut end = 0;
        // A start within a member is none; only where a member ends, the next begins.
        for (start, member) in starts.into_iter().zip(members) {
            if let Some(member) = member.filter(|_| start == end) {
                end += member.compressed_len;
                self.ready.push_back(Cursor::new(member.bytes));
            }
        }
        self.input.drain(..end);
        let longest = self.width * self.format.compressed_len;
        match end {
            0 if self.input_len < longest => self.input_len = longest,
            0 => self.decompress_rest()?,
            _ => self.has_members = true,
        }
        Ok(true)
    }

    /// Keeps the space of a member that was read, if there is not much already.
    fn keep_spare(&mut self, space: Vec<u8>) {
        let kept = self.spare.iter().map(Vec::capacity).sum::<usize>();
        if kept < self.width * SPARE_MAX {
            self.spare.push(space);
        }
    }

    /// Reads until the input has members for all threads.
    fn fill_input(&mut self) -> io::Result<()> {
        let missing = self.input_len.saturating_sub(self.input.len());
        self.input.reserve_exact(missing);
        self.raw.by_ref().take(missing as u64).read_to_end(&mut self.input)?;
        Ok(())
    }

    fn decompress_rest(&mut self) -> io::Result<()> {
        let raw = std::mem::replace(&mut self.raw, Box::new(io::empty()));
        let rest = Cursor::new(std::mem::take(&mut self.input)).chain(raw);
        self.rest = Some(CopiedPieces::new(decompress(rest, Some(self.format.format))?));
        Ok(())
    }
}

impl Read for MemberReader<'_> {
    fn read(&mut self, space: &mut [u8]) -> io::Result<usize> {
        loop {
            while let Some(member) = self.ready.front_mut() {
                match member.read(space)? {
                    0 if !space.is_empty() => {
                        let read = self.ready.pop_front().map(Cursor::into_inner);
                        self.keep_spare(read.unwrap_or_default());
                    }
                    count => return Ok(count),
                }
            }
            if let Some(rest) = &mut self.rest {
                return rest.read(space);
            }
            if !self.decompress_next()? {
                return Ok(0);
            }
        }
    }
}

impl PieceRead for MemberReader<'_> {
    fn read_piece(&mut self) -> io::Result<Vec<u8>> {
        loop {
            while let Some(member) = self.ready.pop_front() {
                let at = usize::try_from(member.position()).unwrap_or(usize::MAX);
                let mut piece = member.into_inner();
                piece.drain(..at.min(piece.len()));
                if !piece.is_empty() {
                    return Ok(piece);
                }
            }
            if let Some(rest) = &mut self.rest {
                return rest.read_piece();
            }
            if !self.decompress_next()? {
                return Ok(Vec::new());
            }
        }
    }

    fn reuse(&mut self, piece: Vec<u8>) {
        self.keep_spare(piece);
    }

    fn piece_len(&self) -> usize {
        self.format.content_len
    }
}

#[cfg(test)]
mod tests;
