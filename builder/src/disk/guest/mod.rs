//! The *guest's* view of a disk: the bytes that a virtual machine reads from it, whatever the
//! format of the file is that holds them.
//!
//! Nothing is read but what is asked for and the tables that lead to it; of tables and of clusters
//! that were decompressed a few are kept. Threads can share one guest.

mod error;
#[cfg(test)]
mod tests;

use std::sync::Arc;

pub use self::error::GuestError;

use super::{Format, ReadAt, qcow2, raw, vdi, vhd, vhdx, vmdk};

/// Opens a disk of a format, as the virtual machine sees it: [`ReadAt::len`] is its virtual size.
///
/// What needs another file (a backing file, extents of a VMDK) or a key is refused; what else is
/// wrong with the file is told when it is met.
pub fn open<'a>(
    file: Arc<dyn ReadAt + 'a>,
    format: Format,
) -> Result<Box<dyn ReadAt + 'a>, GuestError> {
    Ok(match format {
        Format::Raw | Format::Iso => Box::new(raw::open(file)),
        Format::Qcow2 => Box::new(qcow2::open(file)?),
        Format::Vmdk => Box::new(vmdk::open(file)?.ok_or(GuestError::Unsupported(format))?),
        Format::Vhd => vhd::open(file)?,
        Format::Vhdx => Box::new(vhdx::open(file)?),
        Format::Vdi => Box::new(vdi::open(file)?),
        _ => return Err(GuestError::Unsupported(format)),
    })
}
