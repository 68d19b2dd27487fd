//! The *header* of a qcow2 file.

use super::extensions::{self, Extensions};
use crate::disk::bytes::{Fault, be32, be64, fill, padded};
use crate::disk::{Flaw, FlawKind, ReadAt};

pub(in crate::disk) const MAGIC: &[u8; 4] = b"QFI\xfb";

/// How long the fields are that version 2 and version 3 have at least, in bytes.
const LEN_2: u32 = 72;
const LEN_3: u32 = 104;

/// Incompatible features (bits).
const DIRTY: u64 = 1;
const CORRUPT: u64 = 1 << 1;
const DATA_FILE: u64 = 1 << 2;
const COMPRESSION: u64 = 1 << 3;
const EXTENDED_L2: u64 = 1 << 4;
const KNOWN: u64 = DIRTY | CORRUPT | DATA_FILE | COMPRESSION | EXTENDED_L2;

/// What QEMU takes at most, in bytes: `block/qcow2.h`.
const L1_MAX: u64 = 32 << 20;
const REFCOUNTS_MAX: u64 = 8 << 20;
const BACKING_MAX: u32 = 1023;

/// What a qcow2 file says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
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
    pub l1: Table,
    /// The table of blocks of reference counts.
    pub refcounts: Table,
    /// Logarithm of a reference count's bits: 0 to 6.
    pub refcount_order: u32,
    /// The first of the snapshots that follow one another.
    pub snapshots: u64,
    /// How many snapshots there are.
    pub snapshot_count: u32,
    /// How the clusters are encrypted.
    pub crypt: Crypt,
    /// How compressed clusters are compressed.
    pub compression: Compression,
    /// The file that has what is not in this one.
    pub backing: Option<Backing>,
    /// The name of the file that has the data, if it tells one: see [`Header::has_data_file`].
    pub data_file: Option<String>,
    /// What the file calls the incompatible features that this program does not know.
    pub unknown_features: Vec<String>,
}

/// A table in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Table {
    /// Where it begins, in bytes.
    pub at: u64,
    /// How many entries of eight bytes it has.
    pub entries: u32,
}

impl Table {
    /// Returns how long it is, in bytes.
    pub fn len(self) -> u64 {
        u64::from(self.entries) * 8
    }

    /// Tells whether it has no entry.
    pub fn is_empty(self) -> bool {
        self.entries == 0
    }
}

/// How clusters are encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Crypt {
    /// They are not.
    None,
    /// AES-CBC with a key that is the password.
    Aes,
    /// As in a LUKS volume.
    Luks,
}

/// How compressed clusters are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// Deflate without a zlib header, despite its name.
    Zlib,
    /// One zstd frame, or several.
    Zstd,
}

/// The file that another stands on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backing {
    /// As it is written; what is no UTF-8 is replaced.
    pub name: String,
    /// What QEMU calls its format, if the file says so.
    pub format: Option<String>,
}

impl Header {
    /// Reads the header and its extensions, and refuses what nobody can make sense of. Whether the
    /// tables lie where they may is for [`examine`](super::examine) to say.
    pub fn read(bytes: &dyn ReadAt) -> Result<Self, Fault> {
        let start: [u8; 112] = padded(bytes, 0)?;
        let fields = &start[..];
        if !fields.starts_with(MAGIC) {
            return Err(malformed("there is no `QFI\\xfb` at its beginning"));
        }
        let mut header = Self::fixed(fields)?;
        header.check_numbers()?;
        let backing_at = be64(fields, 8);
        let Extensions { backing_format, data_file, unknown_features } =
            extensions::read(bytes, &header, backing_at)?;
        header.data_file = data_file;
        header.unknown_features = unknown_features;
        if backing_at != 0 {
            let name = header.backing_name(bytes, backing_at, be32(fields, 16))?;
            // QEMU takes an empty name for none.
            header.backing = (!name.is_empty()).then_some(Backing { name, format: backing_format });
        }
        Ok(header)
    }

    /// Returns the bytes of a cluster.
    pub fn cluster_size(&self) -> u64 {
        1 << self.cluster_bits
    }

    /// Returns how large QEMU says that the virtual disk is, in bytes.
    pub fn virtual_size(&self) -> u64 {
        self.size & !511
    }

    /// Returns how many bytes an entry of an L2 table has.
    pub fn l2_entry_len(&self) -> u64 {
        if self.has_subclusters() { 16 } else { 8 }
    }

    /// Returns how many bytes of the virtual disk one L2 table is about.
    pub fn l2_reach(&self) -> u64 {
        (self.cluster_size() / self.l2_entry_len()) << self.cluster_bits
    }

    /// Tells whether clusters have parts that are there or not by themselves ("extended L2").
    pub fn has_subclusters(&self) -> bool {
        self.incompatible & EXTENDED_L2 != 0
    }

    /// Tells whether the data lies in another file.
    pub fn has_data_file(&self) -> bool {
        self.incompatible & DATA_FILE != 0
    }

    /// Tells whether it was not closed properly.
    pub fn is_dirty(&self) -> bool {
        self.incompatible & DIRTY != 0
    }

    /// Tells whether somebody has found it corrupt.
    pub fn is_corrupt(&self) -> bool {
        self.incompatible & CORRUPT != 0
    }

    /// Returns the incompatible features that nobody knows, as bits.
    pub fn unknown_incompatible(&self) -> u64 {
        self.incompatible & !KNOWN
    }

    fn fixed(fields: &[u8]) -> Result<Self, Fault> {
        let version = be32(fields, 4);
        if !(2..=3).contains(&version) {
            let detail = format!("it is version {version} of qcow2, and there are only 2 and 3");
            return Err(Flaw { kind: FlawKind::UnknownFeature, detail }.into());
        }
        let old = version == 2;
        let cluster_bits = be32(fields, 20);
        if !(9..=21).contains(&cluster_bits) {
            return Err(malformed(format!(
                "its clusters have 2^{cluster_bits} bytes, and only 2^9 to 2^21 are allowed"
            )));
        }
        let len = if old { LEN_2 } else { be32(fields, 100) };
        let incompatible = if old { 0 } else { be64(fields, 72) };
        let told = if len > LEN_3 { fields[LEN_3 as usize] } else { 0 };
        let refcount_clusters = be32(fields, 56);
        let refcounts = u64::from(refcount_clusters) << (cluster_bits - 3);
        Ok(Self {
            version,
            size: be64(fields, 24),
            cluster_bits,
            len,
            incompatible,
            compatible: if old { 0 } else { be64(fields, 80) },
            autoclear: if old { 0 } else { be64(fields, 88) },
            l1: Table { at: be64(fields, 40), entries: be32(fields, 36) },
            refcounts: Table {
                at: be64(fields, 48),
                entries: u32::try_from(refcounts).unwrap_or(u32::MAX),
            },
            refcount_order: if old { 4 } else { be32(fields, 96) },
            snapshots: be64(fields, 64),
            snapshot_count: be32(fields, 60),
            crypt: crypt(be32(fields, 32))?,
            compression: compression(told, incompatible)?,
            backing: None,
            data_file: None,
            unknown_features: Vec::new(),
        })
    }

    fn check_numbers(&self) -> Result<(), Fault> {
        let (len, cluster) = (self.len, self.cluster_size());
        if self.version == 3 && len < LEN_3 {
            return Err(malformed(format!("its header of {len} bytes is too short: 104 at least")));
        }
        if u64::from(len) > cluster {
            return Err(malformed(format!(
                "its header of {len} bytes is longer than a cluster of {cluster}"
            )));
        }
        if self.refcount_order > 6 {
            return Err(malformed(format!(
                "its reference counts have 2^{} bits, and 2^6 are the most",
                self.refcount_order
            )));
        }
        if self.has_subclusters() && self.cluster_bits < 14 {
            return Err(malformed(format!(
                "it has parts of clusters, for which clusters of {cluster} bytes are too small"
            )));
        }
        if self.l1.len() > L1_MAX {
            return Err(malformed(format!("its L1 table of {} bytes is too long", self.l1.len())));
        }
        if self.refcounts.len() > REFCOUNTS_MAX {
            return Err(malformed("its table of reference counts is too long"));
        }
        let needed = self.virtual_size().div_ceil(self.l2_reach());
        if u64::from(self.l1.entries) < needed {
            return Err(malformed(format!(
                "its L1 table of {} entries is too short for {} bytes, which take {needed}",
                self.l1.entries, self.size
            )));
        }
        Ok(())
    }

    fn backing_name(&self, bytes: &dyn ReadAt, at: u64, len: u32) -> Result<String, Fault> {
        let space = self.cluster_size().saturating_sub(at);
        if at < u64::from(self.len) || len > BACKING_MAX || u64::from(len) > space {
            return Err(malformed(format!(
                "the name of its backing file, {len} bytes at byte {at}, does not lie in the first cluster"
            )));
        }
        let mut name = [0; BACKING_MAX as usize];
        let name = &mut name[..len as usize];
        fill(bytes, name, at, "the name of its backing file")?;
        Ok(String::from_utf8_lossy(name).into_owned())
    }
}

fn crypt(method: u32) -> Result<Crypt, Fault> {
    match method {
        0 => Ok(Crypt::None),
        1 => Ok(Crypt::Aes),
        2 => Ok(Crypt::Luks),
        _ => {
            let detail = format!("it is encrypted by method {method}, which nobody knows");
            Err(Flaw { kind: FlawKind::UnknownFeature, detail }.into())
        }
    }
}

fn compression(told: u8, incompatible: u64) -> Result<Compression, Fault> {
    match (told, incompatible & COMPRESSION != 0) {
        (0, false) => Ok(Compression::Zlib),
        (1, true) => Ok(Compression::Zstd),
        (0, true) => Err(malformed("its header says that it is not compressed with zlib, and is")),
        (1.., false) => Err(malformed("it has a compression type without the feature bit for it")),
        (_, true) => {
            let detail =
                format!("its clusters are compressed by method {told}, which nobody knows");
            Err(Flaw { kind: FlawKind::UnknownFeature, detail }.into())
        }
    }
}

pub(super) fn malformed(detail: impl Into<String>) -> Fault {
    Flaw { kind: FlawKind::Malformed, detail: detail.into() }.into()
}
