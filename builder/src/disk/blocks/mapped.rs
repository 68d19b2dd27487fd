//! *Mapped* disks: the guest's bytes lie in the file as blocks of one length, and tables say where.

use std::io;
use std::sync::Arc;

use crate::disk::blocks::compressed::{Packed, Unpacker};
use crate::disk::{Extent, ExtentKind, ReadAt};

/// How many runs of one kind are joined into one extent.
const RUNS: usize = 64;

/// How many blocks that lie one behind the other are joined into one run.
const BLOCKS: u64 = 1024;

/// How many entries of tables are counted: those of 128 GiB in grains of 64 KiB.
const COUNT_MAX: u64 = 2 << 20;

/// What a format's tables tell.
pub(in crate::disk) trait Map: Send + Sync {
    /// Returns the length of the disk, in bytes.
    fn len(&self) -> u64;

    /// Returns the length of a block, in bytes.
    fn block(&self) -> u64;

    /// Returns where a block lies. The caller sees to it that it is not behind the end.
    fn find(&self, index: u64) -> io::Result<Place>;
}

/// Where a block lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::disk) enum Place {
    /// Nowhere: this block is zero, and so are as many in all from it on; at least this one.
    Nowhere(u64),
    /// At this byte of the file, and it begins within it.
    At(u64),
    /// In these compressed bytes, with others maybe.
    Packed(Packed),
}

/// A disk whose bytes are found by tables.
pub(in crate::disk) struct Mapped<'a> {
    file: Arc<dyn ReadAt + 'a>,
    map: Box<dyn Map + 'a>,
    unpacker: Unpacker,
}

/// Bytes of the guest that lie together in the file.
struct Run {
    place: Place,
    /// How many there are, in bytes; more than none.
    len: u64,
}

impl<'a> Mapped<'a> {
    pub(in crate::disk) fn new(file: Arc<dyn ReadAt + 'a>, map: Box<dyn Map + 'a>) -> Self {
        Self { file, map, unpacker: Unpacker::default() }
    }

    /// Returns how many bytes the tables have a place for; nothing if there are too many to count.
    pub(in crate::disk) fn allocated(&self) -> io::Result<Option<u64>> {
        let (mut at, mut sum) = (0, 0);
        for _ in 0..COUNT_MAX {
            if at >= self.map.len() {
                return Ok(Some(sum));
            }
            if sum / self.map.block() > COUNT_MAX {
                break;
            }
            let run = self.run(at, u64::MAX)?;
            at += run.len;
            if !matches!(run.place, Place::Nowhere(_)) {
                sum += run.len;
            }
        }
        Ok(None)
    }

    /// Finds what lies together from `at` on, which is not behind the end; looks no farther than
    /// `len` bytes.
    fn run(&self, at: u64, len: u64) -> io::Result<Run> {
        let block = self.map.block();
        let index = at / block;
        let skip = at % block;
        let rest = len.min(self.map.len().saturating_sub(at));
        let first = self.map.find(index)?;
        let (place, there) = match first {
            Place::Nowhere(count) => {
                (first, count.max(1).saturating_mul(block).saturating_sub(skip))
            }
            Place::Packed(packed) => {
                (first, (packed.start.saturating_add(packed.len)).saturating_sub(at))
            }
            Place::At(begin) => {
                let mut there = block - skip;
                let rest = rest.min(block.saturating_mul(BLOCKS));
                while there < rest
                    && let Some(next) = begin.checked_add(skip + there)
                    && self.map.find((at + there) / block)? == Place::At(next)
                {
                    there += block;
                }
                (Place::At(begin.saturating_add(skip)), there)
            }
        };
        Ok(Run { place, len: there.min(rest).max(1) })
    }

    /// Reads what lies in the file as it is. The last block of a file may be cut short: QEMU
    /// writes no more of it than it has been given, and reads zeros behind.
    fn read_plain(&self, space: &mut [u8], at: u64) -> io::Result<()> {
        let there = self.file.len().saturating_sub(at);
        let there = usize::try_from(there).unwrap_or(usize::MAX).min(space.len());
        let (there, behind) = space.split_at_mut(there);
        behind.fill(0);
        if there.is_empty() {
            return Ok(());
        }
        self.file.read_exact_at(there, at)
    }

    /// Tells what is known of a run without reading it.
    fn known(&self, run: &Run) -> io::Result<Extent> {
        Ok(match run.place {
            Place::Nowhere(_) => Extent::zero(run.len),
            Place::Packed(_) => Extent::data(run.len),
            Place::At(at) if at >= self.file.len() => Extent::zero(run.len),
            Place::At(at) => {
                let extent = self.file.extent(at)?;
                Extent { kind: extent.kind, len: extent.len.clamp(1, run.len) }
            }
        })
    }
}

impl ReadAt for Mapped<'_> {
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
            match run.place {
                Place::Nowhere(_) => piece.fill(0),
                Place::At(at) => self.read_plain(piece, at)?,
                Place::Packed(packed) => {
                    let skip = at.saturating_sub(packed.start);
                    self.unpacker.read(&*self.file, &packed, piece, skip)?;
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
        let mut place = at;
        for _ in 0..RUNS {
            if place >= end {
                break;
            }
            let extent = self.known(&self.run(place, end - place)?)?;
            match &mut whole {
                None => whole = Some(extent),
                Some(whole) if whole.kind == extent.kind => whole.len += extent.len,
                Some(_) => break,
            }
            place += extent.len;
        }
        Ok(whole.unwrap_or(Extent { kind: ExtentKind::Zero, len: 0 }))
    }
}
