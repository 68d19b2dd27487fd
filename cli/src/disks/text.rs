//! The *text* of a spec for disks that were found, with comments for editing it.

use std::fmt::Write as _;

use diskette_builder::oci::image::platform::Platform;

use super::{FoundDisk, KnownBy};

/// Registry of the name that stands in a spec until the user has set another: a name that nobody can
/// own (RFC 2606).
pub(crate) const PLACEHOLDER_REGISTRY: &str = "registry.invalid";

/// What a spec says besides its disks.
pub(crate) struct SpecText<'a> {
    /// The repository.
    pub(crate) image: Option<&'a str>,
    /// Whether an image without a repository gets a placeholder.
    pub(crate) placeholder: bool,
    pub(crate) instancetype: Option<&'a str>,
    pub(crate) preference: Option<&'a str>,
    /// Name of the disk in the image.
    pub(crate) name: Option<&'a str>,
    pub(crate) content: SpecTextContent,
}

/// What the disks are built into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SpecTextContent {
    /// Layers compressed with gzip, where old versions of docker may read them.
    Gzip,
    /// Layers compressed with zstd.
    Zstd,
    /// A disk artifact, which has no labels.
    Artifact,
}

/// The compression of layers, and what reads it; docs/spec.md has the sources.
const ZSTD: &str = "# Smaller and faster than gzip; docker reads it from version 23 on.\n\
    compression: zstd\n";

/// Returns the spec: one image of all disks if their platforms differ, else one image per disk.
pub(crate) fn spec_text(disks: &[FoundDisk], options: &SpecText<'_>) -> String {
    let mut platforms: Vec<&Platform> = disks.iter().map(|disk| &disk.platform).collect();
    platforms.sort();
    platforms.dedup();
    let head = "# yaml-language-server: $schema=https://raw.githubusercontent.com/diskette/diskette/main/spec-files/diskette.schema.json\n";
    if platforms.len() == disks.len() {
        let mut all: Vec<&FoundDisk> = disks.iter().collect();
        all.sort_by_key(|disk| &disk.platform);
        return format!("{head}{}", document_text(&all, options));
    }
    let mut names: Vec<String> = Vec::new();
    for disk in disks {
        let stem = stem(&disk.name);
        let name =
            options.image.map_or_else(|| placeholder(&stem), |image| format!("{image}-{stem}"));
        let same = names.iter().filter(|other| other.starts_with(&name)).count();
        names.push(if same == 0 { name } else { format!("{name}-{}", same + 1) });
    }
    let each = disks
        .iter()
        .zip(&names)
        .map(|(disk, name)| document_text(&[disk], &SpecText { image: Some(name), ..*options }));
    format!(
        "{head}# Several disks are for one platform: each is an image of its own.\n{}",
        each.collect::<Vec<_>>().join("---\n")
    )
}

fn document_text(disks: &[&FoundDisk], options: &SpecText<'_>) -> String {
    let mut text = "apiVersion: diskette/v1\n".to_owned();
    let own = disks.first().filter(|_| options.placeholder);
    let own = own.map(|disk| placeholder(&stem(&disk.name)));
    // Writing to a string does not fail.
    if let Some(image) = options.image.map(str::to_owned).or(own) {
        let _ok = writeln!(text, "# The repository; `-t` replaces it.\nimage: {image}");
        text += "tags: [latest]\n";
    }
    match options.content {
        SpecTextContent::Gzip => {}
        SpecTextContent::Zstd => text += ZSTD,
        SpecTextContent::Artifact => text += "format: artifact\n",
    }
    text += "platforms:\n";
    for disk in disks {
        let why = match disk.known_by {
            KnownBy::BootLoader => "platform by the boot loader",
            KnownBy::Name => "platform by the file name",
            KnownBy::User => "platform as given",
            KnownBy::Nothing => "platform unknown, this machine's",
        };
        let _ok = writeln!(text, "  # {why}{}\n  {}:", describe_disk(disk), disk.platform);
        text += &platform_text(disk, options.name);
    }
    if options.content == SpecTextContent::Artifact {
        return text;
    }
    text + &kubevirt_text(disks, options)
}

/// Returns the defaults of virtual machines.
fn kubevirt_text(disks: &[&FoundDisk], options: &SpecText<'_>) -> String {
    let preference = options.preference.or(disks.iter().find_map(|disk| disk.preference()));
    let instancetype = options.instancetype.or(preference.map(|_| "u1.medium"));
    let Some(instancetype) = instancetype else {
        return "# kubevirt:\n#   instancetype: u1.medium\n#   preference: fedora\n".into();
    };
    let head = "# Defaults of virtual machines that use the image.\nkubevirt:\n";
    let preference = preference.map(|it| format!("  preference: {}\n", quoted(it)));
    format!("{head}  instancetype: {}\n{}", quoted(instancetype), preference.unwrap_or_default())
}

fn platform_text(disk: &FoundDisk, name: Option<&str>) -> String {
    let path = quoted(&disk.name);
    let name = name.map(|name| format!(", name: {}", quoted(name)));
    match (disk.is_bootable(), name) {
        (true, None) => format!("    disk: {path}\n"),
        (true, Some(name)) => format!("    disk: {{ path: {path}{name} }}\n"),
        (false, name) => format!(
            "    # KubeVirt boots only raw and qcow2.\n    disk: {{ path: {path}, convert: qcow2{} }}\n",
            name.unwrap_or_default()
        ),
    }
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

/// Returns a name that `build` refuses until the user has set another.
fn placeholder(name: &str) -> String {
    format!("{PLACEHOLDER_REGISTRY}/me/{name}")
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
