//! *Chunks*: runs of logical addresses, and where they are on the device.

use super::key::Key;
use super::superblock::Superblock;
use crate::disk::bytes::{le16, le64};
use crate::disk::{Fault, FlawKind};

/// How many chunks there are at most: those of 64 TiB in chunks of 1 GiB.
const CHUNKS_MAX: usize = 1 << 16;

/// Lengths in bytes of a chunk without its stripes, and of a stripe.
const CHUNK: usize = 48;
const STRIPE: usize = 32;

/// Kinds of chunks whose stripes are not copies of each other, as bits: RAID 0, 10, 5 and 6.
const DIVIDED: u64 = 0x8 | 0x40 | 0x80 | 0x100;

/// The chunks, in the order of their addresses.
#[derive(Debug, Default)]
pub(super) struct Chunks(Vec<Chunk>);

#[derive(Debug, Clone, Copy)]
struct Chunk {
    start: u64,
    len: u64,
    /// Offset on the device in bytes.
    at: u64,
}

fn damaged() -> Fault {
    Fault::malformed("the chunks of btrfs are damaged")
}

impl Chunks {
    /// Returns the chunks that the superblock lists.
    pub(super) fn of_superblock(superblock: &Superblock) -> Result<Self, Fault> {
        let (mut chunks, mut rest) = (Self::default(), &superblock.chunks[..]);
        while !rest.is_empty() {
            let (key, chunk) = (Key::parse(rest), rest.get(Key::LEN..).ok_or_else(damaged)?);
            let len = CHUNK + STRIPE * usize::from(le16(chunk, 44));
            chunks.add(key.offset, chunk.get(..len).ok_or_else(damaged)?, superblock.device)?;
            rest = &chunk[len..];
        }
        Ok(chunks)
    }

    /// Adds a chunk that begins at a logical address.
    pub(super) fn add(&mut self, start: u64, item: &[u8], device: u64) -> Result<(), Fault> {
        if le64(item, 24) & DIVIDED != 0 {
            let detail = "its btrfs is divided between devices";
            return Err(Fault::new(FlawKind::DataFile, detail));
        }
        let stripes = item.get(CHUNK..).unwrap_or_default().as_chunks::<STRIPE>().0;
        let stripe = stripes.iter().find(|stripe| le64(*stripe, 0) == device);
        let at = stripe.map(|stripe| le64(stripe, 8)).ok_or_else(damaged)?;
        if self.0.len() >= CHUNKS_MAX || self.0.last().is_some_and(|last| last.start >= start) {
            return Err(damaged());
        }
        self.0.push(Chunk { start, len: le64(item, 0), at });
        Ok(())
    }

    /// Returns the offset of a logical address on the device, and how many bytes follow there.
    pub(super) fn locate(&self, address: u64) -> Result<(u64, u64), Fault> {
        let next = self.0.partition_point(|chunk| chunk.start <= address);
        let chunk = next.checked_sub(1).and_then(|found| self.0.get(found));
        let found = chunk.and_then(|chunk| {
            let skip = address - chunk.start;
            Some((chunk.at.checked_add(skip)?, chunk.len.checked_sub(skip).filter(|len| *len > 0)?))
        });
        found.ok_or_else(|| {
            Fault::malformed(format!("btrfs refers to the address {address}, which it has not"))
        })
    }
}
