//! The *format* of a compressed file.

use std::fmt;

/// A compression that bytes can be decompressed from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CompressionFormat {
    /// RFC 1952, one or more members.
    Gzip,
    /// The .xz format, one or more streams.
    Xz,
    /// RFC 8878, one or more frames.
    Zstd,
    /// bzip2, one or more streams.
    Bzip2,
}

/// Number of bytes that [`CompressionFormat::detect`] needs.
pub(crate) const MAGIC_LEN: u64 = 6;

impl CompressionFormat {
    const ALL: [Self; 4] = [Self::Gzip, Self::Xz, Self::Zstd, Self::Bzip2];

    /// Returns the format of a file by its first bytes.
    pub(crate) fn detect(start: &[u8]) -> Option<Self> {
        Self::ALL.into_iter().find(|format| start.starts_with(format.magic()))
    }

    /// Returns the format of a file by the suffix of its name.
    pub fn from_name(name: &str) -> Option<Self> {
        let (_, extension) = name.rsplit_once('.')?;
        Self::ALL.into_iter().find(|format| format.suffix().eq_ignore_ascii_case(extension))
    }

    /// Returns the name without this format's suffix, if it has it.
    pub fn strip_suffix(self, name: &str) -> &str {
        match name.rsplit_once('.') {
            Some((stem, _)) if Self::from_name(name) == Some(self) => stem,
            _ => name,
        }
    }

    /// Returns the suffix of the names of such files, without the dot.
    pub(crate) fn suffix(self) -> &'static str {
        match self {
            Self::Gzip => "gz",
            Self::Xz => "xz",
            Self::Zstd => "zst",
            Self::Bzip2 => "bz2",
        }
    }

    fn magic(self) -> &'static [u8] {
        match self {
            Self::Gzip => &[0x1f, 0x8b, 8],
            Self::Xz => &[0xfd, b'7', b'z', b'X', b'Z', 0],
            Self::Zstd => &[0x28, 0xb5, 0x2f, 0xfd],
            Self::Bzip2 => b"BZh",
        }
    }
}

impl fmt::Display for CompressionFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Gzip => "gzip",
            Self::Xz => "xz",
            Self::Zstd => "zstd",
            Self::Bzip2 => "bzip2",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_recognized_by_name() {
        let check = |name: &str, format: Option<CompressionFormat>, stem: &str| {
            assert_eq!(CompressionFormat::from_name(name), format, "{name}");
            let stripped =
                CompressionFormat::from_name(name).map_or(name, |it| it.strip_suffix(name));
            assert_eq!(stripped, stem, "{name}");
        };
        check("a.raw.gz", Some(CompressionFormat::Gzip), "a.raw");
        check("a.XZ", Some(CompressionFormat::Xz), "a");
        check("a.zst", Some(CompressionFormat::Zstd), "a");
        check("a.bz2", Some(CompressionFormat::Bzip2), "a");
        check("a.gz.raw", None, "a.gz.raw");
        check("gz", None, "gz");
        check("", None, "");
        assert_eq!(CompressionFormat::Gzip.strip_suffix("a.xz"), "a.xz");
    }
}
