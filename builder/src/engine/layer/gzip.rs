//! gzip as a layer uses it: every run of a block is a *member* of its own (RFC 1952), so that blocks
//! are compressed independently and the file is their concatenation. The header's fields are
//! fixed: no time, no name, no operating system.

use std::io;
use std::ops::Range;

use libdeflater::{CompressionLvl, Compressor};

use super::output::EncoderOutput;
use super::runs::{CHUNK, RunTreatment, split_into_runs};

/// Magic, method deflate, no flags, no time, no hint at the level, unknown operating system.
const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];

/// The longest stored block of deflate, RFC 1951 section 3.2.4.
const STORED_MAX: usize = 65_535;

/// Compresses blocks at one level.
pub(crate) struct GzipEncoder {
    deflate: Compressor,
}

impl GzipEncoder {
    pub(crate) fn new(level: CompressionLvl) -> Self {
        Self { deflate: Compressor::new(level) }
    }

    /// Writes the members of a block.
    pub(crate) fn encode(
        &mut self,
        block: &[u8],
        output: &mut EncoderOutput<'_>,
    ) -> io::Result<()> {
        for (treatment, run) in split_into_runs(block, CHUNK) {
            match treatment {
                RunTreatment::Compress => self.write_member(&block[run], output)?,
                RunTreatment::Store => write_stored_member(block, run, output),
            }
        }
        Ok(())
    }

    fn write_member(&mut self, run: &[u8], output: &mut EncoderOutput<'_>) -> io::Result<()> {
        output.append(&HEADER);
        let bound = self.deflate.deflate_compress_bound(run.len());
        output.append_with(bound, |space| {
            self.deflate.deflate_compress(run, space).map_err(io::Error::other)
        })?;
        write_trailer(run, output);
        Ok(())
    }
}

/// Writes a member that holds the run as it is; the run itself is not copied.
pub(crate) fn write_stored_member(block: &[u8], run: Range<usize>, output: &mut EncoderOutput<'_>) {
    output.append(&HEADER);
    let mut start = run.start;
    while start < run.end {
        let end = run.end.min(start + STORED_MAX);
        let len = u16::try_from(end - start).unwrap_or(u16::MAX);
        let [low, high] = len.to_le_bytes();
        output.append(&[u8::from(end == run.end), low, high, !low, !high]);
        output.append_kept(start..end);
        start = end;
    }
    write_trailer(&block[run], output);
}

fn write_trailer(run: &[u8], output: &mut EncoderOutput<'_>) {
    output.append(&libdeflater::crc32(run).to_le_bytes());
    // ISIZE is the length modulo 2^32; blocks are far shorter.
    output.append(&u32::try_from(run.len()).unwrap_or(u32::MAX).to_le_bytes());
}

impl std::fmt::Debug for GzipEncoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Gzip").finish_non_exhaustive()
    }
}
