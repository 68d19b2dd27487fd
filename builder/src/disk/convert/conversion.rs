//! The *conversion* of a disk: the format that it is converted to.

use std::fmt;

/// The format that a disk is converted to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Conversion {
    /// The disk itself, byte for byte.
    Raw,
    /// qcow2, version 3, with this compression of its clusters.
    Qcow2(ClusterCompression),
}

/// How the clusters of a qcow2 are compressed, each by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClusterCompression {
    /// Clusters are not compressed.
    None,
    /// Deflate, which qcow2 calls zlib: read by every QEMU.
    Zlib,
    /// RFC 8878: read by QEMU 5.1 and later.
    Zstd,
}

impl Conversion {
    /// Returns the name of the converted disk: the suffix is replaced by that of its format.
    pub fn file_name(self, name: &str) -> String {
        const ENDS: [&str; 11] =
            ["qcow2", "qcow", "raw", "img", "iso", "vmdk", "vhd", "vhdx", "vpc", "vdi", "qed"];
        let own: &[&str] = match self {
            Self::Raw => &["img", "raw"],
            Self::Qcow2(_) => &["qcow2"],
        };
        let is_in = |ends: &[&str], end: &str| ends.iter().any(|one| one.eq_ignore_ascii_case(end));
        match name.rsplit_once('.') {
            Some((_, end)) if is_in(own, end) => name.to_owned(),
            Some((stem, end)) if is_in(&ENDS, end) && !stem.is_empty() => {
                format!("{stem}.{}", own[0])
            }
            _ => format!("{name}.{}", own[0]),
        }
    }
}

/// Written into cache keys: `raw`, `qcow2`, `qcow2-zlib`, `qcow2-zstd`.
impl fmt::Display for Conversion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Raw => "raw",
            Self::Qcow2(ClusterCompression::None) => "qcow2",
            Self::Qcow2(ClusterCompression::Zlib) => "qcow2-zlib",
            Self::Qcow2(ClusterCompression::Zstd) => "qcow2-zstd",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn converted_disks_are_named_after_their_format() {
        let check = |name: &str, qcow2: &str, raw: &str| {
            assert_eq!(Conversion::Qcow2(ClusterCompression::Zlib).file_name(name), qcow2);
            assert_eq!(Conversion::Raw.file_name(name), raw);
        };
        check("vm.vmdk", "vm.qcow2", "vm.img");
        check("vm.1.VHDX", "vm.1.qcow2", "vm.1.img");
        check("vm.qcow2", "vm.qcow2", "vm.img");
        check("vm.QCOW2", "vm.QCOW2", "vm.img");
        check("vm.raw", "vm.qcow2", "vm.raw");
        check("vm.img", "vm.qcow2", "vm.img");
        check("debian-12.5", "debian-12.5.qcow2", "debian-12.5.img");
        check("disk", "disk.qcow2", "disk.img");
        check(".vmdk", ".vmdk.qcow2", ".vmdk.img");
    }
}
