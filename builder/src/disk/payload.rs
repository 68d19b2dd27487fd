//! The *payload* of a file in a format: the disk that its virtual machine sees. A file that is no
//! disk can be in there, for `qemu-img convert` takes any file for a raw disk.

use super::bytes::read_padded;
use super::sector::SECTOR;
use super::{DiskFormat, Fault, Flaw, FlawKind, ReadAt, probe, raw};

const PACKED: &str = "unpack the packed file first, and convert what was in it; `qemu-img convert -O raw DISK packed` takes it \
     out again";
const NESTED: &str = "a disk was converted as if it was raw; `qemu-img convert -O raw DISK \
     inner` takes it out again";
const OTHER: &str = "convert the disk itself; `qemu-img convert -O raw DISK inner` takes \
     out what was converted instead";

/// Fails if a disk, as its virtual machine sees it, has only zeros or is a file of another kind. An
/// encrypted volume can be a disk: its virtual machine may have the key.
pub(super) fn check_payload(guest: &dyn ReadAt) -> Result<(), Fault> {
    if raw::is_blank(guest)? {
        return Err(Fault::new(FlawKind::Blank, "the disk in it has only zeros"));
    }
    let start: [u8; SECTOR] = read_padded(guest, 0)?;
    let flaw = match (probe::detect_in_sector(&start), raw::recognize_other_file(&start)) {
        (Some(DiskFormat::Compressed(compression)), _) => {
            let detail = format!("the disk in it is a file that is compressed with {compression}");
            Flaw::new(FlawKind::Compressed, detail).with_remedy(PACKED)
        }
        (None | Some(DiskFormat::Luks), None) => return Ok(()),
        (_, Some(file)) => {
            let detail = format!("the disk in it is {}, and no disk", file.noun);
            Flaw::new(FlawKind::Unsupported, detail).with_remedy(OTHER)
        }
        (Some(format), None) => {
            let detail = format!("the disk in it is another file in the format {format}");
            Flaw::new(FlawKind::Unsupported, detail).with_remedy(NESTED)
        }
    };
    Err(flaw.into())
}
