//! *Raw* files: the disk itself, byte for byte; an ISO 9660 file system is one, too.
//!
//! - `content`: a raw file has no header, so its content shows whether it is a disk
//! - `iso`: ISO 9660 file systems, and whether they are complete
//! - `map`: a disk at the beginning of a file

mod content;
mod iso;
mod map;

use std::sync::Arc;

pub(super) use self::content::{examine, is_blank, recognize_other_file};
pub(super) use self::iso::{
    BLOCK_LEN as ISO_BLOCK_LEN, check_end as check_iso_end, detect as is_iso,
};
pub(super) use self::map::FlatDisk;
use super::read_at::ReadAt;
use super::sector;

/// Opens a raw file as a disk.
pub(super) fn open<'a>(file: Arc<dyn ReadAt + 'a>) -> FlatDisk<'a> {
    let len = sector::round_up(file.len());
    FlatDisk::new(file, len)
}
