//! The *partitions* of a disk, as its virtual machine sees them, and the boot loaders in them: they
//! tell which machine the disk is for.

mod cd;
mod fat;
mod gpt;
mod mbr;
mod pe;

use std::io;
use std::sync::Arc;

use super::{Fault, FlawKind, Format, Info, ReadAt, guest};

/// What a machine without EFI finds on a disk.
const BIOS: &str = "amd64";

/// How many partitions are looked into.
const LOADERS_MAX: usize = 8;

/// A partition table.
#[derive(Debug, PartialEq, Eq)]
struct Table {
    /// What it is called.
    kind: &'static str,
    partitions: Vec<Partition>,
}

/// A partition that something is booted from.
#[derive(Debug, PartialEq, Eq)]
struct Partition {
    purpose: Purpose,
    /// In bytes.
    start: u64,
}

/// What a partition is for.
#[derive(Debug, PartialEq, Eq)]
enum Purpose {
    /// EFI's system partition, a FAT file system.
    Efi,
    /// Boot loader of POWER machines.
    Prep,
}

/// Adds to what is known of a disk what its partitions tell. What cannot be read, or made sense of,
/// is left alone: a disk need not have partitions.
pub(super) fn look(bytes: &dyn ReadAt, info: &mut Info) {
    let Ok(guest) = guest::open(Arc::new(bytes), info.format) else { return };
    match table(&*guest, info) {
        Ok(found) => {
            info.partitions = found.as_ref().map(|table| table.kind);
            let partitions = found.map(|table| table.partitions).unwrap_or_default();
            for partition in partitions.iter().take(LOADERS_MAX) {
                add_loaders(&*guest, partition, &mut info.boot);
            }
        }
        Err(Fault::Flaw(flaw)) => info.flaws.push(flaw),
        Err(Fault::Io(_)) => {}
    }
    if info.format == Format::Iso {
        cd::loaders(&*guest, &mut info.boot).unwrap_or_default();
    }
    if info.boot.is_empty() && mbr::has_bios_loader(&*guest).unwrap_or(false) {
        info.boot.push(BIOS);
    }
}

fn table(disk: &dyn ReadAt, info: &mut Info) -> Result<Option<Table>, Fault> {
    let Some(table) = mbr::read(disk)? else { return Ok(None) };
    if table.is_protective() {
        info.partitions = Some("gpt");
        return gpt::read(disk).map(Some);
    }
    // The partitions of an image for both CD and USB stick end where a cylinder of the stick would.
    if info.format != Format::Iso {
        info.partitions = Some("mbr");
        table.check_end(disk)?;
    }
    Ok(Some(Table { kind: "mbr", partitions: table.bootable() }))
}

fn add_loaders(disk: &dyn ReadAt, partition: &Partition, boot: &mut Vec<&'static str>) {
    let found = match partition.purpose {
        Purpose::Efi => fat::loaders(disk, partition.start).unwrap_or_default(),
        Purpose::Prep => vec!["ppc64le"],
    };
    for machine in found {
        add(boot, machine);
    }
}

fn add(boot: &mut Vec<&'static str>, machine: &'static str) {
    if !boot.contains(&machine) {
        boot.push(machine);
    }
}

fn truncated(disk: &dyn ReadAt, what: &str, end: u64) -> Fault {
    let detail = format!("{what} ends at byte {end}, and the disk has {}", disk.len());
    Fault::new(FlawKind::Truncated, detail)
}

/// Reads what may lie behind the end, or be nonsense.
fn some<const LEN: usize>(disk: &dyn ReadAt, at: u64) -> io::Result<[u8; LEN]> {
    let mut space = [0; LEN];
    disk.read_exact_at(&mut space, at)?;
    Ok(space)
}
