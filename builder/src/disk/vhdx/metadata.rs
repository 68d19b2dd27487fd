//! The *metadata* of a VHDX: the sizes of the disk and its blocks.

use super::section::{MIB, SECTION_LEN, table_entries, unknown_required};
use crate::disk::bytes::{fill_part, le16, le32, le64, read_part};
use crate::disk::refusals::{JOIN_VHD, needs_parent};
use crate::disk::sector::{SECTOR_LEN, SECTOR_LENS};
use crate::disk::{Fault, Flaw, FlawKind, ReadAt};

/// Signature of the table of metadata.
const SIGNATURE: &[u8] = b"metadata";

/// Identifiers of items.
const PARAMETERS: [u8; 16] = *b"\x37\x67\xa1\xca\x36\xfa\x43\x4d\xb3\xb6\x33\xf0\xaa\x44\xe7\x6b";
const SIZE: [u8; 16] = *b"\x24\x42\xa5\x2f\x1b\xcd\x76\x48\xb2\x11\x5d\xbe\xd8\x3b\xf4\xb8";
const SECTOR: [u8; 16] = *b"\x1d\xbf\x41\x81\x6f\xa9\x09\x47\xba\x47\xf2\x33\xa8\xfa\xab\x5f";
const PHYSICAL: [u8; 16] = *b"\xc7\x48\xa3\xcd\x5d\x44\x71\x44\x9c\xc9\xe9\x88\x52\x51\xc5\x56";
const PAGE_83: [u8; 16] = *b"\xab\x12\xca\xbe\xe6\xb2\x23\x45\x93\xef\xc3\x09\xe0\x00\xc7\x46";
const PARENT: [u8; 16] = *b"\x2d\x5f\xd3\xa8\x0b\xb3\x4d\x45\xab\xf7\xd3\xd8\x48\x34\xab\x0c";

/// A flag of an item that a reader must know.
const REQUIRED: u32 = 4;

/// A flag of the parameters.
const HAS_PARENT: u32 = 2;

/// The longest block and the largest disk, in bytes.
const BLOCK_MAX: u64 = 256 * MIB;
const SIZE_MAX: u64 = 64 << 40;

/// What to do with a disk of long sectors, which QEMU and Hyper-V's converter do not take.
const COPY: &str =
    "copy what is in it to a disk with sectors of 512 bytes, inside a virtual machine of Hyper-V";

/// Contents of the metadata.
#[derive(Default)]
pub(super) struct Metadata {
    /// Length of a block in bytes.
    pub(super) block_len: u64,
    flags: u32,
    /// Size of the disk in bytes.
    pub(super) virtual_size: u64,
    /// Length of a logical sector in bytes.
    pub(super) sector_len: u64,
}

impl Metadata {
    pub(super) fn read(bytes: &dyn ReadAt, region: u64) -> Result<Self, Fault> {
        let mut table = vec![0; SECTION_LEN];
        fill_part(bytes, &mut table, region, "the table of metadata")?;
        if !table.starts_with(SIGNATURE) {
            let detail = format!("there are no metadata at byte {region}");
            return Err(Fault::malformed(detail));
        }
        let mut metadata = Self::default();
        for entry in table_entries(&table, 32, le16(&table, 10).into())? {
            let item = || {
                let at = region.saturating_add(u64::from(le32(entry, 16)));
                read_part::<8>(bytes, at, "an item of the metadata")
            };
            match entry.first_chunk() {
                Some(&PARAMETERS) => {
                    metadata.block_len = le32(&item()?, 0).into();
                    metadata.flags = le32(&item()?, 4);
                }
                Some(&SIZE) => metadata.virtual_size = le64(&item()?, 0),
                Some(&SECTOR) => metadata.sector_len = le32(&item()?, 0).into(),
                Some(&PHYSICAL | &PAGE_83 | &PARENT) => {}
                _ if le32(entry, 24) & REQUIRED == 0 => {}
                _ => return Err(unknown_required("an item of the metadata")),
            }
        }
        Ok(metadata)
    }

    pub(super) fn check_values(&self, flaws: &mut Vec<Flaw>) -> Result<(), Fault> {
        let Self { block_len: block, flags, virtual_size: size, sector_len: sector } = *self;
        if !block.is_power_of_two() || !(MIB..=BLOCK_MAX).contains(&block) {
            return Err(Fault::malformed(format!("blocks of {block} bytes are not allowed")));
        }
        if !SECTOR_LENS.contains(&sector) || !size.is_multiple_of(sector) || size > SIZE_MAX {
            return Err(Fault::malformed(format!(
                "a disk of {size} bytes in sectors of {sector} bytes is not allowed"
            )));
        }
        if flags & HAS_PARENT != 0 {
            flaws.push(needs_parent(None, JOIN_VHD));
        }
        if sector != SECTOR_LEN {
            let detail = format!("its sectors are of {sector} bytes, which QEMU does not take");
            flaws.push(Flaw::new(FlawKind::Unsupported, detail).with_remedy(COPY));
        }
        Ok(())
    }
}
