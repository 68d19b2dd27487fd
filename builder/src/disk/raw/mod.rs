//! *Raw* files: the disk itself, byte for byte, and so is an ISO 9660 file system.
//!
//! - `content`: a raw file has no header, so what is in it shows whether it is a disk
//! - `iso`: where a file has an ISO 9660 file system, and whether all of it is there
//! - `map`: a disk that lies at the beginning of a file

mod content;
mod iso;
mod map;

use std::sync::Arc;

pub(super) use self::content::examine;
pub(super) use self::iso::{BLOCK_LEN as ISO_BLOCK_LEN, detect as is_iso};
pub(super) use self::map::FlatDisk;
use super::read_at::ReadAt;
use super::sector;

/// Opens the disk that a file is.
pub(super) fn open<'a>(file: Arc<dyn ReadAt + 'a>) -> FlatDisk<'a> {
    let len = sector::round_up(file.len());
    FlatDisk::new(file, len)
}
