//! A *disk* is what a virtual machine boots from, as a file: raw, or in one of the formats that
//! QEMU reads. This module knows them by their bytes alone: what kind of file it is, how large the
//! disk in it is, and what about it keeps KubeVirt or CDI from using it.
//!
//! Files come from anywhere: nothing here allocates by a length that a file tells, reads outside
//! the file, or takes longer for a hostile file than for a good one.

mod blocks;
mod bytes;
pub mod convert;
mod extent;
mod flaw;
mod foreign;
mod format;
pub mod guest;
mod name;
mod partitions;
mod probe;
pub mod qcow2;
mod raw;
mod start;
mod vdi;
mod vhd;
mod vhdx;
mod vmdk;

use std::io;
use std::sync::Arc;

use serde::Serialize;

use crate::compression::CompressionFormat;

pub use bytes::Fault;
pub(crate) use extent::is_zero;
pub use extent::{Extent, ExtentKind};
pub use flaw::{Flaw, FlawKind, Weight};
pub use format::Format;
pub use name::misnamed;
pub use start::Start;

/// How many of a disk's first bytes [`examine`] is content with, where no more of it can be had.
pub const START_LEN: usize = 1 << 20;

/// Bytes that can be read in any order.
pub trait ReadAt: Send + Sync {
    /// Returns how many bytes there are.
    fn len(&self) -> u64;

    /// Fills `space` with the bytes from `at` on. What lies behind the end, or is not to be had
    /// (see [`Start`]), is [`io::ErrorKind::UnexpectedEof`].
    fn read_exact_at(&self, space: &mut [u8], at: u64) -> io::Result<()>;

    /// Tells what is known of the bytes from `at` on without reading them: at least one byte, or
    /// none at the end.
    fn extent(&self, at: u64) -> io::Result<Extent> {
        Ok(Extent::data(self.len().saturating_sub(at)))
    }

    /// Tells whether there is no byte.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<T: ReadAt + ?Sized> ReadAt for &T {
    fn len(&self) -> u64 {
        (**self).len()
    }

    fn read_exact_at(&self, space: &mut [u8], at: u64) -> io::Result<()> {
        (**self).read_exact_at(space, at)
    }

    fn extent(&self, at: u64) -> io::Result<Extent> {
        (**self).extent(at)
    }
}

impl<T: ReadAt + ?Sized> ReadAt for Arc<T> {
    fn len(&self) -> u64 {
        (**self).len()
    }

    fn read_exact_at(&self, space: &mut [u8], at: u64) -> io::Result<()> {
        (**self).read_exact_at(space, at)
    }

    fn extent(&self, at: u64) -> io::Result<Extent> {
        (**self).extent(at)
    }
}

impl ReadAt for [u8] {
    fn len(&self) -> u64 {
        <[u8]>::len(self) as u64
    }

    fn read_exact_at(&self, space: &mut [u8], at: u64) -> io::Result<()> {
        let bytes = usize::try_from(at).ok().and_then(|at| self.get(at..)?.get(..space.len()));
        space.copy_from_slice(bytes.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }
}

impl ReadAt for Vec<u8> {
    fn len(&self) -> u64 {
        ReadAt::len(&self[..])
    }

    fn read_exact_at(&self, space: &mut [u8], at: u64) -> io::Result<()> {
        self[..].read_exact_at(space, at)
    }
}

/// What a disk is, as far as the bytes tell that could be had.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Info {
    /// What kind of file it is.
    pub format: Format,
    /// Of the disk that a virtual machine sees, in bytes.
    pub virtual_size: u64,
    /// Of the file, in bytes.
    pub file_size: u64,
    /// How many bytes of the virtual disk the file's own tables say that it holds data for. Nothing
    /// where the format has no such tables, or they could not be had.
    pub allocated: Option<u64>,
    /// How the format packs its clusters, as the format calls it (`zlib`, `zstd`, `deflate`);
    /// nothing where they lie plain, or nothing is known of it.
    pub cluster_compression: Option<&'static str>,
    /// `gpt`, `mbr` or nothing, as the virtual machine sees it.
    pub partitions: Option<&'static str>,
    /// GOARCH names of the machines that the boot loaders on it are for, where they can be seen.
    pub boot: Vec<&'static str>,
    /// What is wrong with it, worst first.
    pub flaws: Vec<Flaw>,
}

impl Info {
    /// Tells whether the boot loaders on it are for a machine of this GOARCH, as far as any are seen;
    /// PCs of 64 bits start what is for 32.
    pub fn boots_on(&self, architecture: &str) -> bool {
        let fits = |machine: &&str| {
            *machine == architecture || (*machine, architecture) == ("386", "amd64")
        };
        self.boot.is_empty() || self.boot.iter().any(fits)
    }
}

/// Looks at a disk. It is an error only if it cannot be read: whatever it holds is told.
pub fn examine(bytes: &dyn ReadAt) -> io::Result<Info> {
    let format = probe::probe(bytes)?;
    let mut info = Info {
        format,
        // QEMU counts the last sector as a whole one.
        virtual_size: bytes.len().checked_next_multiple_of(512).unwrap_or(u64::MAX),
        file_size: bytes.len(),
        allocated: None,
        cluster_compression: None,
        partitions: None,
        boot: Vec::new(),
        flaws: Vec::new(),
    };
    let examined = match format {
        Format::Raw | Format::Iso => raw::examine(bytes, &mut info),
        Format::Qcow2 => qcow2::examine(bytes, &mut info),
        Format::Packed(packing) => Err(packed(packing).into()),
        Format::Vmdk => vmdk::examine(bytes, &mut info),
        Format::Vhd => vhd::examine(bytes, &mut info),
        Format::Vhdx => vhdx::examine(bytes, &mut info),
        Format::Vdi => vdi::examine(bytes, &mut info),
        Format::Qcow | Format::Qed | Format::Luks | Format::Parallels | Format::Bochs => {
            foreign::examine(bytes, &mut info)
        }
    };
    if let Err(fault) = examined {
        info.flaws.extend(fault.flaw(bytes)?);
    }
    let is_known = info.flaws.iter().any(|flaw| flaw.kind == FlawKind::CdiOnly);
    if matches!(format, Format::Vmdk | Format::Vhd | Format::Vhdx | Format::Vdi) && !is_known {
        info.flaws.push(cdi_only(format));
    }
    if !info.flaws.iter().any(|flaw| flaw.kind.hides_the_guest()) {
        partitions::look(bytes, &mut info);
    }
    info.flaws.sort_by_key(|flaw| flaw.kind.weight());
    Ok(info)
}

fn packed(packing: CompressionFormat) -> Flaw {
    let detail = format!("it is packed with {packing}");
    Flaw { kind: FlawKind::Packed, detail }
}

fn cdi_only(format: Format) -> Flaw {
    let detail = format!("its format is {format}: CDI converts it, KubeVirt does not take it");
    Flaw { kind: FlawKind::CdiOnly, detail }
}
