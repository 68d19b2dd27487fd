//! *Mapped* disks: their blocks are found through the tables of a format.

use std::io;
use std::sync::Arc;

use super::compressed::{BlockDecompressor, CompressedBlock};
use super::tables::TableReader;
use crate::disk::bytes::fill_padded;
use crate::disk::refusals;
use crate::disk::{Extent, ExtentKind, Fault, FlawKind, Info, ReadAt};

/// How many runs of one kind are joined into one extent.
const RUNS: usize = 64;

/// How many blocks that lie one behind the other are joined into one run.
const BLOCKS: u64 = 1024;

/// How many entries of tables are counted: those of 128 GiB in grains of 64 KiB.
const COUNT_MAX: u64 = 2 << 20;

/// What a format's tables say.
pub(in crate::disk) trait BlockMap: Send + Sync {
    /// Returns the length of the disk, in bytes.
    fn len(&self) -> u64;

    /// Returns the length of a block, in bytes.
    fn block_len(&self) -> u64;

    /// Returns where a block lies, which must not be behind the end of the disk.
    fn locate_block(&self, index: u64) -> io::Result<BlockLocation>;
}

/// Where a block lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::disk) enum BlockLocation {
    /// Nowhere: this block is zero, and so are as many in all from it on; at least this one.
    Zero(u64),
    /// At this byte of the file, and it begins within it.
    At(u64),
    /// In these compressed bytes, with others maybe.
    Compressed(CompressedBlock),
}

/// A disk whose bytes are found by tables.
pub(in crate::disk) struct MappedDisk<'a> {
    file: Arc<dyn ReadAt + 'a>,
    map: Box<dyn BlockMap + 'a>,
    decompressor: BlockDecompressor,
}

/// Bytes of the guest that lie together in the file.
struct Run {
    location: BlockLocation,
    /// How many there are, in bytes; more than none.
    len: u64,
}

impl<'a> MappedDisk<'a> {
    /// `map` is made of what reads the tables in the file.
    pub(in crate::disk) fn new<M: BlockMap + 'a>(
        file: Arc<dyn ReadAt + 'a>,
        map: impl FnOnce(TableReader<'a>) -> M,
    ) -> Self {
        let map = Box::new(map(TableReader::new(Arc::clone(&file))));
        Self { file, map, decompressor: BlockDecompressor::default() }
    }

    /// Adds what the tables say: how much is allocated, and whether it lies in the file.
    pub(in crate::disk) fn examine(&self, info: &mut Info) -> Result<(), Fault> {
        info.allocated = self.allocated().map_err(|error| match error.kind() {
            io::ErrorKind::InvalidData => Fault::new(FlawKind::OutsideFile, error.to_string()),
            _ => Fault::Io(error),
        })?;
        if info.allocated == Some(0) {
            info.flaws.push(refusals::never_written());
        }
        Ok(())
    }

    /// Returns how many bytes the tables have a place for; `None` if there are too many to count.
    fn allocated(&self) -> io::Result<Option<u64>> {
        let (mut at, mut sum) = (0, 0);
        for _ in 0..COUNT_MAX {
            if at >= self.map.len() {
                return Ok(Some(sum));
            }
            if sum / self.map.block_len() > COUNT_MAX {
                break;
            }
            let run = self.run(at, u64::MAX)?;
            at += run.len;
            if !matches!(run.location, BlockLocation::Zero(_)) {
                sum += run.len;
            }
        }
        Ok(None)
    }

    /// Finds what lies together from `at` on, which is not behind the end; looks no farther than
    /// `len` bytes.
    fn run(&self, at: u64, len: u64) -> io::Result<Run> {
        let block = self.map.block_len();
        let index = at / block;
        let skip = at % block;
        let rest = len.min(self.map.len().saturating_sub(at));
        let first = self.map.locate_block(index)?;
        let (location, there) = match first {
            BlockLocation::Zero(count) => {
                (first, count.max(1).saturating_mul(block).saturating_sub(skip))
            }
            BlockLocation::Compressed(compressed) => {
                (first, compressed.start.saturating_add(compressed.len).saturating_sub(at))
            }
            BlockLocation::At(begin) => {
                let mut there = block - skip;
                let rest = rest.min(block.saturating_mul(BLOCKS));
                while there < rest
                    && let Some(next) = begin.checked_add(skip + there)
                    && self.map.locate_block((at + there) / block)? == BlockLocation::At(next)
                {
                    there += block;
                }
                (BlockLocation::At(begin.saturating_add(skip)), there)
            }
        };
        Ok(Run { location, len: there.min(rest).max(1) })
    }

    /// Tells what is known of a run without reading it.
    fn known(&self, run: &Run) -> io::Result<Extent> {
        Ok(match run.location {
            BlockLocation::Zero(_) => Extent::zero(run.len),
            BlockLocation::Compressed(_) => Extent::data(run.len),
            BlockLocation::At(at) if at >= self.file.len() => Extent::zero(run.len),
            BlockLocation::At(at) => {
                let extent = self.file.extent(at)?;
                Extent { kind: extent.kind, len: extent.len.clamp(1, run.len) }
            }
        })
    }
}

impl ReadAt for MappedDisk<'_> {
    fn len(&self) -> u64 {
        self.map.len()
    }

    fn read_exact_at(&self, mut space: &mut [u8], mut at: u64) -> io::Result<()> {
        let end = at.checked_add(space.len() as u64).filter(|end| *end <= self.map.len());
        end.ok_or(io::ErrorKind::UnexpectedEof)?;
        while !space.is_empty() {
            let run = self.run(at, space.len() as u64)?;
            let count = usize::try_from(run.len).unwrap_or(usize::MAX).min(space.len());
            let (piece, rest) = space.split_at_mut(count);
            match run.location {
                BlockLocation::Zero(_) => piece.fill(0),
                // The last block of a file may be cut short: QEMU writes no more of it than it has
                // been given.
                BlockLocation::At(at) => fill_padded(&*self.file, piece, at)?,
                BlockLocation::Compressed(block) => {
                    let skip = at.saturating_sub(block.start);
                    self.decompressor.read(&*self.file, &block, piece, skip)?;
                }
            }
            at += count as u64;
            space = rest;
        }
        Ok(())
    }

    fn extent(&self, at: u64) -> io::Result<Extent> {
        let end = self.map.len();
        let mut whole: Option<Extent> = None;
        let mut next = at;
        for _ in 0..RUNS {
            if next >= end {
                break;
            }
            let extent = self.known(&self.run(next, end - next)?)?;
            match &mut whole {
                None => whole = Some(extent),
                Some(whole) if whole.kind == extent.kind => whole.len += extent.len,
                Some(_) => break,
            }
            next += extent.len;
        }
        Ok(whole.unwrap_or(Extent { kind: ExtentKind::Zero, len: 0 }))
    }
}
