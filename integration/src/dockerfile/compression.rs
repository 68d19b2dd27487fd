//! **Compression** of test data by the usual programs.

use std::io::Write as _;
use std::process::Stdio;

use crate::peer;

/// Format of compressed data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// Not compressed.
    None,
    /// gzip.
    Gzip,
    /// bzip2.
    Bzip2,
    /// xz.
    Xz,
    /// Zstandard.
    Zstd,
}

impl Compression {
    /// Parses the name of the format: `none`, or the suffix of a file.
    pub fn parse(word: &str) -> Result<Self, String> {
        match word {
            "none" => Ok(Self::None),
            "gz" => Ok(Self::Gzip),
            "bz2" => Ok(Self::Bzip2),
            "xz" => Ok(Self::Xz),
            "zst" => Ok(Self::Zstd),
            _ => Err(format!("no compression is called {word:?}; use none, gz, bz2, xz or zst")),
        }
    }
}

/// Compresses bytes with the program of the format.
pub fn compressed(compression: Compression, bytes: &[u8]) -> Vec<u8> {
    let (name, option) = match compression {
        Compression::None => return bytes.to_vec(),
        Compression::Gzip => ("gzip", "-n"),
        Compression::Bzip2 => ("bzip2", "-z"),
        Compression::Xz => ("xz", "-z"),
        Compression::Zstd => ("zstd", "-q"),
    };
    let program = peer::find(name).unwrap_or_else(|| panic!("contexts cannot do without {name}"));
    let mut command = program.command();
    command.args([option, "-c"]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let output = std::thread::scope(|scope| {
        scope.spawn(move || stdin.write_all(bytes).unwrap());
        child.wait_with_output().unwrap()
    });
    assert!(output.status.success(), "{name}: {}", output.status);
    output.stdout
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_has_its_magic() {
        for (word, magic) in [
            ("none", &b"text"[..]),
            ("gz", &[0x1f, 0x8b]),
            ("bz2", b"BZh"),
            ("xz", b"\xfd7zXZ\0"),
            ("zst", &[0x28, 0xb5, 0x2f, 0xfd]),
        ] {
            let packed = compressed(Compression::parse(word).unwrap(), b"text");
            assert!(packed.starts_with(magic), "{word}: {packed:?}");
        }
    }
}
