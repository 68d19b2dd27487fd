//! The *guest's* view of a disk: the bytes that a virtual machine reads from it, whatever the
//! format of the file is that holds them.
//!
//! Nothing is read but what is asked for and the tables that lead to it; of tables and of clusters
//! that were unpacked a few are kept. Threads can share one guest.

mod error;
#[cfg(test)]
mod tests;

use std::io;
use std::sync::Arc;

pub use error::GuestError;

use super::bytes::Fault;
use super::{Flaw, FlawKind, Format, Info, ReadAt};
use crate::disk::blocks::mapped::{Map, Mapped};
use crate::disk::blocks::tables::Tables;
use crate::disk::raw::map::Raw;
use crate::disk::{qcow2, vdi, vhd, vhdx, vmdk};

/// Opens a disk of a format, as the virtual machine sees it: [`ReadAt::len`] is its virtual size.
///
/// What needs another file (a backing file, extents of a VMDK) or a key is refused; what else is
/// wrong with the file is told when it is met.
pub fn open<'a>(
    file: Arc<dyn ReadAt + 'a>,
    format: Format,
) -> Result<Box<dyn ReadAt + 'a>, GuestError> {
    Ok(match locate(&file, format)? {
        Bytes::First(len) => Box::new(Raw::new(file, len)),
        Bytes::Mapped(map) => Box::new(Mapped::new(file, map)),
    })
}

/// Adds what the tables of a disk tell whose header is good: how much is allocated, and whether it
/// lies in the file.
pub(super) fn examine(bytes: &dyn ReadAt, info: &mut Info) -> Result<(), Fault> {
    let map = match locate(&(Arc::new(bytes) as Arc<dyn ReadAt>), info.format) {
        Ok(Bytes::Mapped(map)) => map,
        Ok(Bytes::First(_)) | Err(GuestError::Flaw(_) | GuestError::Unsupported(_)) => {
            return Ok(());
        }
        Err(GuestError::Io(error)) => return Err(error.into()),
    };
    match Mapped::new(Arc::new(bytes), map).allocated() {
        Ok(allocated) => info.allocated = allocated,
        Err(error) if error.kind() == io::ErrorKind::InvalidData => {
            return Err(Flaw::new(FlawKind::OutsideFile, error.to_string()).into());
        }
        Err(error) => return Err(error.into()),
    }
    if info.allocated == Some(0) {
        let detail = "no byte of the disk in it was ever written";
        info.flaws.push(Flaw::new(FlawKind::Blank, detail));
    }
    Ok(())
}

/// Where the bytes of a disk are.
enum Bytes<'a> {
    /// They are the first of the file, as many.
    First(u64),
    /// Tables say where.
    Mapped(Box<dyn Map + 'a>),
}

fn locate<'a>(file: &Arc<dyn ReadAt + 'a>, format: Format) -> Result<Bytes<'a>, GuestError> {
    let tables = Tables::new(Arc::clone(file));
    Ok(Bytes::Mapped(match format {
        Format::Raw | Format::Iso => {
            // QEMU fills up the last sector with zeros.
            let len = file.len().checked_next_multiple_of(512).unwrap_or(file.len());
            return Ok(Bytes::First(len));
        }
        Format::Qcow2 => {
            let header = qcow2::Header::read(&**file)?;
            Box::new(qcow2::map::Qcow2::new(tables, header)?)
        }
        Format::Vmdk => {
            let header = vmdk::Header::parse(&**file)?;
            refuse(header.flaws)?;
            let grains = header.grains.ok_or(GuestError::Unsupported(format))?;
            Box::new(vmdk::map::Vmdk::new(tables, header.virtual_size, grains))
        }
        Format::Vhd => {
            let header = vhd::Header::parse(&**file)?;
            refuse(header.flaws)?;
            match header.table {
                None => return Ok(Bytes::First(header.virtual_size)),
                Some(table) => Box::new(vhd::map::Vhd::new(tables, header.virtual_size, table)),
            }
        }
        Format::Vhdx => {
            let mut header = vhdx::Header::parse(&**file)?;
            refuse(std::mem::take(&mut header.flaws))?;
            Box::new(vhdx::map::Vhdx::new(tables, header))
        }
        Format::Vdi => {
            let mut header = vdi::Header::parse(&**file)?;
            refuse(std::mem::take(&mut header.flaws))?;
            Box::new(vdi::map::Vdi::new(tables, header))
        }
        _ => return Err(GuestError::Unsupported(format)),
    }))
}

fn refuse(flaws: Vec<Flaw>) -> Result<(), GuestError> {
    flaws.into_iter().next().map_or(Ok(()), |flaw| Err(GuestError::Flaw(flaw)))
}

pub(super) fn invalid(detail: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, detail)
}
