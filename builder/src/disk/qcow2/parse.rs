//! *Parsing* the header of a qcow2 file.

use super::extensions::{self, Extensions};
use super::header::{
    COMPRESSION_TYPE, HEADER_LEN, L1_LEN_MAX, MAGIC, Qcow2BackingFile, Qcow2Compression,
    Qcow2Encryption, Qcow2Header, Qcow2Table, REFCOUNT_ORDER, VERSION_2, VERSION_3,
    cluster_entry_bits, field,
};
use crate::disk::bytes::{be32, be64, fill_part, read_padded};
use crate::disk::{Fault, FlawKind, ReadAt};

/// Minimum lengths of the headers of version 2 and version 3, in bytes.
const LEN_2: u32 = 72;
const LEN_3: u32 = 104;

/// Maximum lengths in bytes that QEMU accepts: `block/qcow2.h`.
const REFCOUNTS_LEN_MAX: u64 = 8 << 20;
const BACKING_LEN_MAX: u32 = 1023;

impl Qcow2Header {
    /// Reads the header and its extensions. Fails if they are malformed; the locations of the
    /// tables are checked by [`examine`](super::examine).
    pub fn read(bytes: &dyn ReadAt) -> Result<Self, Fault> {
        let start: [u8; HEADER_LEN as usize] = read_padded(bytes, 0)?;
        let fields = &start[..];
        if !fields.starts_with(MAGIC) {
            return Err(Fault::malformed("there is no `QFI\\xfb` at its beginning"));
        }
        let mut header = Self::parse_fields(fields)?;
        header.check_numbers()?;
        let backing_at = be64(fields, field::BACKING_AT);
        if backing_at > header.cluster_size() {
            let detail = "the name of its backing file lies behind the first cluster";
            return Err(Fault::malformed(detail));
        }
        let end = if backing_at == 0 { header.cluster_size() } else { backing_at };
        let Extensions { backing_format, data_file, unknown_features } =
            extensions::read_extensions(
                bytes,
                u64::from(header.len)..end,
                header.unknown_incompatible(),
            )?;
        header.data_file = data_file;
        header.unknown_features = unknown_features;
        if backing_at != 0 {
            let name =
                header.read_backing_name(bytes, backing_at, be32(fields, field::BACKING_LEN))?;
            // QEMU treats an empty name as no backing file.
            header.backing_file =
                (!name.is_empty()).then_some(Qcow2BackingFile { name, format: backing_format });
        }
        Ok(header)
    }

    fn parse_fields(fields: &[u8]) -> Result<Self, Fault> {
        let version = be32(fields, field::VERSION);
        if !(VERSION_2..=VERSION_3).contains(&version) {
            let detail = format!(
                "it is version {version} of qcow2, and there are only {VERSION_2} and {VERSION_3}"
            );
            return Err(Fault::new(FlawKind::UnknownFeature, detail));
        }
        let old = version == VERSION_2;
        let cluster_bits = be32(fields, field::CLUSTER_BITS);
        if !(9..=21).contains(&cluster_bits) {
            return Err(Fault::malformed(format!(
                "its clusters have 2^{cluster_bits} bytes, and only 2^9 to 2^21 are allowed"
            )));
        }
        let len = if old { LEN_2 } else { be32(fields, field::LEN) };
        let incompatible = if old { 0 } else { be64(fields, field::INCOMPATIBLE) };
        let method = if len > LEN_3 { fields[field::COMPRESSION] } else { 0 };
        let refcount_clusters = be32(fields, field::REFCOUNTS_CLUSTERS);
        let refcounts = u64::from(refcount_clusters) << cluster_entry_bits(cluster_bits);
        Ok(Self {
            version,
            size: be64(fields, field::SIZE),
            cluster_bits,
            len,
            incompatible,
            compatible: if old { 0 } else { be64(fields, field::COMPATIBLE) },
            autoclear: if old { 0 } else { be64(fields, field::AUTOCLEAR) },
            l1: Qcow2Table {
                at: be64(fields, field::L1_AT),
                entries: be32(fields, field::L1_ENTRIES),
            },
            refcounts: Qcow2Table {
                at: be64(fields, field::REFCOUNTS_AT),
                entries: u32::try_from(refcounts).unwrap_or(u32::MAX),
            },
            refcount_order: if old { REFCOUNT_ORDER } else { be32(fields, field::REFCOUNT_ORDER) },
            snapshots_at: be64(fields, field::SNAPSHOTS_AT),
            snapshot_count: be32(fields, field::SNAPSHOT_COUNT),
            encryption: parse_encryption(be32(fields, field::CRYPT))?,
            compression: parse_compression(method, incompatible)?,
            backing_file: None,
            data_file: None,
            unknown_features: Vec::new(),
        })
    }

    fn check_numbers(&self) -> Result<(), Fault> {
        let (len, cluster) = (self.len, self.cluster_size());
        if self.version == VERSION_3 && len < LEN_3 {
            return Err(Fault::malformed(format!(
                "its header of {len} bytes is too short: {LEN_3} at least"
            )));
        }
        if u64::from(len) > cluster {
            return Err(Fault::malformed(format!(
                "its header of {len} bytes is longer than a cluster of {cluster}"
            )));
        }
        if self.refcount_order > 6 {
            return Err(Fault::malformed(format!(
                "its reference counts have 2^{} bits, and 2^6 are the most",
                self.refcount_order
            )));
        }
        if self.has_subclusters() && self.cluster_bits < 14 {
            return Err(Fault::malformed(format!(
                "it has parts of clusters, for which clusters of {cluster} bytes are too small"
            )));
        }
        if self.l1.len() > L1_LEN_MAX {
            return Err(Fault::malformed(format!(
                "its L1 table of {} bytes is too long",
                self.l1.len()
            )));
        }
        if self.refcounts.len() > REFCOUNTS_LEN_MAX {
            return Err(Fault::malformed("its table of reference counts is too long"));
        }
        let needed = self.virtual_size().div_ceil(self.l2_reach());
        if u64::from(self.l1.entries) < needed {
            return Err(Fault::malformed(format!(
                "its L1 table of {} entries is too short for {} bytes, which take {needed}",
                self.l1.entries, self.size
            )));
        }
        Ok(())
    }

    fn read_backing_name(&self, bytes: &dyn ReadAt, at: u64, len: u32) -> Result<String, Fault> {
        let space = self.cluster_size().saturating_sub(at);
        if at < u64::from(self.len) || len > BACKING_LEN_MAX || u64::from(len) > space {
            return Err(Fault::malformed(format!(
                "the name of its backing file, {len} bytes at byte {at}, does not lie in the first cluster"
            )));
        }
        let mut name = [0; BACKING_LEN_MAX as usize];
        let name = &mut name[..len as usize];
        fill_part(bytes, name, at, "the name of its backing file")?;
        Ok(String::from_utf8_lossy(name).into_owned())
    }
}

fn parse_encryption(method: u32) -> Result<Qcow2Encryption, Fault> {
    const NONE: u32 = Qcow2Encryption::None as u32;
    const AES: u32 = Qcow2Encryption::Aes as u32;
    const LUKS: u32 = Qcow2Encryption::Luks as u32;
    match method {
        NONE => Ok(Qcow2Encryption::None),
        AES => Ok(Qcow2Encryption::Aes),
        LUKS => Ok(Qcow2Encryption::Luks),
        _ => {
            let detail = format!("it is encrypted by method {method}, which is unknown");
            Err(Fault::new(FlawKind::UnknownFeature, detail))
        }
    }
}

fn parse_compression(method: u8, incompatible: u64) -> Result<Qcow2Compression, Fault> {
    const ZLIB: u8 = Qcow2Compression::Zlib as u8;
    const ZSTD: u8 = Qcow2Compression::Zstd as u8;
    match (method, incompatible & COMPRESSION_TYPE != 0) {
        (ZLIB, false) => Ok(Qcow2Compression::Zlib),
        (ZSTD, true) => Ok(Qcow2Compression::Zstd),
        (ZLIB, true) => {
            Err(Fault::malformed("its header says that it is not compressed with zlib, and is"))
        }
        (1.., false) => {
            Err(Fault::malformed("it has a compression type without the feature bit for it"))
        }
        (_, true) => {
            let detail =
                format!("its clusters are compressed by method {method}, which is unknown");
            Err(Fault::new(FlawKind::UnknownFeature, detail))
        }
    }
}
