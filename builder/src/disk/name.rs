//! The *name* of a disk, whose suffix implies a format.

use super::{DiskFormat, DiskInfo, Flaw, FlawKind};

/// Returns the flaw of a name whose suffix is that of another format. Suffixes of no particular
/// format (`.img`, `.raw`, `.bin`) suit every disk.
pub fn find_misnaming(name: &str, info: &DiskInfo) -> Option<Flaw> {
    let (_, ending) = name.rsplit_once('.')?;
    let is_right = match ending.to_ascii_lowercase().as_str() {
        "qcow2" => info.format == DiskFormat::Qcow2,
        "qed" => info.format == DiskFormat::Qed,
        "vmdk" => info.format == DiskFormat::Vmdk,
        // QEMU treats a VHD that has only a footer as raw.
        "vhd" | "vpc" => matches!(info.format, DiskFormat::Vhd | DiskFormat::Raw),
        "vhdx" => info.format == DiskFormat::Vhdx,
        "vdi" => info.format == DiskFormat::Vdi,
        _ => return None,
    };
    let detail = format!("it is called .{ending}, and its content is {}", info.format);
    (!is_right).then_some(Flaw::new(FlawKind::Misnamed, detail))
}
