//! The *header* of a qcow2 file: what it says, and where its fields stand.

use super::entry::ENTRY_LEN;
use crate::disk::bytes::be32;
use crate::disk::sector;

/// What a file begins with.
pub(in crate::disk) const MAGIC: &[u8; 4] = b"QFI\xfb";

/// The versions that there are.
pub(super) const VERSION_2: u32 = 2;
pub(in crate::disk) const VERSION_3: u32 = 3;

/// Length of all fields that this program knows, in bytes.
pub(in crate::disk) const HEADER_LEN: u32 = 112;

/// Incompatible features (bits).
const DIRTY: u64 = 1;
const CORRUPT: u64 = 1 << 1;
const DATA_FILE: u64 = 1 << 2;
pub(in crate::disk) const COMPRESSION_TYPE: u64 = 1 << 3;
const EXTENDED_L2: u64 = 1 << 4;
const KNOWN: u64 = DIRTY | CORRUPT | DATA_FILE | COMPRESSION_TYPE | EXTENDED_L2;

/// How long an L1 table is at most, in bytes: `QCOW_MAX_L1_SIZE` in QEMU's `block/qcow2.h`.
pub(in crate::disk) const L1_LEN_MAX: u64 = 32 << 20;

/// Logarithm of a reference count's bits that version 2 has, and nearly every file of version 3.
pub(in crate::disk) const REFCOUNT_ORDER: u32 = 4;

/// Where fields stand, in bytes.
pub(super) mod field {
    pub(in super::super) const VERSION: usize = 4;
    pub(in super::super) const BACKING_AT: usize = 8;
    pub(in super::super) const BACKING_LEN: usize = 16;
    pub(in super::super) const CLUSTER_BITS: usize = 20;
    pub(in super::super) const SIZE: usize = 24;
    pub(in super::super) const CRYPT: usize = 32;
    pub(in super::super) const L1_ENTRIES: usize = 36;
    pub(in super::super) const L1_AT: usize = 40;
    pub(in super::super) const REFCOUNTS_AT: usize = 48;
    pub(in super::super) const REFCOUNTS_CLUSTERS: usize = 56;
    pub(in super::super) const SNAPSHOT_COUNT: usize = 60;
    pub(in super::super) const SNAPSHOTS_AT: usize = 64;
    pub(in super::super) const INCOMPATIBLE: usize = 72;
    pub(in super::super) const COMPATIBLE: usize = 80;
    pub(in super::super) const AUTOCLEAR: usize = 88;
    pub(in super::super) const REFCOUNT_ORDER: usize = 96;
    pub(in super::super) const LEN: usize = 100;
    pub(in super::super) const COMPRESSION: usize = 104;
}

/// What a qcow2 file says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Qcow2Header {
    /// 2 or 3.
    pub version: u32,
    /// Of the virtual disk, in bytes, as it is written; QEMU leaves off what is no whole sector.
    pub size: u64,
    /// Logarithm of a cluster's bytes: 9 to 21.
    pub cluster_bits: u32,
    /// Of the header without its extensions, in bytes.
    pub len: u32,
    /// Incompatible features: who does not know one cannot read the disk.
    pub incompatible: u64,
    /// Compatible features.
    pub compatible: u64,
    /// Features whose bits those clear who do not know them.
    pub autoclear: u64,
    /// The active table of L2 tables.
    pub l1: Qcow2Table,
    /// The table of blocks of reference counts.
    pub refcounts: Qcow2Table,
    /// Logarithm of a reference count's bits: 0 to 6.
    pub refcount_order: u32,
    /// The first of the snapshots that follow one another.
    pub snapshots_at: u64,
    /// How many snapshots there are.
    pub snapshot_count: u32,
    /// How the clusters are encrypted.
    pub encryption: Qcow2Encryption,
    /// How compressed clusters are compressed.
    pub compression: Qcow2Compression,
    /// The file that has what is not in this one.
    pub backing_file: Option<Qcow2BackingFile>,
    /// The name of the file that has the data, if it tells one: see [`Header::has_data_file`].
    pub data_file: Option<String>,
    /// What the file calls the incompatible features that this program does not know.
    pub unknown_features: Vec<String>,
}

/// A table in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Qcow2Table {
    /// Where it begins, in bytes.
    pub at: u64,
    /// How many entries it has.
    pub entries: u32,
}

impl Qcow2Table {
    /// Returns how long it is, in bytes.
    pub(crate) fn len(self) -> u64 {
        u64::from(self.entries) * ENTRY_LEN
    }

    /// Tells whether it has no entry.
    pub(crate) fn is_empty(self) -> bool {
        self.entries == 0
    }
}

/// How clusters are encrypted, by the numbers in the header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Qcow2Encryption {
    /// They are not.
    None = 0,
    /// AES-CBC with a key that is the password.
    Aes = 1,
    /// As in a LUKS volume.
    Luks = 2,
}

/// How compressed clusters are compressed, by the numbers in the header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Qcow2Compression {
    /// Deflate without a zlib header, despite its name.
    Zlib = 0,
    /// One zstd frame, or several.
    Zstd = 1,
}

/// The file that another stands on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Qcow2BackingFile {
    /// As it is written; what is no UTF-8 is replaced.
    pub name: String,
    /// What QEMU calls its format, if the file says so.
    pub format: Option<String>,
}

/// Tells whether a file that begins so is a qcow2; what else begins with its magic is qcow, version 1.
pub(in crate::disk) fn detect(start: &[u8]) -> bool {
    start.starts_with(MAGIC) && be32(start, field::VERSION) >= VERSION_2
}

/// Returns the logarithm of how many entries a cluster has room for.
pub(super) fn cluster_entry_bits(cluster_bits: u32) -> u32 {
    cluster_bits - ENTRY_LEN.ilog2()
}

impl Qcow2Header {
    /// Returns the bytes of a cluster.
    pub fn cluster_size(&self) -> u64 {
        1 << self.cluster_bits
    }

    /// Returns how large QEMU says that the virtual disk is, in bytes.
    pub(crate) fn virtual_size(&self) -> u64 {
        sector::round_down(self.size)
    }

    /// Returns how many bytes an entry of an L2 table has.
    pub(crate) fn l2_entry_len(&self) -> u64 {
        if self.has_subclusters() { 2 * ENTRY_LEN } else { ENTRY_LEN }
    }

    /// Returns how many bytes of the virtual disk one L2 table is about.
    pub(crate) fn l2_reach(&self) -> u64 {
        (self.cluster_size() / self.l2_entry_len()) << self.cluster_bits
    }

    /// Tells whether clusters have parts that are there or not by themselves ("extended L2").
    pub fn has_subclusters(&self) -> bool {
        self.incompatible & EXTENDED_L2 != 0
    }

    /// Tells whether the data lies in another file.
    pub(crate) fn has_data_file(&self) -> bool {
        self.incompatible & DATA_FILE != 0
    }

    /// Tells whether it was not closed properly.
    pub(crate) fn is_dirty(&self) -> bool {
        self.incompatible & DIRTY != 0
    }

    /// Tells whether somebody has found it corrupt.
    pub(crate) fn is_corrupt(&self) -> bool {
        self.incompatible & CORRUPT != 0
    }

    /// Returns the incompatible features that nobody knows, as bits.
    pub(crate) fn unknown_incompatible(&self) -> u64 {
        self.incompatible & !KNOWN
    }
}
