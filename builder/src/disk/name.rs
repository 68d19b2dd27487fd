//! The *name* of a disk, whose suffix implies a format.

use super::refusals::NAME_THE_DESCRIPTOR;
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
    if !is_right && is_flat_extent(name) && info.format == DiskFormat::Raw {
        let detail = "its name is that of one of the extents that a VMDK is split into";
        return Some(Flaw::new(FlawKind::DataFile, detail).with_remedy(NAME_THE_DESCRIPTOR));
    }
    let detail = format!("it is called .{ending}, and its content is {}", info.format);
    (!is_right).then_some(Flaw::new(FlawKind::Misnamed, detail))
}

/// Returns whether VMware names one of several extents without a header like this: `vm-f001.vmdk`.
fn is_flat_extent(name: &str) -> bool {
    let number = name.rsplit_once("-f").map_or("", |(_, rest)| rest);
    let number = number.split_once('.').map_or("", |(number, _)| number);
    number.len() >= 3 && number.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extents_are_known_by_name() {
        let check =
            |name: &str, expected: bool| assert_eq!(is_flat_extent(name), expected, "{name}");
        check("vm-f001.vmdk", true);
        check("a-f-f012.vmdk", true);
        check("vm-flat.vmdk", false);
        check("vm-f.vmdk", false);
        check("vm-f1.vmdk", false);
        check("vm-s001.vmdk", false);
    }
}
