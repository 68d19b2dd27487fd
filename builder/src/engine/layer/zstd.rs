//! zstd as a layer uses it: every run of a block is a *frame* of its own (RFC 8878), with its
//! content size and without a checksum. No frame is skippable: CDI does not recognize a layer that
//! starts with one.

use std::io;
use std::ops::{Range, RangeInclusive};

use zstd::bulk::Compressor;
use zstd::zstd_safe::CParameter;

use super::output::EncoderOutput;
use super::runs::{RunTreatment, split_into_runs};

const MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// The window covers a frame: 2^23 bytes is what every decoder has to support (section 3.1.1.1.2).
const WINDOW_LOG: u32 = 23;

/// Levels whose strategy finds matches through two tables. libzstd sizes them for its own window
/// of 2 MiB; for 8 MiB, twice that gains 2 % for a tenth more time.
const DOUBLE_FAST: RangeInclusive<i32> = 3..=4;
const HASH_LOG: u32 = 18;
const CHAIN_LOG: u32 = 17;

/// Shortest run that is stored, in bytes. zstd itself is quick with data that it cannot compress,
/// and each additional frame costs the history.
const SHORTEST_STORED: usize = 256 * 1024;

/// The longest block of a frame, RFC 8878 section 3.1.1.2.4.
const BLOCK_MAX: usize = 128 * 1024;

/// Compresses blocks at one level.
pub(crate) struct ZstdEncoder {
    compressor: Compressor<'static>,
}

impl ZstdEncoder {
    pub(crate) fn new(level: i32) -> io::Result<Self> {
        let mut compressor = Compressor::new(level)?;
        compressor.set_parameter(CParameter::WindowLog(WINDOW_LOG))?;
        if DOUBLE_FAST.contains(&level) {
            compressor.set_parameter(CParameter::HashLog(HASH_LOG))?;
            compressor.set_parameter(CParameter::ChainLog(CHAIN_LOG))?;
        }
        Ok(Self { compressor })
    }

    /// Returns an encoder of short frames, for which libzstd has tables of its own.
    pub(crate) fn for_chunks(level: i32) -> io::Result<Self> {
        Ok(Self { compressor: Compressor::new(level)? })
    }

    /// Writes the frames of a block.
    pub(crate) fn encode(
        &mut self,
        block: &[u8],
        output: &mut EncoderOutput<'_>,
    ) -> io::Result<()> {
        for (treatment, run) in split_into_runs(block, SHORTEST_STORED) {
            match treatment {
                RunTreatment::Compress => self.write_frame(&block[run], output)?,
                RunTreatment::Store => write_raw_frame(run, output),
            }
        }
        Ok(())
    }

    /// Writes a frame.
    pub(crate) fn write_frame(
        &mut self,
        run: &[u8],
        output: &mut EncoderOutput<'_>,
    ) -> io::Result<()> {
        let bound = zstd::zstd_safe::compress_bound(run.len());
        output.append_with(bound, |space| self.compressor.compress_to_buffer(run, space))
    }
}

/// Writes a frame that holds the run as it is; the run itself is not copied.
pub(crate) fn write_raw_frame(run: Range<usize>, output: &mut EncoderOutput<'_>) {
    // Descriptor: single segment, four bytes of content size, no checksum, no dictionary.
    let size = u32::try_from(run.len()).unwrap_or(u32::MAX);
    output.append(&MAGIC);
    output.append(&[0b1010_0000]);
    output.append(&size.to_le_bytes());
    let mut start = run.start;
    while start < run.end {
        let end = run.end.min(start + BLOCK_MAX);
        let header =
            u32::try_from(end - start).unwrap_or(u32::MAX) << 3 | u32::from(end == run.end);
        output.append(&header.to_le_bytes()[..3]);
        output.append_kept(start..end);
        start = end;
    }
}

impl std::fmt::Debug for ZstdEncoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Zstd").finish_non_exhaustive()
    }
}
