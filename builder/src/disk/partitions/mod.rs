//! The *partitions* of a disk, as its virtual machine sees them, and the boot loaders in them, which
//! show the machines that the disk can boot.
//!
//! - `mbr`, `gpt`: the two kinds of partition tables
//! - `fat`: the file system of EFI's system partition
//! - `cd`: the boot catalogue of a CD
//! - `pe`: the programs that EFI starts
//! - `firmware`: whether a disk boots by UEFI alone
//! - `relocate`: the partition table of a disk that gets larger

mod cd;
mod fat;
mod firmware;
mod gpt;
mod mbr;
mod pe;
mod relocate;

pub(super) use fat::FatLayout;
pub(crate) use firmware::{UefiBoot, find_uefi_boot};
pub(super) use relocate::relocate_gpt;

use super::sector::SECTOR_LEN;
use super::{DiskFormat, DiskInfo, Fault, Flaw, FlawKind, ReadAt};

/// GOARCH name of a machine that boots through a BIOS.
const BIOS: &str = "amd64";

/// How many partitions are searched for boot loaders.
const LOADERS_MAX: usize = 8;

/// A partition table.
#[derive(Debug, PartialEq, Eq)]
struct PartitionTable {
    /// `gpt` or `mbr`.
    kind: &'static str,
    /// Length in bytes of the sectors that the table counts in.
    sector_len: u64,
    /// The partitions in the order of the table, without those in an extended partition.
    partitions: Vec<Partition>,
    /// Whether a partition is marked for code that a BIOS starts.
    has_bios_partition: bool,
}

/// A partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Partition {
    /// Number by which systems call it, from 1.
    pub(super) number: u32,
    purpose: Purpose,
    /// Where the partition begins on the disk, in bytes.
    pub(super) start: u64,
    /// Length in bytes, as the table has it.
    pub(super) len: u64,
}

/// The purpose of a partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Purpose {
    /// EFI's system partition, a FAT file system.
    Efi,
    /// A `PReP` partition, which holds the boot loader of POWER machines.
    Prep,
    /// Any other.
    Other,
}

impl Partition {
    /// Returns whether the partition can hold boot loaders.
    fn is_bootable(&self) -> bool {
        self.purpose != Purpose::Other
    }
}

/// Adds the partition table of a disk, as its virtual machine sees it, and the machines of the boot
/// loaders. `content` is whether the disk has an ISO 9660 file system, whatever the format of its
/// file. Content that cannot be read or parsed is ignored, for a disk need not have partitions; a
/// table that exceeds the disk is a flaw.
pub(super) fn examine_partitions(guest: &dyn ReadAt, content: DiskFormat, info: &mut DiskInfo) {
    match find_known_table(guest, content, info) {
        Ok(found) => {
            info.flaws.extend(found.as_ref().and_then(long_sectors));
            info.partitions = found.as_ref().map(|table| table.kind);
            let partitions = found.map(|table| table.partitions).unwrap_or_default();
            let bootable = partitions.iter().filter(|partition| partition.is_bootable());
            for partition in bootable.take(LOADERS_MAX) {
                add_loaders(guest, partition, &mut info.boot);
            }
        }
        Err(Fault::Flaw(flaw)) => info.flaws.push(flaw),
        Err(Fault::Io(_)) => {}
    }
    if content == DiskFormat::Iso {
        cd::add_loader_machines(guest, &mut info.boot).unwrap_or_default();
    }
    if info.boot.is_empty() && mbr::has_bios_loader(guest).unwrap_or(false) {
        info.boot.push(BIOS);
    }
}

/// Reads the partition table, if there is one.
fn find_table(disk: &dyn ReadAt) -> Result<Option<PartitionTable>, Fault> {
    mbr::read_mbr(disk)?.map(|mbr| read_table(disk, mbr)).transpose()
}

/// Lists all partitions of a disk, also those in an extended partition; `None` if the disk has no table.
pub(super) fn list_partitions(disk: &dyn ReadAt) -> Result<Option<Vec<Partition>>, Fault> {
    let Some(mbr) = mbr::read_mbr(disk)? else { return Ok(None) };
    if mbr.is_protective() {
        return Ok(Some(gpt::read_gpt(disk)?.partitions));
    }
    let logical = mbr.list_logical(disk)?;
    let mut partitions = mbr.into_table().partitions;
    partitions.extend(logical);
    Ok(Some(partitions))
}

/// Reads the partition table. Its kind is added to `info` even if the table is damaged.
fn find_known_table(
    disk: &dyn ReadAt,
    content: DiskFormat,
    info: &mut DiskInfo,
) -> Result<Option<PartitionTable>, Fault> {
    let Some(mbr) = mbr::read_mbr(disk)? else { return Ok(None) };
    if mbr.is_protective() {
        info.partitions = Some("gpt");
    } else if content != DiskFormat::Iso {
        // The partitions of a hybrid image, for CD and USB stick, end at a cylinder of the stick,
        // which may lie behind the end of the file.
        info.partitions = Some("mbr");
        mbr.check_end(disk)?;
    }
    read_table(disk, mbr).map(Some)
}

/// Reads the table that the first sector announces.
fn read_table(disk: &dyn ReadAt, mbr: mbr::Mbr) -> Result<PartitionTable, Fault> {
    if mbr.is_protective() { gpt::read_gpt(disk) } else { Ok(mbr.into_table()) }
}

/// Returns the flaw of a table that counts in longer sectors than those of a virtual machine's disk.
fn long_sectors(table: &PartitionTable) -> Option<Flaw> {
    let len = table.sector_len;
    let detail = format!("its partition table is for sectors of {len} bytes");
    (len != SECTOR_LEN).then(|| Flaw::new(FlawKind::SectorSize, detail))
}

fn add_loaders(disk: &dyn ReadAt, partition: &Partition, boot: &mut Vec<&'static str>) {
    let found = match partition.purpose {
        Purpose::Efi => fat::find_loaders(disk, partition.start).unwrap_or_default(),
        Purpose::Prep => return add_machine(boot, "ppc64le"),
        Purpose::Other => return,
    };
    for loader in found {
        add_machine(boot, loader.machine);
    }
}

fn add_machine(boot: &mut Vec<&'static str>, machine: &'static str) {
    if !boot.contains(&machine) {
        boot.push(machine);
    }
}

/// Returns the flaw of a disk that is shorter than one of its tables says.
fn truncated_fault(disk: &dyn ReadAt, what: &str, end: u64) -> Fault {
    let detail = format!("{what} ends at byte {end}, and the disk has {}", disk.len());
    Fault::new(FlawKind::Truncated, detail)
}
