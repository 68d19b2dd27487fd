//! What a disk's *name* promises.

use super::{Flaw, FlawKind, Format, Info};

/// Returns what is wrong with a disk that has this name, if anything is: a name that says a format
/// which it has not. Endings that say none (`.img`, `.raw`, `.bin`) are for every disk.
pub fn misnamed(name: &str, info: &Info) -> Option<Flaw> {
    let (_, ending) = name.rsplit_once('.')?;
    let is_right = match ending.to_ascii_lowercase().as_str() {
        "qcow2" => info.format == Format::Qcow2,
        "qed" => info.format == Format::Qed,
        "vmdk" => info.format == Format::Vmdk,
        // What has its footer only at its end is raw for QEMU.
        "vhd" | "vpc" => matches!(info.format, Format::Vhd | Format::Raw),
        "vhdx" => info.format == Format::Vhdx,
        "vdi" => info.format == Format::Vdi,
        _ => return None,
    };
    let detail = format!("it is called .{ending}, and its content is {}", info.format);
    (!is_right).then_some(Flaw::new(FlawKind::Misnamed, detail))
}
