//! *Examining* a disk: its format is probed, and the format's own examination says the rest.

use std::io;

use super::{
    Fault, FlawKind, Format, Info, ReadAt, foreign, partitions, probe, qcow2, raw, refusals,
    sector, vdi, vhd, vhdx, vmdk,
};

/// How many of a disk's first bytes [`examine`] is content with, where no more of it can be had.
pub const START_LEN: usize = 1 << 20;

/// Looks at a disk. It is an error only if it cannot be read: whatever it holds is told.
pub fn examine(bytes: &dyn ReadAt) -> io::Result<Info> {
    let format = probe::probe(bytes)?;
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
        info.flaws.extend(fault.flaw(bytes)?);
    }
    let is_known = info.flaws.iter().any(|flaw| flaw.kind == FlawKind::CdiOnly);
    if matches!(format, Format::Vmdk | Format::Vhd | Format::Vhdx | Format::Vdi) && !is_known {
        info.flaws.push(refusals::cdi_only(format));
    }
    if !info.flaws.iter().any(|flaw| flaw.kind.hides_the_guest()) {
        partitions::look(bytes, &mut info);
    }
    Ok(info)
}

fn examine_format(bytes: &dyn ReadAt, info: &mut Info) -> Result<(), Fault> {
    match info.format {
        Format::Raw | Format::Iso => raw::examine(bytes, info),
        Format::Qcow2 => qcow2::examine(bytes, info),
        Format::Packed(compression) => {
            Err(Fault::new(FlawKind::Packed, format!("it is packed with {compression}")))
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
