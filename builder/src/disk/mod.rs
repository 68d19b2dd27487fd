//! A *disk* is what a virtual machine boots from, as a file: raw, or in one of the formats that
//! QEMU reads. This wing knows disks by their bytes alone: which format a file has, how large the
//! disk in it is, what keeps KubeVirt or CDI from using it, and the bytes that its virtual machine
//! reads.
//!
//! Files come from anywhere: nothing here allocates by a length that a file declares, reads outside
//! the file, or takes longer for a hostile file than for a good one.
//!
//! - [`convert`]: a disk in another format, made while it is read
//! - `examine`: the facts about a disk in any format
//! - `payload`: what is in a file in a format, and whether it is a disk
//! - `partitions`: partition tables, and the boot loaders in the partitions
//! - `volumes`: the partitions of a disk and what is in them, by their `signatures`; `file_system`: the files in a volume
//! - [`guest`]: the disk as its virtual machine sees it, for files in any format
//! - `probe`: the format of a file
//! - [`qcow2`], `raw`, `vdi`, `vhd`, `vhdx`, `vmdk`: a format each: its header, and the
//!   location of the disk's bytes
//! - `foreign`: formats that are recognized and not read
//! - `blocks`: what the formats share that keep a disk in blocks
//! - `files`: the other files of a disk; `joined`: parts of files as one disk
//! - [`ovf`]: the description of a machine and its disks
//! - `chunks`: contents in chunks by what is in them, as layers in zstd:chunked have them
//! - `name`: the format that a file's name implies
//! - `discard`: a disk whose free space is read as zeros
//! - `resize`: a disk that gets larger while it is read; `patched`: other bytes in place of some
//! - `info`: the facts that are found out about a disk
//! - `refusals`: flaws that several formats share
//! - `bytes`: numbers and parts of a file; `sector`: the unit that formats count in
//! - `fault`, `flaw`: why a part of a disk could not be read, and what is wrong with a disk
//! - `format`: the names of the formats
//! - `read_at`, `start`, `extent`: reading a disk or the available part of it, and finding zeros

mod blocks;
pub(crate) mod bytes;
pub(crate) mod chunks;
pub mod convert;
mod discard;
mod examine;
mod extent;
mod fault;
pub(crate) mod file_system;
mod files;
mod flaw;
mod foreign;
mod format;
pub mod guest;
mod info;
mod joined;
mod name;
pub mod ovf;
mod partitions;
mod patched;
mod payload;
mod probe;
pub mod qcow2;
mod raw;
mod read_at;
mod refusals;
mod resize;
mod sector;
pub(crate) mod signatures;
mod start;
#[cfg(test)]
mod test_image;
mod vdi;
mod vhd;
mod vhdx;
mod vmdk;
pub(crate) mod volumes;

pub(crate) use discard::{DiscardError, discard_free_space};
pub(crate) use examine::examine_guest_of;
pub use examine::{START_LEN, examine_disk};
pub(crate) use extent::is_zero;
pub use extent::{Extent, ExtentKind};
pub(crate) use fault::Fault;
pub(crate) use files::DiskFiles;
pub use flaw::{Flaw, FlawKind};
pub use format::DiskFormat;
pub use info::DiskInfo;
pub use joined::byte_ranges;
pub use name::{archived_disk_name, find_misnaming, has_disk_extension};
pub(crate) use name::{vmdk_descriptor_name, without_compression};
pub(crate) use partitions::{UefiBoot, find_uefi_boot};
pub use read_at::ReadAt;
pub use resize::DiskSize;
pub(crate) use resize::{ResizeError, resize_disk, rewriting_conversion};
pub(crate) use sector::SECTOR_LEN_MAX;
pub use start::DiskStart;
