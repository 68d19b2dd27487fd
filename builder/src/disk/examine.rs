//! *Examines* a disk: finds its format, and lets the module of that format add what it knows.

use std::io;

use super::{
    Fault, FlawKind, Format, Info, ReadAt, foreign, partitions, probe, qcow2, raw, refusals,
    sector, vdi, vhd, vhdx, vmdk,
};

/// How many of a disk's first bytes are enough for [`examine`] where the rest is not available.
pub const START_LEN: usize = 1 << 20;

/// Examines a disk. Fails only if the file cannot be read: everything wrong with its content is
/// reported as a flaw.
pub fn examine(bytes: &dyn ReadAt) -> io::Result<Info> {
    let format = probe::probe_format(bytes)?;
    let mut info = Info {
        format,
        virtual_size: sector::round_up(bytes.len()),
        file_size: bytes.len(),
        allocated: None,
        cluster_compression: None,
        partitions: None,
        boot: Vec::new(),
        flaws: Vec::new(),
    };
    if let Err(fault) = examine_format(bytes, &mut info) {
        info.flaws.extend(fault.into_flaw(bytes)?);
    }
    let is_known = info.flaws.iter().any(|flaw| flaw.kind == FlawKind::CdiOnly);
    if matches!(format, Format::Vmdk | Format::Vhd | Format::Vhdx | Format::Vdi) && !is_known {
        info.flaws.push(refusals::cdi_only_format(format));
    }
    if !info.flaws.iter().any(|flaw| flaw.kind.prevents_reading()) {
        partitions::examine_partitions(bytes, &mut info);
    }
    Ok(info)
}

fn examine_format(bytes: &dyn ReadAt, info: &mut Info) -> Result<(), Fault> {
    match info.format {
        Format::Raw | Format::Iso => raw::examine(bytes, info),
        Format::Qcow2 => qcow2::examine(bytes, info),
        Format::Packed(compression) => {
            Err(Fault::new(FlawKind::Compressed, format!("it is packed with {compression}")))
        }
        Format::Vmdk => vmdk::examine(bytes, info),
        Format::Vhd => vhd::examine(bytes, info),
        Format::Vhdx => vhdx::examine(bytes, info),
        Format::Vdi => vdi::examine(bytes, info),
        Format::Qcow | Format::Qed | Format::Luks | Format::Parallels | Format::Bochs => {
            foreign::examine(bytes, info)
        }
    }
}
