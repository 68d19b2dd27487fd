//! The *header* of a VMDK: that of a sparse extent, which may be repeated at its end, or a descriptor.

use super::descriptor::{self, Descriptor};
use super::grains::Grains;
use crate::disk::bytes::{contains_range, le32, le64, read_padded, read_part};
use crate::disk::refusals::NAME_THE_DESCRIPTOR;
use crate::disk::sector::{SECTOR, SECTOR_LEN};
use crate::disk::{Fault, Flaw, FlawKind, ReadAt};

/// Magic of sparse extents.
pub(super) const SPARSE: &[u8] = b"KDMV";

/// Magic of sparse extents of ESX before version 6.
pub(super) const COWD: &[u8] = b"COWD";

/// Magic of sparse extents of ESX from version 6 on: two numbers of 8 bytes. QEMU reads these only
/// through the descriptor that names them.
pub(super) const SE_SPARSE: &[u8] = b"\xbe\xba\xfe\xca\0\0\0\0\x01\0\0\0\x02\0\0\0";

/// Offset of the directory in a header that is replaced by the one at the end.
const AT_END: u64 = u64::MAX;

/// Types of markers.
const END_OF_STREAM: u32 = 0;
const FOOTER: u32 = 3;

/// Contents of the headers of a VMDK.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Header {
    /// Size of the disk in bytes.
    pub(super) virtual_size: u64,
    /// Grains with the data, if it is in this file.
    pub(super) grains: Option<Grains>,
    /// Flaws that keep the disk from being used.
    pub(super) flaws: Vec<Flaw>,
}

/// Returns whether a file with this beginning is a VMDK.
pub(in crate::disk) fn detect(start: &[u8]) -> bool {
    [SPARSE, COWD, SE_SPARSE].iter().any(|magic| start.starts_with(magic))
        || descriptor::detect(start)
}

impl Header {
    pub(super) fn parse(bytes: &dyn ReadAt) -> Result<Self, Fault> {
        let start: [u8; SECTOR] = read_padded(bytes, 0)?;
        if start.starts_with(SPARSE) {
            return Self::parse_sparse(bytes);
        }
        if start.starts_with(COWD) || start.starts_with(SE_SPARSE) {
            let is_old = start.starts_with(COWD);
            let sectors = if is_old { le32(&start, 12).into() } else { le64(&start, 16) };
            let detail = "it is an extent of VMware ESX, without the descriptor that belongs to it";
            return Ok(Self {
                virtual_size: sectors.saturating_mul(SECTOR_LEN),
                grains: None,
                flaws: vec![
                    Flaw::new(FlawKind::Unsupported, detail).with_remedy(NAME_THE_DESCRIPTOR),
                ],
            });
        }
        let descriptor = Descriptor::read(bytes, 0, bytes.len())?;
        Ok(Self {
            virtual_size: descriptor.virtual_size()?,
            grains: None,
            flaws: descriptor.flaws(),
        })
    }

    /// Parses a file that begins as a sparse extent.
    fn parse_sparse(bytes: &dyn ReadAt) -> Result<Self, Fault> {
        let mut fields = read_part::<SECTOR>(bytes, 0, "the header")?;
        let descriptor = read_descriptor(bytes, &fields)?;
        if le64(&fields, 12) == 0
            && let Some(descriptor) = &descriptor
        {
            let virtual_size = descriptor.virtual_size()?;
            return Ok(Self { virtual_size, grains: None, flaws: descriptor.flaws() });
        }
        if le64(&fields, 56) == AT_END {
            fields = read_footer(bytes)?;
        }
        let capacity = le64(&fields, 12);
        let virtual_size = capacity.checked_mul(SECTOR_LEN).ok_or_else(|| {
            Fault::malformed(format!("a disk of {capacity} sectors is too large"))
        })?;
        let grains = Some(Grains::parse(bytes, &fields, capacity)?);
        let flaws = descriptor
            .map_or_else(|| vec![lone_extent()], |descriptor| descriptor.embedded_flaws(capacity));
        Ok(Self { virtual_size, grains, flaws })
    }
}

/// Returns the flaw of an extent without a descriptor, which is in another file then: nothing shows
/// whether the extent is the whole disk (*Virtual Disk Format 5.0*, `descriptorOffset`).
fn lone_extent() -> Flaw {
    let detail = "it is an extent of a VMDK, without the descriptor that belongs to it: \
                  a part of a disk, most likely";
    Flaw::new(FlawKind::DataFile, detail).with_remedy(NAME_THE_DESCRIPTOR)
}

/// Reads the descriptor that the header points to, if it has one.
fn read_descriptor(bytes: &dyn ReadAt, fields: &[u8]) -> Result<Option<Descriptor>, Fault> {
    let (at, len) = (le64(fields, 28), le64(fields, 36));
    if at == 0 {
        return Ok(None);
    }
    let range = at.checked_mul(SECTOR_LEN).zip(len.checked_mul(SECTOR_LEN));
    let Some((at, len)) = range.filter(|(at, _)| *at < bytes.len()) else {
        let detail = format!("the descriptor at sector {at} lies outside the file");
        return Err(Fault::new(FlawKind::OutsideFile, detail));
    };
    let descriptor = Descriptor::read(bytes, at, len)?;
    Ok((!descriptor.is_empty()).then_some(descriptor))
}

/// Reads the header at the end, between two markers of a sector each.
fn read_footer(bytes: &dyn ReadAt) -> Result<[u8; SECTOR], Fault> {
    let sectors = bytes.len().div_ceil(SECTOR_LEN);
    let truncated = || {
        let detail = "the header that belongs at its end is missing";
        Fault::new(FlawKind::Truncated, detail)
    };
    let at = sectors.checked_sub(3).ok_or_else(truncated)? * SECTOR_LEN;
    if !contains_range(bytes, at, 3 * SECTOR_LEN) {
        return Err(truncated());
    }
    let tail = read_part::<{ 3 * SECTOR }>(bytes, at, "the footer")?;
    let is_marker = |at: usize, kind| {
        let number = |skip| le32(&tail, at + skip);
        number(8) == 0 && number(12) == kind
    };
    let fields: Option<&[u8; SECTOR]> = tail.get(SECTOR..).and_then(|tail| tail.first_chunk());
    let fields = fields.filter(|fields| fields.starts_with(SPARSE));
    match fields {
        Some(fields) if is_marker(0, FOOTER) && is_marker(2 * SECTOR, END_OF_STREAM) => Ok(*fields),
        _ => Err(truncated()),
    }
}
