//! How clusters are *packed*: each by itself, and only where that makes it shorter.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use libdeflater::{CompressionLvl, Compressor};

use super::batch::{Batch, CompressedBatch, STRETCH_CLUSTERS, STRETCH_LEN};
use super::cluster::{CLUSTER_LEN, UNCOMPRESSED, ZERO};
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
const LONGEST: usize = UNCOMPRESSED as usize - 1;

/// What is wanted of packed clusters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CompressOutput {
    /// How long they are.
    Lengths,
    /// They themselves.
    Bytes,
}

/// What packs the clusters of a disk, on any thread.
pub(super) struct ClusterCompressors {
    guest: Guest,
    compression: ClusterCompression,
    output: CompressOutput,
    idle: Mutex<Vec<CompressionWorker>>,
    /// Room of batches that are done.
    spare: Mutex<Vec<Vec<u8>>>,
}

/// A compressor with its room.
struct CompressionWorker {
    encoder: ClusterEncoder,
    stretch: Vec<u8>,
    output: Vec<u8>,
}

enum ClusterEncoder {
    None,
    Deflate(Compressor),
    Zstd(zstd::bulk::Compressor<'static>),
}

impl ClusterCompressors {
    pub(super) fn new(
        guest: &Guest,
        packing: ClusterCompression,
        output: CompressOutput,
    ) -> Arc<Self> {
        let (idle, spare) = Default::default();
        Arc::new(Self { guest: Guest::clone(guest), compression: packing, output, idle, spare })
    }

    /// Reads and packs the clusters of a batch.
    pub(super) fn compress_batch(&self, batch: Batch) -> Result<CompressedBatch, ConvertError> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut packer = match idle {
            Some(packer) => packer,
            None => CompressionWorker::new(self.compression).map_err(ConvertError::Pack)?,
        };
        let bytes = self.spare.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut done = CompressedBatch {
            at: batch.at,
            lens: [ZERO; STRETCH_CLUSTERS],
            bytes: bytes.unwrap_or_default(),
        };
        done.bytes.clear();
        let result = self.compress_clusters(&mut packer, batch, &mut done);
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(packer);
        result.map(|()| done)
    }

    /// Takes room back.
    pub(super) fn recycle_buffer(&self, bytes: Vec<u8>) {
        if bytes.capacity() > 0 {
            self.spare.lock().unwrap_or_else(PoisonError::into_inner).push(bytes);
        }
    }

    fn compress_clusters(
        &self,
        packer: &mut CompressionWorker,
        batch: Batch,
        done: &mut CompressedBatch,
    ) -> Result<(), ConvertError> {
        read_clusters(&self.guest, batch, &mut packer.stretch)?;
        let CompressionWorker { encoder: method, stretch, output: space } = packer;
        for (number, cluster) in stretch.chunks_exact(CLUSTER_LEN).enumerate() {
            if !batch.contains_cluster(number) {
                continue;
            }
            let (len, bytes) = match self.output {
                // What it comes to is known, and need not be found out again.
                CompressOutput::Bytes if batch.lens[number] == UNCOMPRESSED => {
                    (UNCOMPRESSED, cluster)
                }
                _ if is_zero(cluster) => (ZERO, &[][..]),
                _ => match method.compress_cluster(cluster, space).map_err(ConvertError::Pack)? {
                    Some(bytes) => (u16::try_from(bytes.len()).unwrap_or(UNCOMPRESSED), bytes),
                    None => (UNCOMPRESSED, cluster),
                },
            };
            done.lens[number] = len;
            if self.output == CompressOutput::Bytes {
                done.bytes.extend_from_slice(bytes);
            }
            if self.output == CompressOutput::Bytes && len != batch.lens[number] {
                return Err(ConvertError::Changed);
            }
        }
        Ok(())
    }
}

/// Reads the clusters of a batch to their places in the stretch; zeros behind the end of the disk.
pub(super) fn read_clusters(guest: &Guest, batch: Batch, stretch: &mut [u8]) -> io::Result<()> {
    for run in batch.cluster_ranges() {
        let start = batch.at.saturating_add(run.start as u64);
        let Some(space) = stretch.get_mut(run) else { continue };
        fill_padded(guest, space, start)?;
    }
    Ok(())
}

impl CompressionWorker {
    fn new(packing: ClusterCompression) -> io::Result<Self> {
        let (method, room) = match packing {
            ClusterCompression::None => (ClusterEncoder::None, 0),
            ClusterCompression::Zlib => {
                let level = CompressionLvl::new(DEFLATE_LEVEL).unwrap_or_default();
                // It gives up as soon as it runs out of room.
                (ClusterEncoder::Deflate(Compressor::new(level)), LONGEST)
            }
            ClusterCompression::Zstd => {
                let compressor = zstd::bulk::Compressor::new(ZSTD_LEVEL)?;
                (ClusterEncoder::Zstd(compressor), zstd::zstd_safe::compress_bound(CLUSTER_LEN))
            }
        };
        Ok(Self { encoder: method, stretch: vec![0; STRETCH_LEN], output: vec![0; room] })
    }
}

impl ClusterEncoder {
    /// Returns the packed cluster, unless it would not be shorter.
    fn compress_cluster<'s>(
        &mut self,
        cluster: &[u8],
        space: &'s mut [u8],
    ) -> io::Result<Option<&'s [u8]>> {
        let len = match self {
            Self::None => return Ok(None),
            Self::Deflate(compressor) => compressor.deflate_compress(cluster, space).ok(),
            Self::Zstd(compressor) => Some(compressor.compress_to_buffer(cluster, space)?),
        };
        let len = len.filter(|len| *len <= LONGEST);
        Ok(len.and_then(|len| space.get(..len)))
    }
}
