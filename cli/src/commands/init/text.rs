//! The *text* of a spec for disks that were found, with comments for editing it.

use std::fmt::Write as _;

use diskette_builder::oci::image::platform::Platform;

use super::disks::{FoundDisk, KnownBy};

/// Returns the spec: one image of all disks if their platforms differ, else one image per disk.
pub(super) fn spec_text(disks: &[FoundDisk], image: Option<&str>) -> String {
    let mut platforms: Vec<&Platform> = disks.iter().map(|disk| &disk.platform).collect();
    platforms.sort();
    platforms.dedup();
    let head = "# yaml-language-server: $schema=https://raw.githubusercontent.com/diskette/diskette/main/spec-files/diskette.schema.json\n";
    if platforms.len() == disks.len() {
        let mut all: Vec<&FoundDisk> = disks.iter().collect();
        all.sort_by_key(|disk| &disk.platform);
        return format!("{head}{}", document_text(&all, image));
    }
    let mut names: Vec<String> = Vec::new();
    for disk in disks {
        let stem = stem(&disk.name);
        let name = image.map_or_else(|| repository_name(&stem), |image| format!("{image}-{stem}"));
        let same = names.iter().filter(|other| other.starts_with(&name)).count();
        names.push(if same == 0 { name } else { format!("{name}-{}", same + 1) });
    }
    let each = disks.iter().zip(&names).map(|(disk, name)| document_text(&[disk], Some(name)));
    format!(
        "{head}# Several disks are for one platform: each is an image of its own.\n{}",
        each.collect::<Vec<_>>().join("---\n")
    )
}

fn document_text(disks: &[&FoundDisk], image: Option<&str>) -> String {
    let mut text = "apiVersion: diskette/v1\n".to_owned();
    let own = disks.first().map(|disk| repository_name(&stem(&disk.name)));
    let image = image.map(str::to_owned).or(own).unwrap_or_default();
    // Writing to a string does not fail.
    let _ok = writeln!(text, "# The repository; `-t` replaces it.\nimage: {image}");
    text += "tags: [latest]\nplatforms:\n";
    for disk in disks {
        let why = match disk.known_by {
            KnownBy::BootLoader => "platform by the boot loader",
            KnownBy::Name => "platform by the file name",
            KnownBy::Nothing => "platform unknown, this machine's",
        };
        let _ok = writeln!(text, "  # {why}{}\n  {}:", describe_disk(disk), disk.platform);
        text += &platform_text(disk);
    }
    let preference = disks.iter().find_map(|disk| disk.preference());
    match preference {
        Some(preference) => {
            let _ok = writeln!(
                text,
                "# Defaults of virtual machines that use the image.\nkubevirt:\n  \
                 instancetype: u1.medium\n  preference: {preference}"
            );
        }
        None => {
            text += "# kubevirt:\n#   instancetype: u1.medium\n#   preference: fedora\n";
        }
    }
    text
}

fn platform_text(disk: &FoundDisk) -> String {
    let name = quoted(&disk.name);
    if disk.is_bootable() {
        return format!("    disk: {name}\n");
    }
    format!(
        "    # KubeVirt boots only raw and qcow2.\n    disk: {{ path: {name}, convert: qcow2 }}\n"
    )
}

/// Returns the comment that describes a disk.
fn describe_disk(disk: &FoundDisk) -> String {
    match (&disk.info, disk.compression) {
        (Some(info), _) => {
            let mib = info.virtual_size.div_ceil(1 << 20);
            format!("; {}, {mib} MiB", info.format.qemu_name())
        }
        (None, Some(compression)) => {
            format!("; compressed with {compression}, decompressed by the build")
        }
        (None, None) => String::new(),
    }
}

fn repository_name(name: &str) -> String {
    format!("quay.io/me/{name}")
}

/// Returns a valid repository name made from a file name.
fn stem(name: &str) -> String {
    let first = name.split('.').next().unwrap_or_default().to_lowercase();
    let parts = first.split(|c: char| !c.is_ascii_alphanumeric()).filter(|part| !part.is_empty());
    let stem = parts.collect::<Vec<_>>().join("-");
    if stem.is_empty() { "disk".into() } else { stem }
}

/// Quotes a name that YAML could read as something else.
fn quoted(name: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    let starts_plain = name.starts_with(|c: char| c.is_ascii_alphabetic());
    if starts_plain && name.chars().all(is_plain) {
        return name.to_owned();
    }
    format!("'{}'", name.replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    #[test]
    fn names_are_made_safe() {
        let check = |name: &str, stem: &str, quoted: &str| {
            assert_eq!((super::stem(name).as_str(), super::quoted(name).as_str()), (stem, quoted));
        };
        check("Fedora-Cloud_42.x86_64.qcow2", "fedora-cloud-42", "Fedora-Cloud_42.x86_64.qcow2");
        check("1.img", "1", "'1.img'");
        check("my disk's.raw", "my-disk-s", "'my disk''s.raw'");
        check(".raw", "disk", "'.raw'");
        check("ü.raw", "disk", "'ü.raw'");
    }
}
