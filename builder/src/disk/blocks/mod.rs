//! *Blocks*: most formats store a disk in blocks of one length, and tables with the location of each
//! block in the file. This module has what those formats share.
//!
//! - `mapped`: the disk, found through the tables of its format
//! - `tables`: entries of tables, read in pages
//! - `compressed`: blocks that are compressed, each by itself
//! - `recent`: pages and blocks that were used last

mod compressed;
mod mapped;
mod recent;
mod tables;

use std::io;

pub(super) use self::compressed::{BlockCodec, CompressedBlock};
pub(super) use self::mapped::{BlockLocation, BlockMap, MappedDisk};
pub(super) use self::recent::RecentBytes;
pub(super) use self::tables::TableReader;

/// Returns the error for an invalid table, found while the disk is read.
pub(super) fn invalid_data(detail: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, detail)
}

/// Returns the error for a block, called `what`, outside the file.
pub(super) fn outside_file(what: &str, index: u64, at: u64) -> io::Error {
    invalid_data(format!("{what} {index} at byte {at} lies outside the file"))
}
