//! The *payload* of a file in a format: the disk that its virtual machine sees. A file that is no
//! disk can be in there, for `qemu-img convert` takes any file for a raw disk.

use super::bytes::read_padded;
use super::sector::SECTOR;
use super::{DiskFormat, Fault, Flaw, FlawKind, ReadAt, probe, raw};

const PACKED: &str = "decompress the file first, and convert what was in it; `qemu-img convert -O raw DISK packed` takes it \
     out again";
const NESTED: &str = "a disk was converted as if it was raw; `qemu-img convert -O raw DISK \
     inner` takes it out again";
const OTHER: &str = "convert the disk itself, not the file that it came in; `qemu-img convert -O raw DISK inner` takes \
     that file out again";

/// Returns whether a disk is one with an ISO 9660 file system, or any other: [`DiskFormat::Iso`] or
/// [`DiskFormat::Raw`]. Fails if a disk, as its virtual machine sees it, has only zeros or is a file of another kind. An
/// encrypted volume can be a disk: its virtual machine may have the key.
pub(super) fn check_payload(guest: &dyn ReadAt) -> Result<DiskFormat, Fault> {
    if raw::is_blank(guest)? {
        return Err(Fault::new(FlawKind::Blank, "the disk in it has only zeros"));
    }
    let start: [u8; SECTOR] = read_padded(guest, 0)?;
    let flaw = match (probe::probe_format(guest)?, raw::recognize_other_file(&start)) {
        (DiskFormat::Compressed(compression), _) => {
            let detail = format!("the disk in it is a file that is compressed with {compression}");
            Flaw::new(FlawKind::Compressed, detail).with_remedy(PACKED)
        }
        (DiskFormat::Iso, None) => return raw::check_iso_end(guest).map(|()| DiskFormat::Iso),
        (DiskFormat::Raw | DiskFormat::Luks, None) => return Ok(DiskFormat::Raw),
        (_, Some(file)) => {
            let detail = format!("the disk in it is {}, and no disk", file.noun);
            Flaw::new(FlawKind::Unsupported, detail).with_remedy(OTHER)
        }
        (format, None) => {
            let detail = format!("the disk in it is another file in the format {format}");
            Flaw::new(FlawKind::Unsupported, detail).with_remedy(NESTED)
        }
    };
    Err(flaw.into())
}
