//! How clusters are *packed*: each by itself, and only where that makes it shorter.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use libdeflater::{CompressionLvl, Compressor};

use super::batch::{Batch, Packed, STRETCH, STRETCH_LEN};
use super::cluster::{CLUSTER_LEN, PLAIN, ZERO};
use super::{ClusterCompression, ConvertError, Guest};
use crate::disk::bytes::fill_padded;
use crate::disk::extent::is_zero;

/// The fastest of libdeflate: five times as fast as the zlib that QEMU packs with, and no longer.
/// QEMU's writer finds nothing that lies further back than 4 KiB. Its reader, like any other, unpacks a
/// cluster into one buffer, where all of it can be referred to, as RFC 1951 has it.
const DEFLATE_LEVEL: i32 = 1;

/// A tenth slower than 1 and 2 % shorter; 3 takes half as long again for 1 % more.
const ZSTD_LEVEL: i32 = 2;

/// The longest packed cluster: what is longer is stored as it is.
const LONGEST: usize = PLAIN as usize - 1;

/// What is wanted of packed clusters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Output {
    /// How long they are.
    Lengths,
    /// They themselves.
    Bytes,
}

/// What packs the clusters of a disk, on any thread.
pub(super) struct Packers {
    guest: Guest,
    packing: ClusterCompression,
    output: Output,
    idle: Mutex<Vec<Packer>>,
    /// Room of batches that are done.
    spare: Mutex<Vec<Vec<u8>>>,
}

/// A compressor with its room.
struct Packer {
    method: Method,
    stretch: Vec<u8>,
    packed: Vec<u8>,
}

enum Method {
    None,
    Deflate(Compressor),
    Zstd(zstd::bulk::Compressor<'static>),
}

impl Packers {
    pub(super) fn new(guest: &Guest, packing: ClusterCompression, output: Output) -> Arc<Self> {
        let (idle, spare) = Default::default();
        Arc::new(Self { guest: Guest::clone(guest), packing, output, idle, spare })
    }

    /// Reads and packs the clusters of a batch.
    pub(super) fn pack(&self, batch: Batch) -> Result<Packed, ConvertError> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut packer = match idle {
            Some(packer) => packer,
            None => Packer::new(self.packing).map_err(ConvertError::Pack)?,
        };
        let bytes = self.spare.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut done =
            Packed { at: batch.at, lens: [ZERO; STRETCH], bytes: bytes.unwrap_or_default() };
        done.bytes.clear();
        let result = self.fill(&mut packer, batch, &mut done);
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(packer);
        result.map(|()| done)
    }

    /// Takes room back.
    pub(super) fn reuse(&self, bytes: Vec<u8>) {
        if bytes.capacity() > 0 {
            self.spare.lock().unwrap_or_else(PoisonError::into_inner).push(bytes);
        }
    }

    fn fill(
        &self,
        packer: &mut Packer,
        batch: Batch,
        done: &mut Packed,
    ) -> Result<(), ConvertError> {
        read(&self.guest, batch, &mut packer.stretch)?;
        let Packer { method, stretch, packed: space } = packer;
        for (number, cluster) in stretch.chunks_exact(CLUSTER_LEN).enumerate() {
            if !batch.has(number) {
                continue;
            }
            let (len, bytes) = match self.output {
                // What it comes to is known, and need not be found out again.
                Output::Bytes if batch.lens[number] == PLAIN => (PLAIN, cluster),
                _ if is_zero(cluster) => (ZERO, &[][..]),
                _ => match method.pack(cluster, space).map_err(ConvertError::Pack)? {
                    Some(bytes) => (u16::try_from(bytes.len()).unwrap_or(PLAIN), bytes),
                    None => (PLAIN, cluster),
                },
            };
            done.lens[number] = len;
            if self.output == Output::Bytes {
                done.bytes.extend_from_slice(bytes);
            }
            if self.output == Output::Bytes && len != batch.lens[number] {
                return Err(ConvertError::Changed);
            }
        }
        Ok(())
    }
}

/// Reads the clusters of a batch to their places in the stretch; zeros behind the end of the disk.
pub(super) fn read(guest: &Guest, batch: Batch, stretch: &mut [u8]) -> io::Result<()> {
    for run in batch.runs() {
        let start = batch.at.saturating_add(run.start as u64);
        let Some(space) = stretch.get_mut(run) else { continue };
        fill_padded(guest, space, start)?;
    }
    Ok(())
}

impl Packer {
    fn new(packing: ClusterCompression) -> io::Result<Self> {
        let (method, room) = match packing {
            ClusterCompression::None => (Method::None, 0),
            ClusterCompression::Zlib => {
                let level = CompressionLvl::new(DEFLATE_LEVEL).unwrap_or_default();
                // It gives up as soon as it runs out of room.
                (Method::Deflate(Compressor::new(level)), LONGEST)
            }
            ClusterCompression::Zstd => {
                let compressor = zstd::bulk::Compressor::new(ZSTD_LEVEL)?;
                (Method::Zstd(compressor), zstd::zstd_safe::compress_bound(CLUSTER_LEN))
            }
        };
        Ok(Self { method, stretch: vec![0; STRETCH_LEN], packed: vec![0; room] })
    }
}

impl Method {
    /// Returns the packed cluster, unless it would not be shorter.
    fn pack<'s>(&mut self, cluster: &[u8], space: &'s mut [u8]) -> io::Result<Option<&'s [u8]>> {
        let len = match self {
            Self::None => return Ok(None),
            Self::Deflate(compressor) => compressor.deflate_compress(cluster, space).ok(),
            Self::Zstd(compressor) => Some(compressor.compress_to_buffer(cluster, space)?),
        };
        let len = len.filter(|len| *len <= LONGEST);
        Ok(len.and_then(|len| space.get(..len)))
    }
}
