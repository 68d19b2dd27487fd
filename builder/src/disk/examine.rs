//! *Examines* a disk: finds its format, and lets the module of that format add what it knows.

use std::io;
use std::sync::Arc;

use super::{
    DiskFormat, DiskInfo, Fault, FlawKind, ReadAt, foreign, guest, partitions, payload, probe,
    qcow2, raw, refusals, sector, vdi, vhd, vhdx, vmdk,
};

/// How many of a disk's first bytes are enough for [`examine`] where the rest is not available.
pub const START_LEN: usize = 1 << 20;

/// Examines a disk by its content alone, which is in several files: their headers are valid.
pub(crate) fn examine_guest_of(guest: &dyn ReadAt, file_size: u64, format: DiskFormat) -> DiskInfo {
    let mut info = new_info(format, guest.len(), file_size);
    if matches!(format, DiskFormat::Vmdk) {
        info.flaws.push(refusals::cdi_only_format(format));
    }
    examine_content(guest, &mut info);
    info
}

fn new_info(format: DiskFormat, virtual_size: u64, file_size: u64) -> DiskInfo {
    DiskInfo {
        format,
        virtual_size,
        file_size,
        allocated: None,
        cluster_compression: None,
        partitions: None,
        boot: Vec::new(),
        flaws: Vec::new(),
    }
}

/// Examines a disk. Fails only if the file cannot be read: everything wrong with its content is
/// reported as a flaw.
pub fn examine_disk(bytes: &dyn ReadAt) -> io::Result<DiskInfo> {
    let format = probe::probe_format(bytes)?;
    let mut info = new_info(format, sector::round_up(bytes.len()), bytes.len());
    if let Err(fault) = examine_format(bytes, &mut info) {
        info.flaws.extend(fault.into_flaw(bytes)?);
    }
    let is_known = info.flaws.iter().any(|flaw| flaw.kind == FlawKind::CdiOnly);
    if matches!(format, DiskFormat::Vmdk | DiskFormat::Vhd | DiskFormat::Vhdx | DiskFormat::Vdi)
        && !is_known
    {
        info.flaws.push(refusals::cdi_only_format(format));
    }
    if !info.flaws.iter().any(|flaw| flaw.kind.prevents_reading()) {
        examine_guest(bytes, &mut info);
    }
    Ok(info)
}

/// Adds what the disk shows that the virtual machine sees, as far as it is available.
fn examine_guest(bytes: &dyn ReadAt, info: &mut DiskInfo) {
    let Ok(guest) = guest::open(Arc::new(bytes), info.format) else { return };
    examine_content(&*guest, info);
}

fn examine_content(guest: &dyn ReadAt, info: &mut DiskInfo) {
    let content = match info.format {
        DiskFormat::Raw | DiskFormat::Iso => info.format,
        _ => match payload::check_payload(guest) {
            Ok(content) => content,
            Err(Fault::Flaw(flaw)) => {
                info.flaws.push(flaw);
                return;
            }
            // The bytes that show it are not available.
            Err(Fault::Io(_)) => DiskFormat::Raw,
        },
    };
    partitions::examine_partitions(guest, content, info);
}

fn examine_format(bytes: &dyn ReadAt, info: &mut DiskInfo) -> Result<(), Fault> {
    match info.format {
        DiskFormat::Raw | DiskFormat::Iso => raw::examine(bytes, info),
        DiskFormat::Qcow2 => qcow2::examine(bytes, info),
        DiskFormat::Compressed(compression) => {
            Err(Fault::new(FlawKind::Compressed, format!("it is compressed with {compression}")))
        }
        DiskFormat::Vmdk => vmdk::examine(bytes, info),
        DiskFormat::Vhd => vhd::examine(bytes, info),
        DiskFormat::Vhdx => vhdx::examine(bytes, info),
        DiskFormat::Vdi => vdi::examine(bytes, info),
        DiskFormat::Qcow
        | DiskFormat::Qed
        | DiskFormat::Luks
        | DiskFormat::Parallels
        | DiskFormat::Bochs => foreign::examine(bytes, info),
    }
}
