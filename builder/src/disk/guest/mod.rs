//! The *guest's* view of a disk: the bytes that a virtual machine reads from it, whatever the
//! format of the file is that holds them.
//!
//! Nothing is read but what is asked for and the tables that lead to it; of tables and of clusters
//! that were unpacked a few are kept. Threads can share one guest.

mod error;
mod raw;

use std::sync::Arc;

pub use error::GuestError;

use super::{Format, ReadAt};
use raw::Raw;

/// Opens a disk of a format, as the virtual machine sees it: [`ReadAt::len`] is its virtual size.
///
/// What needs another file (a backing file, extents of a VMDK) or a key is refused; what else is
/// wrong with the file is told when it is met.
pub fn open<'a>(
    file: Arc<dyn ReadAt + 'a>,
    format: Format,
) -> Result<Box<dyn ReadAt + 'a>, GuestError> {
    match format {
        Format::Raw | Format::Iso => Ok(Box::new(Raw::new(file))),
        _ => Err(GuestError::Unsupported(format)),
    }
}
