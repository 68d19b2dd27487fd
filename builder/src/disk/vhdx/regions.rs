//! The *regions* of a VHDX: the locations of its table of blocks and its metadata.

use super::section::{KIB, MIB, SECTION_LEN, has_valid_checksum, table_entries, unknown_required};
use crate::disk::bytes::{fill_part, le32, le64};
use crate::disk::{Fault, FlawKind, ReadAt};

/// Offset of the table of regions in bytes, and its signature.
const TABLE_AT: u64 = 192 * KIB;
const SIGNATURE: &[u8] = b"regi";

/// Identifiers of regions.
const BAT: [u8; 16] = *b"\x66\x77\xc2\x2d\x23\xf6\x00\x42\x9d\x64\x11\x5e\x9b\xfd\x4a\x08";
const METADATA: [u8; 16] = *b"\x06\xa2\x7c\x8b\x90\x47\x9a\x4b\xb8\xfe\x57\x5f\x05\x0f\x88\x6e";

/// A flag of a region that a reader must know.
const REQUIRED: u32 = 1;

/// Locations of the regions.
pub(super) struct Regions {
    /// Offset and length of the table of blocks in bytes.
    pub(super) block_table: (u64, u64),
    /// Offset of the metadata in bytes.
    pub(super) metadata_at: u64,
}

impl Regions {
    pub(super) fn read(bytes: &dyn ReadAt) -> Result<Self, Fault> {
        let mut region = vec![0; SECTION_LEN];
        fill_part(bytes, &mut region, TABLE_AT, "the table of regions")?;
        if !region.starts_with(SIGNATURE) || !has_valid_checksum(&region) {
            let detail = "the checksum of the table of regions is wrong";
            return Err(Fault::new(FlawKind::Corrupt, detail));
        }
        let (mut table, mut metadata) = (None, None);
        for entry in table_entries(&region, 16, le32(&region, 8))? {
            let (at, len) = (le64(entry, 16), u64::from(le32(entry, 24)));
            let region = match entry.first_chunk() {
                Some(&BAT) => &mut table,
                Some(&METADATA) => &mut metadata,
                _ if le32(entry, 28) & REQUIRED == 0 => continue,
                _ => return Err(unknown_required("a region")),
            };
            if region.replace((at, len)).is_some() || at < MIB {
                let detail = format!("the region at byte {at} is there twice, or over the headers");
                return Err(Fault::malformed(detail));
            }
        }
        let (Some(table), Some((metadata, _))) = (table, metadata) else {
            let detail = "it has no table of blocks, or no metadata";
            return Err(Fault::malformed(detail));
        };
        Ok(Self { block_table: table, metadata_at: metadata })
    }
}
