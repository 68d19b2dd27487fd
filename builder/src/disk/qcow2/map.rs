//! The *map* of a qcow2 disk: the locations of its clusters.
//!
//! Source: QEMU's `docs/interop/qcow2.rst`, and `block/qcow2-cluster.c` for what QEMU refuses.

use std::io;

use super::entry::{CompressedCluster, OFFSET, SUBCLUSTERS, ZERO};
use super::header::{Qcow2Compression, Qcow2Header, VERSION_3};
use crate::disk::blocks::{
    BlockCodec, BlockLocation, BlockMap, CompressedBlock, TableReader, invalid_data, outside_file,
};
use crate::disk::bytes::be64;

/// The tables of a qcow2 disk.
pub(super) struct Qcow2Map<'a> {
    header: Qcow2Header,
    tables: TableReader<'a>,
}

impl<'a> Qcow2Map<'a> {
    /// Creates a map. The header must not declare that the disk needs another file.
    pub(super) fn new(tables: TableReader<'a>, header: Qcow2Header) -> Self {
        Self { header, tables }
    }

    /// Returns the number of separately allocated parts of a cluster: its subclusters, or one.
    fn parts_per_cluster(&self) -> u64 {
        if self.header.has_subclusters() { SUBCLUSTERS } else { 1 }
    }

    /// Returns the location of a cluster, by its entry alone.
    fn locate_cluster(&self, cluster: u64, entry: u64) -> io::Result<BlockLocation> {
        if let Some(found) = CompressedCluster::from_entry(entry, self.header.cluster_bits) {
            return Ok(BlockLocation::Compressed(self.compressed_block(cluster, found)));
        }
        let is_zero = entry & ZERO != 0 && !self.header.has_subclusters();
        if is_zero && self.header.version < VERSION_3 {
            return Err(invalid_data(format!(
                "cluster {cluster} is marked as zero, which version 2 does not know"
            )));
        }
        let at = entry & OFFSET;
        if is_zero {
            return Ok(BlockLocation::Zero(1));
        }
        if at == 0 {
            return Ok(BlockLocation::Absent(1));
        }
        if !at.is_multiple_of(self.header.cluster_size()) {
            return Err(invalid_data(format!(
                "cluster {cluster} at byte {at} begins within another"
            )));
        }
        if at >= self.tables.file().len() {
            return Err(outside_file("cluster", cluster, at));
        }
        Ok(BlockLocation::At(at))
    }

    fn compressed_block(&self, cluster: u64, found: CompressedCluster) -> CompressedBlock {
        let codec = match self.header.compression {
            Qcow2Compression::Zlib => BlockCodec::Deflate(found.len),
            Qcow2Compression::Zstd => BlockCodec::Zstd(found.len),
        };
        let len = self.header.cluster_size();
        CompressedBlock { start: cluster * len, len, at: found.at, codec }
    }

    /// Returns the location of a subcluster: one bit marks it as allocated, another as zero.
    fn locate_part(
        &self,
        cluster: u64,
        entry: u64,
        parts: u64,
        part: u64,
    ) -> io::Result<BlockLocation> {
        let location = self.locate_cluster(cluster, entry)?;
        let is_there = parts & (1 << part) != 0;
        let is_zero = parts & (1 << (part + SUBCLUSTERS)) != 0;
        match location {
            BlockLocation::Compressed(_) => Ok(location),
            _ if is_there && is_zero => Err(invalid_data(format!(
                "part {part} of cluster {cluster} is marked as there and as zero"
            ))),
            BlockLocation::At(at) if is_there => {
                Ok(BlockLocation::At(at + part * self.block_len()))
            }
            BlockLocation::Zero(_) | BlockLocation::Absent(_) if is_there => {
                Err(invalid_data(format!(
                    "part {part} of cluster {cluster} is marked as there, and the cluster is not"
                )))
            }
            _ if is_zero => Ok(BlockLocation::Zero(1)),
            // No bit is set for the subclusters behind it.
            _ if parts == 0 => Ok(BlockLocation::Absent(SUBCLUSTERS - part)),
            _ => Ok(BlockLocation::Absent(1)),
        }
    }
}

impl BlockMap for Qcow2Map<'_> {
    fn len(&self) -> u64 {
        self.header.virtual_size()
    }

    fn block_len(&self) -> u64 {
        self.header.cluster_size() / self.parts_per_cluster()
    }

    fn locate_block(&self, index: u64) -> io::Result<BlockLocation> {
        let parts = self.parts_per_cluster();
        let (cluster, part) = (index / parts, index % parts);
        let entries = self.header.cluster_size() / self.header.l2_entry_len();
        let (number, within) = (cluster / entries, cluster % entries);
        let table = self.tables.read_entry("L1 table", self.header.l1.at, number)?;
        let table = u64::from_be_bytes(table) & OFFSET;
        if table == 0 {
            return Ok(BlockLocation::Absent((entries - within) * parts - part));
        }
        if !table.is_multiple_of(self.header.cluster_size()) {
            return Err(invalid_data(format!(
                "L2 table {number} at byte {table} begins within a cluster"
            )));
        }
        if parts == 1 {
            let entry = self.tables.read_entry("L2 table", table, within)?;
            return self.locate_cluster(cluster, u64::from_be_bytes(entry));
        }
        let entry: [u8; 16] = self.tables.read_entry("L2 table", table, within)?;
        self.locate_part(cluster, be64(&entry, 0), be64(&entry, 8), part)
    }
}
