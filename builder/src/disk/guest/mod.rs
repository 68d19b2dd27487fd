//! The *guest's* view of a disk: the bytes that a virtual machine reads from it, for files in any
//! format.
//!
//! Only the requested bytes and the tables that lead to them are read; a few tables and decompressed
//! clusters are cached. Threads can share one guest.

mod chain;
mod error;
#[cfg(test)]
mod tests;

use std::sync::Arc;

pub(crate) use self::chain::open_chain;
pub use self::error::GuestError;

use super::{DiskFiles, DiskFormat, Fault, ReadAt, probe, qcow2, raw, vdi, vhd, vhdx, vmdk};

/// Returns whether a file has none of its disk's data, which is in the files that it names.
pub(crate) fn is_split(file: &dyn ReadAt, format: DiskFormat) -> bool {
    format == DiskFormat::Vmdk && vmdk::is_descriptor(file)
}

/// Returns a file with the changes that its format keeps in a log; `None` if there are none.
pub(crate) fn replay_log<'a>(
    file: &Arc<dyn ReadAt + 'a>,
) -> Result<Option<Arc<dyn ReadAt + 'a>>, Fault> {
    if probe::probe_format(&**file)? != DiskFormat::Vhdx {
        return Ok(None);
    }
    Ok(vhdx::replay_log(file)?.map(|replayed| Arc::new(replayed) as Arc<dyn ReadAt + 'a>))
}

/// Opens a disk that is split into several files, as its virtual machine sees it.
pub(crate) fn open_split<'a>(
    file: &dyn ReadAt,
    files: &mut dyn DiskFiles<'a>,
) -> Result<Arc<dyn ReadAt + 'a>, Fault> {
    vmdk::open_split(file, files)
}

/// Opens a disk of any format, which its first bytes show, as its virtual machine sees it.
pub fn open_any<'a>(
    file: Arc<dyn ReadAt + 'a>,
) -> Result<(DiskFormat, Box<dyn ReadAt + 'a>), GuestError> {
    let format = probe::probe_format(&*file)?;
    Ok((format, open(file, format)?))
}

/// Opens a disk as its virtual machine sees it: [`ReadAt::len`] is the virtual size.
///
/// A disk that needs another file (a backing file, extents of a VMDK) or a key is refused; other flaws
/// of the file are errors of the reads that meet them.
pub fn open<'a>(
    file: Arc<dyn ReadAt + 'a>,
    format: DiskFormat,
) -> Result<Box<dyn ReadAt + 'a>, GuestError> {
    Ok(match format {
        DiskFormat::Raw | DiskFormat::Iso => Box::new(raw::open(file)),
        DiskFormat::Qcow2 => Box::new(qcow2::open(file)?),
        DiskFormat::Vmdk => Box::new(vmdk::open(file)?.ok_or(GuestError::Unsupported(format))?),
        DiskFormat::Vhd => vhd::open(file)?,
        DiskFormat::Vhdx => Box::new(vhdx::open(file)?),
        DiskFormat::Vdi => Box::new(vdi::open(file)?),
        _ => return Err(GuestError::Unsupported(format)),
    })
}
