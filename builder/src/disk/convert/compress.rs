//! *Compressing* clusters: each by itself, and only where that makes it shorter.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use libdeflater::{CompressionLvl, Compressor};

use super::batch::{Batch, CompressedBatch, STRETCH_CLUSTERS, STRETCH_LEN};
use super::cluster::{CLUSTER_LEN, UNCOMPRESSED, ZERO};
use super::{ClusterCompression, ConvertError, Guest};
use crate::disk::bytes::fill_padded;
use crate::disk::extent::is_zero;

/// The fastest level of libdeflate: five times as fast as QEMU's zlib, with output that is not longer.
/// QEMU's writer limits the window to 4 KiB. Its reader decompresses a cluster into one buffer, so that
/// all distances that RFC 1951 allows can be used.
const DEFLATE_LEVEL: i32 = 1;

/// A tenth slower than level 1, with 2 % shorter output; level 3 takes half as long again for 1 % more.
const ZSTD_LEVEL: i32 = 2;

/// Maximum length of a compressed cluster in bytes; a longer one is stored uncompressed.
const LONGEST: usize = UNCOMPRESSED as usize - 1;

/// What is returned of compressed clusters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CompressOutput {
    /// Their lengths.
    Lengths,
    /// Their bytes and lengths.
    Bytes,
}

/// Compresses the clusters of a disk; several threads can share it.
pub(super) struct ClusterCompressors {
    guest: Guest,
    compression: ClusterCompression,
    output: CompressOutput,
    idle: Mutex<Vec<CompressionWorker>>,
    /// Buffers of finished batches.
    spare: Mutex<Vec<Vec<u8>>>,
}

/// A compressor with its buffers.
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
        compression: ClusterCompression,
        output: CompressOutput,
    ) -> Arc<Self> {
        let (idle, spare) = Default::default();
        Arc::new(Self { guest: Guest::clone(guest), compression, output, idle, spare })
    }

    /// Reads and compresses the clusters of a batch.
    pub(super) fn compress_batch(&self, batch: Batch) -> Result<CompressedBatch, ConvertError> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut worker = match idle {
            Some(worker) => worker,
            None => CompressionWorker::new(self.compression).map_err(ConvertError::Pack)?,
        };
        let bytes = self.spare.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut done = CompressedBatch {
            at: batch.at,
            lens: [ZERO; STRETCH_CLUSTERS],
            bytes: bytes.unwrap_or_default(),
        };
        done.bytes.clear();
        let result = self.compress_clusters(&mut worker, batch, &mut done);
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(worker);
        result.map(|()| done)
    }

    /// Takes back a buffer for reuse.
    pub(super) fn recycle_buffer(&self, bytes: Vec<u8>) {
        if bytes.capacity() > 0 {
            self.spare.lock().unwrap_or_else(PoisonError::into_inner).push(bytes);
        }
    }

    fn compress_clusters(
        &self,
        worker: &mut CompressionWorker,
        batch: Batch,
        done: &mut CompressedBatch,
    ) -> Result<(), ConvertError> {
        read_clusters(&self.guest, batch, &mut worker.stretch)?;
        let CompressionWorker { encoder: method, stretch, output: space } = worker;
        for (number, cluster) in stretch.chunks_exact(CLUSTER_LEN).enumerate() {
            if !batch.contains_cluster(number) {
                continue;
            }
            let (len, bytes) = match self.output {
                // The survey has found that compression does not make this cluster shorter.
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

/// Reads the clusters of a batch to their offsets in the stretch; bytes behind the end of the disk are
/// zero.
pub(super) fn read_clusters(guest: &Guest, batch: Batch, stretch: &mut [u8]) -> io::Result<()> {
    for run in batch.cluster_ranges() {
        let start = batch.at.saturating_add(run.start as u64);
        let Some(space) = stretch.get_mut(run) else { continue };
        fill_padded(guest, space, start)?;
    }
    Ok(())
}

impl CompressionWorker {
    fn new(compression: ClusterCompression) -> io::Result<Self> {
        let (method, room) = match compression {
            ClusterCompression::None => (ClusterEncoder::None, 0),
            ClusterCompression::Zlib => {
                let level = CompressionLvl::new(DEFLATE_LEVEL).unwrap_or_default();
                // The compressor fails as soon as the buffer is full.
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
    /// Returns the compressed cluster, or `None` if it would not be shorter.
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
