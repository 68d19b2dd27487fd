//! The *header* of a qcow2 file, and the offsets of its fields.

use super::entry::ENTRY_LEN;
use crate::disk::bytes::be32;
use crate::disk::sector;

/// Magic at the beginning of a file.
pub(in crate::disk) const MAGIC: &[u8; 4] = b"QFI\xfb";

/// Versions of the format.
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

/// Maximum length of an L1 table in bytes: `QCOW_MAX_L1_SIZE` in QEMU's `block/qcow2.h`.
pub(in crate::disk) const L1_LEN_MAX: u64 = 32 << 20;

/// Logarithm of the bits of a reference count in version 2, and in nearly every file of version 3.
pub(in crate::disk) const REFCOUNT_ORDER: u32 = 4;

/// Offsets of the fields in bytes.
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

/// The header of a qcow2 file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Qcow2Header {
    /// Version of the format, 2 or 3.
    pub version: u32,
    /// Size of the virtual disk in bytes, as in the header; QEMU rounds it down to whole sectors.
    pub size: u64,
    /// Logarithm of a cluster's bytes: 9 to 21.
    pub cluster_bits: u32,
    /// Length of the header without its extensions, in bytes.
    pub len: u32,
    /// Incompatible features, which a reader must know.
    pub incompatible: u64,
    /// Compatible features.
    pub compatible: u64,
    /// Autoclear features, whose bits are cleared by writers that do not know them.
    pub autoclear: u64,
    /// The active L1 table.
    pub l1: Qcow2Table,
    /// The table of blocks of reference counts.
    pub refcounts: Qcow2Table,
    /// Logarithm of a reference count's bits: 0 to 6.
    pub refcount_order: u32,
    /// Offset of the snapshot table, in bytes.
    pub snapshots_at: u64,
    /// Number of snapshots.
    pub snapshot_count: u32,
    /// Encryption of the clusters.
    pub encryption: Qcow2Encryption,
    /// Method of compressed clusters.
    pub compression: Qcow2Compression,
    /// The backing file, if there is one.
    pub backing_file: Option<Qcow2BackingFile>,
    /// Name of the external data file, if the header has one; see [`Self::has_data_file`].
    pub data_file: Option<String>,
    /// Names of the incompatible features that are not supported.
    pub unknown_features: Vec<String>,
}

/// A table in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Qcow2Table {
    /// Offset in bytes.
    pub at: u64,
    /// Number of entries.
    pub entries: u32,
}

impl Qcow2Table {
    /// Returns the length in bytes.
    pub(crate) fn len(self) -> u64 {
        u64::from(self.entries) * ENTRY_LEN
    }

    /// Returns whether the table has no entry.
    pub(crate) fn is_empty(self) -> bool {
        self.entries == 0
    }
}

/// Encryption of clusters, by the numbers in the header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Qcow2Encryption {
    /// Not encrypted.
    None = 0,
    /// AES-CBC with a key that is the password.
    Aes = 1,
    /// LUKS.
    Luks = 2,
}

/// Methods of compressed clusters, by the numbers in the header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Qcow2Compression {
    /// Deflate without a zlib header, despite its name.
    Zlib = 0,
    /// One zstd frame, or several.
    Zstd = 1,
}

/// The backing file of a disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Qcow2BackingFile {
    /// Name as in the header; bytes that are not UTF-8 are replaced.
    pub name: String,
    /// QEMU's name of its format, if the header has it.
    pub format: Option<String>,
}

/// Returns whether a file with this beginning is a qcow2; others with its magic are qcow, version 1.
pub(in crate::disk) fn detect(start: &[u8]) -> bool {
    start.starts_with(MAGIC) && be32(start, field::VERSION) >= VERSION_2
}

/// Returns the logarithm of the number of entries in a cluster.
pub(super) fn cluster_entry_bits(cluster_bits: u32) -> u32 {
    cluster_bits - ENTRY_LEN.ilog2()
}

impl Qcow2Header {
    /// Returns the length of a cluster in bytes.
    pub fn cluster_size(&self) -> u64 {
        1 << self.cluster_bits
    }

    /// Returns the size of the virtual disk as QEMU reports it, in bytes.
    pub(crate) fn virtual_size(&self) -> u64 {
        sector::round_down(self.size)
    }

    /// Returns the length of an L2 entry in bytes.
    pub(crate) fn l2_entry_len(&self) -> u64 {
        if self.has_subclusters() { 2 * ENTRY_LEN } else { ENTRY_LEN }
    }

    /// Returns the number of bytes of the virtual disk that one L2 table covers.
    pub(crate) fn l2_reach(&self) -> u64 {
        (self.cluster_size() / self.l2_entry_len()) << self.cluster_bits
    }

    /// Returns whether clusters have subclusters ("extended L2").
    pub fn has_subclusters(&self) -> bool {
        self.incompatible & EXTENDED_L2 != 0
    }

    /// Returns whether the data is in another file.
    pub(crate) fn has_data_file(&self) -> bool {
        self.incompatible & DATA_FILE != 0
    }

    /// Returns whether the file was not closed properly.
    pub(crate) fn is_dirty(&self) -> bool {
        self.incompatible & DIRTY != 0
    }

    /// Returns whether the file is marked as corrupt.
    pub(crate) fn is_corrupt(&self) -> bool {
        self.incompatible & CORRUPT != 0
    }

    /// Returns the unknown incompatible features, as bits.
    pub(crate) fn unknown_incompatible(&self) -> u64 {
        self.incompatible & !KNOWN
    }
}
