//! *VMDK*, VMware's format: a text that describes the disk, its *descriptor*, and *extents*. Here
//! both are in one file, which is sparse (tables of grains) or a stream (compressed grains, and the
//! header again at the end); files that only describe, and the extents of ESX, are recognised.
//!
//! Sources: VMware's *Virtual Disk Format 5.0*, and QEMU's `block/vmdk.c`.

mod descriptor;
mod header;
pub(super) mod map;

pub(super) use header::{Grains, Header};

use super::bytes::{Fault, le32, le64};
use super::{Flaw, FlawKind, Info, ReadAt, guest};
use descriptor::Descriptor;

/// The length of a sector, in bytes.
pub(super) const SECTOR: u64 = 512;

/// With what sparse extents begin.
const SPARSE: &[u8] = b"KDMV";

/// With what sparse extents of ESX begin, until version 6.
const COWD: &[u8] = b"COWD";

/// With what sparse extents of ESX begin, from version 6 on: two numbers of 8 bytes.
pub(super) const SE_SPARSE: &[u8] = b"\xbe\xba\xfe\xca\0\0\0\0\x01\0\0\0\x02\0\0\0";

/// Adds what headers and descriptor tell.
pub(super) fn examine(bytes: &dyn ReadAt, info: &mut Info) -> Result<(), Fault> {
    let header = Header::parse(bytes)?;
    info.virtual_size = header.virtual_size;
    if header.grains.as_ref().is_some_and(|grains| grains.compressed) {
        info.cluster_compression = Some("deflate");
    }
    info.flaws.extend(header.flaws);
    guest::examine(bytes, info)
}

impl Header {
    pub(super) fn parse(bytes: &dyn ReadAt) -> Result<Self, Fault> {
        let mut start = [0; 512];
        let count = usize::try_from(bytes.len()).unwrap_or(usize::MAX).min(start.len());
        bytes.read_exact_at(start.get_mut(..count).unwrap_or_default(), 0)?;
        if start.starts_with(SPARSE) {
            return Self::sparse(bytes);
        }
        if start.starts_with(COWD) || start.starts_with(SE_SPARSE) {
            let is_old = start.starts_with(COWD);
            let sectors = if is_old { le32(&start, 12).into() } else { le64(&start, 16) };
            let detail = "it is an extent of VMware ESX, without the descriptor that belongs to it";
            return Ok(Self {
                virtual_size: sectors.saturating_mul(SECTOR),
                grains: None,
                flaws: vec![Flaw::new(FlawKind::Unsupported, detail)],
            });
        }
        let descriptor = Descriptor::read(bytes, 0, bytes.len())?;
        Ok(Self { virtual_size: descriptor.size()?, grains: None, flaws: descriptor.flaws() })
    }
}
