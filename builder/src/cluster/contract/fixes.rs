//! *Fixes* of disks: what to do about a flaw, with the names of files in the commands.

use super::flaws::flaw_rule;
use crate::compression::CompressionFormat;
use crate::disk::{Flaw, vmdk_descriptor_name};

/// Suffixes of packed files that no [`CompressionFormat`] has.
const OTHER_SUFFIXES: [&str; 2] = [".lz4", ".lzma"];

/// Returns what to do about a flaw.
pub(crate) fn flaw_fix(flaw: &Flaw) -> &'static str {
    flaw.remedy.unwrap_or_else(|| flaw_rule(flaw.kind).fix)
}

/// Fills in the name of a disk's file and its compression, as far as they are known.
pub(crate) fn fill_fix(
    fix: &str,
    file: Option<&str>,
    compression: Option<CompressionFormat>,
) -> String {
    let (suffix, unpack) = match compression {
        None => ("SUFFIX", "UNPACK"),
        Some(CompressionFormat::Gzip) => ("gz", "gunzip -c"),
        Some(CompressionFormat::Xz) => ("xz", "xz -dc"),
        Some(CompressionFormat::Zstd) => ("zst", "zstd -dc"),
        Some(CompressionFormat::Bzip2) => ("bz2", "bzip2 -dc"),
    };
    let descriptor = file.and_then(vmdk_descriptor_name).unwrap_or_else(|| "DESCRIPTOR".into());
    let names = [
        ("SUFFIX", suffix.to_owned()),
        ("UNPACK", unpack.to_owned()),
        ("DESCRIPTOR", quote(&descriptor)),
        ("NEW", file.map_or_else(|| "NEW".into(), |file| quote(unpacked_name(file)))),
        ("DISK", quote(file.unwrap_or("DISK"))),
    ];
    let (mut rest, mut filled) = (fix, String::new());
    // A name may look like another placeholder.
    while let Some((at, (placeholder, name))) =
        names.iter().filter_map(|name| Some((rest.find(name.0)?, name))).min_by_key(|(at, _)| *at)
    {
        filled += &rest[..at];
        filled += name;
        rest = &rest[at + placeholder.len()..];
    }
    filled + rest
}

/// Returns a name for the content of a packed file.
pub(crate) fn unpacked_name(file: &str) -> &str {
    let stem = CompressionFormat::from_name(file).map(|found| found.strip_suffix(file));
    stem.or_else(|| OTHER_SUFFIXES.iter().find_map(|suffix| file.strip_suffix(suffix)))
        .filter(|stem| !stem.is_empty() && !stem.ends_with('/'))
        .unwrap_or("new.img")
}

/// Quotes a name for a shell, if it has to be.
fn quote(name: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-+:@%=,".contains(c);
    match name {
        _ if name.starts_with('-') => quote(&format!("./{name}")),
        _ if name.chars().all(is_plain) => name.into(),
        _ => format!("'{}'", name.replace('\'', "'\\''")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::FlawKind;

    #[test]
    fn fixes_name_the_file() {
        let check = |kind: FlawKind, file: Option<&str>, compression, expected: &str| {
            assert_eq!(fill_fix(flaw_rule(kind).fix, file, compression), expected);
        };
        let dirty = |file: &str, shown: &str| {
            let expected = format!("repair it with `qemu-img check -r all {shown}`");
            check(FlawKind::Dirty, Some(file), None, &expected);
        };
        dirty("a.img", "a.img");
        dirty("my disk's.img", "'my disk'\\''s.img'");
        dirty("-a.img", "./-a.img");
        let packed = |file: &str, expected: &str| {
            let rest = ", and name the result; in a spec, `unpack: xz` does that during the build";
            let expected = format!("unpack it with `{expected}`{rest}");
            check(FlawKind::Compressed, Some(file), Some(CompressionFormat::Xz), &expected);
        };
        packed("a.img.xz", "xz -dc a.img.xz >a.img");
        packed("a b.xz", "xz -dc 'a b.xz' >'a b'");
        packed("a.img", "xz -dc a.img >new.img");
        packed("d/.xz", "xz -dc d/.xz >new.img");
        packed("NEWDISK.xz", "xz -dc NEWDISK.xz >NEWDISK");
        let fix = flaw_rule(FlawKind::Compressed).fix;
        check(FlawKind::Compressed, None, None, fix);
    }
}
