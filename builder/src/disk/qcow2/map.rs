//! Where the clusters of a qcow2 disk lie.
//!
//! Source: QEMU's `docs/interop/qcow2.rst`, and `block/qcow2-cluster.c` for what it refuses.

use std::io;

use crate::disk::blocks::compressed::{Codec, Packed};
use crate::disk::blocks::mapped::{Map, Place};
use crate::disk::blocks::tables::Tables;
use crate::disk::bytes::be64;
use crate::disk::guest::{GuestError, invalid};
use crate::disk::qcow2::{Compression, Crypt, Header};
use crate::disk::{Flaw, FlawKind};

/// The bits of entries that are an offset in the file.
const OFFSET: u64 = 0x00ff_ffff_ffff_fe00;

/// The cluster is compressed; all other bits have another meaning.
const COMPRESSED: u64 = 1 << 62;

/// The cluster reads as zeros, whatever its offset says.
const ZERO: u64 = 1;

/// How many parts a cluster has where they are there or not by themselves.
const PARTS: u64 = 32;

/// The tables of a qcow2 disk.
pub(in crate::disk) struct Qcow2<'a> {
    header: Header,
    tables: Tables<'a>,
}

impl<'a> Qcow2<'a> {
    /// Fails if what the disk holds cannot be had from this file alone.
    pub(in crate::disk) fn new(tables: Tables<'a>, header: Header) -> Result<Self, GuestError> {
        let refused = if let Some(backing) = &header.backing {
            let name = backing.name.escape_debug();
            Some((FlawKind::BackingFile, format!("it stands on another file, `{name}`")))
        } else if header.has_data_file() {
            Some((FlawKind::DataFile, "its data is in another file".into()))
        } else if header.crypt != Crypt::None {
            Some((FlawKind::Encrypted, "it is encrypted".into()))
        } else if header.unknown_incompatible() != 0 {
            let bits = header.unknown_incompatible();
            Some((FlawKind::UnknownFeature, format!("it needs features nobody knows: {bits:#x}")))
        } else {
            None
        };
        match refused {
            Some((kind, detail)) => Err(GuestError::Flaw(Flaw { kind, detail })),
            None => Ok(Self { header, tables }),
        }
    }

    /// Returns of how many parts of a cluster it is known by itself whether they are there.
    fn parts(&self) -> u64 {
        if self.header.has_subclusters() { PARTS } else { 1 }
    }

    /// Returns where a cluster lies, if nothing is known of its parts by themselves.
    fn cluster(&self, cluster: u64, entry: u64) -> io::Result<Place> {
        if entry & COMPRESSED != 0 {
            return Ok(Place::Packed(self.packed(cluster, entry)));
        }
        let is_zero = entry & ZERO != 0 && !self.header.has_subclusters();
        if is_zero && self.header.version < 3 {
            return Err(invalid(format!(
                "cluster {cluster} is marked as zero, which version 2 does not know"
            )));
        }
        let at = entry & OFFSET;
        if is_zero || at == 0 {
            return Ok(Place::Nowhere(1));
        }
        if !at.is_multiple_of(self.header.cluster_size()) {
            return Err(invalid(format!("cluster {cluster} at byte {at} begins within another")));
        }
        if at >= self.tables.file().len() {
            return Err(invalid(format!("cluster {cluster} at byte {at} lies outside the file")));
        }
        Ok(Place::At(at))
    }

    fn packed(&self, cluster: u64, entry: u64) -> Packed {
        let bits = 62 - (self.header.cluster_bits - 8);
        let at = entry & ((1 << bits) - 1);
        let more_sectors = (entry & (COMPRESSED - 1)) >> bits;
        let len = (more_sectors + 1) * 512 - (at & 511);
        let codec = match self.header.compression {
            Compression::Zlib => Codec::Deflate(len),
            Compression::Zstd => Codec::Zstd(len),
        };
        let len = self.header.cluster_size();
        Packed { start: cluster * len, len, at, codec }
    }

    /// Returns where a part of a cluster lies: a bit says that it is there, another that it is zero.
    fn part(&self, cluster: u64, entry: u64, parts: u64, part: u64) -> io::Result<Place> {
        let place = self.cluster(cluster, entry)?;
        let is_there = parts & (1 << part) != 0;
        let is_zero = parts & (1 << (part + PARTS)) != 0;
        match place {
            Place::Packed(_) => Ok(place),
            _ if is_there && is_zero => Err(invalid(format!(
                "part {part} of cluster {cluster} is marked as there and as zero"
            ))),
            Place::At(at) if is_there => Ok(Place::At(at + part * self.block())),
            Place::Nowhere(_) if is_there => Err(invalid(format!(
                "part {part} of cluster {cluster} is marked as there, and the cluster is not"
            ))),
            // No bit says otherwise for those behind it.
            Place::Nowhere(_) if parts & u64::from(u32::MAX) == 0 => {
                Ok(Place::Nowhere(PARTS - part))
            }
            Place::At(_) | Place::Nowhere(_) => Ok(Place::Nowhere(1)),
        }
    }
}

impl Map for Qcow2<'_> {
    fn len(&self) -> u64 {
        self.header.virtual_size()
    }

    fn block(&self) -> u64 {
        self.header.cluster_size() / self.parts()
    }

    fn find(&self, index: u64) -> io::Result<Place> {
        let parts = self.parts();
        let (cluster, part) = (index / parts, index % parts);
        let entries = self.header.cluster_size() / self.header.l2_entry_len();
        let (number, within) = (cluster / entries, cluster % entries);
        let table = self.tables.entry("L1 table", self.header.l1.at, number)?;
        let table = u64::from_be_bytes(table) & OFFSET;
        if table == 0 {
            return Ok(Place::Nowhere((entries - within) * parts - part));
        }
        if !table.is_multiple_of(self.header.cluster_size()) {
            return Err(invalid(format!(
                "L2 table {number} at byte {table} begins within a cluster"
            )));
        }
        if parts == 1 {
            let entry = self.tables.entry("L2 table", table, within)?;
            return self.cluster(cluster, u64::from_be_bytes(entry));
        }
        let entry: [u8; 16] = self.tables.entry("L2 table", table, within)?;
        self.part(cluster, be64(&entry, 0), be64(&entry, 8), part)
    }
}
