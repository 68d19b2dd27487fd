//! The *name* of a disk: its suffix implies a format, its end a part of a VMDK.

use super::refusals::NAME_THE_DESCRIPTOR;
use super::{DiskFormat, DiskInfo, Flaw, FlawKind};
use crate::compression::CompressionFormat;

/// How the names of disks end.
const EXTENSIONS: [&str; 9] = ["qcow2", "img", "raw", "vmdk", "vhd", "vhdx", "vdi", "iso", "qcow"];

/// Returns whether a name ends as those of disks do.
pub fn has_disk_extension(name: &str) -> bool {
    let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension);
    EXTENSIONS.iter().any(|known| known.eq_ignore_ascii_case(extension))
}

/// Returns the name of a file without the suffix of its compression.
pub(crate) fn without_compression(name: &str) -> &str {
    CompressionFormat::from_name(name).map_or(name, |format| format.strip_suffix(name))
}

/// How the names of a VMDK's parts end, before `.vmdk`, by their kind; some have a number.
const PART_KINDS: [&str; 6] = ["-flat", "-delta", "-sesparse", "-s", "-f", "-c"];

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

/// Returns the name of the descriptor of a VMDK by that of a part: `vm.vmdk` for `vm-s001.vmdk`.
pub(crate) fn vmdk_descriptor_name(file: &str) -> Option<String> {
    let stem = file.strip_suffix(".vmdk")?;
    let name = stem.trim_end_matches(|c: char| c.is_ascii_digit());
    let whole = PART_KINDS.iter().find_map(|kind| name.strip_suffix(kind))?;
    (!whole.is_empty()).then(|| format!("{whole}.vmdk"))
}

/// Returns whether VMware names one of several extents without a header like this: `vm-f001.vmdk`.
fn is_flat_extent(name: &str) -> bool {
    let number = name.rsplit_once("-f").map_or("", |(_, rest)| rest);
    let number = number.split_once('.').map_or("", |(number, _)| number);
    number.len() >= 3 && number.bytes().all(|byte| byte.is_ascii_digit())
}

/// Returns the name that the disk of an archive gets, `vm.img` for `vm.tar.gz`; `None` if a file is
/// not named as a tar or an OVA.
pub fn archived_disk_name(file: &str) -> Option<String> {
    let end = |name: &str, end: &str| {
        let at = name.len().checked_sub(end.len()).filter(|at| *at > 0)?;
        name.get(at..).filter(|tail| tail.eq_ignore_ascii_case(end))?;
        name.get(..at).map(|stem| format!("{stem}.img"))
    };
    let tar = CompressionFormat::from_name(file).map_or(file, |format| format.strip_suffix(file));
    end(file, ".ova").or_else(|| end(file, ".tgz")).or_else(|| end(tar, ".tar"))
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

    #[test]
    fn descriptors_are_named_after_their_parts() {
        let check = |file: &str, expected: Option<&str>| {
            assert_eq!(vmdk_descriptor_name(file).as_deref(), expected, "{file}");
        };
        check("vm-s001.vmdk", Some("vm.vmdk"));
        check("d/vm-f012.vmdk", Some("d/vm.vmdk"));
        check("vm-flat.vmdk", Some("vm.vmdk"));
        check("vm-000001-s003.vmdk", Some("vm-000001.vmdk"));
        check("vm-000001-sesparse.vmdk", Some("vm-000001.vmdk"));
        check("vm-disk1.vmdk", None);
        check("-s001.vmdk", None);
        check("vm-s001.img", None);
    }
}
