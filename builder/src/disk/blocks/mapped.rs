//! *Mapped* disks: their blocks are found through the tables of a format.

use std::io;
use std::sync::Arc;

use super::compressed::{BlockDecompressor, CompressedBlock};
use super::tables::TableReader;
use crate::disk::bytes::fill_padded;
use crate::disk::refusals;
use crate::disk::{DiskInfo, Extent, ExtentKind, Fault, Flaw, FlawKind, ReadAt};

/// How many runs of one kind are joined into one extent at most.
const EXTENT_RUNS_MAX: usize = 64;

/// How many adjacent blocks are joined into one run at most.
const RUN_BLOCKS_MAX: u64 = 1024;

/// How many table entries are counted at most: those of 128 GiB in grains of 64 KiB.
const COUNT_MAX: u64 = 2 << 20;

/// The tables of a format, which map the blocks of a disk to parts of the file.
pub(in crate::disk) trait BlockMap: Send + Sync {
    /// Returns the size of the disk in bytes.
    fn len(&self) -> u64;

    /// Returns the length of a block in bytes.
    fn block_len(&self) -> u64;

    /// Finds a block, which must not lie behind the end of the disk. A table that is invalid or
    /// outside the file is [`io::ErrorKind::InvalidData`].
    fn locate_block(&self, index: u64) -> io::Result<BlockLocation>;
}

/// The location of a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::disk) enum BlockLocation {
    /// The block is not in the file and reads as zeros. So do the blocks behind it, this many in all;
    /// the count includes this block.
    Zero(u64),
    /// The block is not in the file, nor are those behind it, this many in all. They read as the backing
    /// file does, or as zeros.
    Absent(u64),
    /// The block begins at this offset, which is inside the file.
    At(u64),
    /// The block is part of these compressed bytes, which may hold other blocks too.
    Compressed(CompressedBlock),
}

/// A disk whose blocks are found through tables.
pub(in crate::disk) struct MappedDisk<'a> {
    file: Arc<dyn ReadAt + 'a>,
    map: Box<dyn BlockMap + 'a>,
    decompressor: BlockDecompressor,
    /// The disk whose bytes are read where the file has none.
    backing: Option<Arc<dyn ReadAt + 'a>>,
}

/// Adjacent bytes of the guest that are adjacent in the file too.
struct Run {
    location: BlockLocation,
    /// Length in bytes; at least one.
    len: u64,
}

impl<'a> MappedDisk<'a> {
    /// Maps the disk in a file. `map` is called with a reader of the tables in the file.
    pub(in crate::disk) fn new<M: BlockMap + 'a>(
        file: Arc<dyn ReadAt + 'a>,
        map: impl FnOnce(TableReader<'a>) -> M,
    ) -> Self {
        let map = Box::new(map(TableReader::new(Arc::clone(&file))));
        Self { file, map, decompressor: BlockDecompressor::default(), backing: None }
    }

    /// Sets the disk whose bytes are read where the file has none.
    #[must_use]
    pub(in crate::disk) fn with_backing(self, backing: Arc<dyn ReadAt + 'a>) -> Self {
        Self { backing: Some(backing), ..self }
    }

    /// Adds the size of the disk and the flaws of its header. If the header has none, adds what the
    /// tables show: how much is allocated, and whether all of it is inside the file.
    pub(in crate::disk) fn examine(
        &self,
        info: &mut DiskInfo,
        header_flaws: Vec<Flaw>,
    ) -> Result<(), Fault> {
        info.virtual_size = self.len();
        if !header_flaws.is_empty() {
            info.flaws.extend(header_flaws);
            return Ok(());
        }
        info.allocated = self.count_allocated().map_err(|error| match error.kind() {
            io::ErrorKind::InvalidData => Fault::new(FlawKind::OutsideFile, error.to_string()),
            _ => Fault::Io(error),
        })?;
        if info.allocated == Some(0) {
            info.flaws.push(refusals::never_written());
        }
        Ok(())
    }

    /// Returns how many bytes of the disk are allocated in the file, or `None` if there are too many
    /// blocks to count.
    fn count_allocated(&self) -> io::Result<Option<u64>> {
        let (mut at, mut sum) = (0, 0);
        for _ in 0..COUNT_MAX {
            if at >= self.map.len() {
                return Ok(Some(sum));
            }
            if sum / self.map.block_len() > COUNT_MAX {
                break;
            }
            let run = self.find_run(at, u64::MAX)?;
            at += run.len;
            if !matches!(run.location, BlockLocation::Zero(_) | BlockLocation::Absent(_)) {
                sum += run.len;
            }
        }
        Ok(None)
    }

    /// Finds the run that begins at `at`, which must not be behind the end. Searches no further than
    /// `len` bytes.
    fn find_run(&self, at: u64, len: u64) -> io::Result<Run> {
        let block = self.map.block_len();
        let index = at / block;
        let skip = at % block;
        let rest = len.min(self.map.len().saturating_sub(at));
        let first = self.map.locate_block(index)?;
        let (location, found) = match first {
            BlockLocation::Zero(count) | BlockLocation::Absent(count) => {
                (first, count.max(1).saturating_mul(block).saturating_sub(skip))
            }
            BlockLocation::Compressed(compressed) => {
                (first, compressed.start.saturating_add(compressed.len).saturating_sub(at))
            }
            BlockLocation::At(begin) => {
                let mut found = block - skip;
                let rest = rest.min(block.saturating_mul(RUN_BLOCKS_MAX));
                while found < rest
                    && let Some(next) = begin.checked_add(skip + found)
                    && self.map.locate_block((at + found) / block)? == BlockLocation::At(next)
                {
                    found += block;
                }
                (BlockLocation::At(begin.saturating_add(skip)), found)
            }
        };
        Ok(Run { location, len: found.min(rest).max(1) })
    }

    /// Returns the extent at the beginning of a run, which begins at this offset of the disk.
    fn extent_of_run(&self, run: &Run, disk_at: u64) -> io::Result<Extent> {
        Ok(match run.location {
            BlockLocation::Absent(_) => match &self.backing {
                Some(backing) if disk_at < backing.len() => {
                    let extent = backing.extent(disk_at)?;
                    Extent { kind: extent.kind, len: extent.len.clamp(1, run.len) }
                }
                _ => Extent::zero(run.len),
            },
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
            let run = self.find_run(at, space.len() as u64)?;
            let count = usize::try_from(run.len).unwrap_or(usize::MAX).min(space.len());
            let (piece, rest) = space.split_at_mut(count);
            match run.location {
                BlockLocation::Zero(_) => piece.fill(0),
                BlockLocation::Absent(_) => match &self.backing {
                    Some(backing) => fill_padded(&**backing, piece, at)?,
                    None => piece.fill(0),
                },
                // The file may end within its last block: QEMU writes no more of a block than the guest
                // has written.
                BlockLocation::At(at) => fill_padded(&*self.file, piece, at)?,
                BlockLocation::Compressed(block) => {
                    let skip = at.saturating_sub(block.start);
                    self.decompressor.read_block(&*self.file, &block, piece, skip)?;
                }
            }
            at += count as u64;
            space = rest;
        }
        Ok(())
    }

    fn extent(&self, at: u64) -> io::Result<Extent> {
        let end = self.map.len();
        let mut joined: Option<Extent> = None;
        let mut next = at;
        for _ in 0..EXTENT_RUNS_MAX {
            if next >= end {
                break;
            }
            let extent = self.extent_of_run(&self.find_run(next, end - next)?, next)?;
            match &mut joined {
                None => joined = Some(extent),
                Some(joined) if joined.kind == extent.kind => joined.len += extent.len,
                Some(_) => break,
            }
            next += extent.len;
        }
        Ok(joined.unwrap_or(Extent { kind: ExtentKind::Zero, len: 0 }))
    }
}
