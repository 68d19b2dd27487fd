//! *Compressed* archives, `.tar.gz` and `.tar.zst`: archives are read and written in any order, so
//! that they go through a temporary file.

use std::fs::File;
use std::io::{self, Read, Seek as _, SeekFrom, Write};
use std::os::unix::fs::FileExt as _;

use cap_std::fs::Dir;
use cap_tempfile::TempFile;

use crate::compression::CompressionFormat;
use crate::compression::decode::detect_and_decompress;

/// Level of gzip and zstd: blobs are compressed already.
const LEVEL: u8 = 1;

/// Returns whether an archive has to be unpacked before it is read: it is compressed, or a stream.
/// A directory is left to the reader, which refuses it.
pub fn must_be_unpacked(file: &File) -> io::Result<bool> {
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Ok(!metadata.is_dir());
    }
    // More than the magic of any compression.
    let mut magic = [0; 8];
    let len = file.read_at(&mut magic, 0)?;
    Ok(CompressionFormat::detect(&magic[..len]).is_some())
}

/// Copies an archive, decompressed, to a file without a name in a directory for temporary files.
pub fn unpack_archive(input: impl Read + Send, temporary: &Dir) -> io::Result<File> {
    let (_, mut reader) = detect_and_decompress(input)?;
    let mut file = TempFile::new_anonymous(temporary)?.into_std();
    io::copy(&mut reader, &mut file)?;
    file.seek(SeekFrom::Start(0))?;
    Ok(file)
}

/// Returns the compression of an archive by the name of its file.
pub fn archive_compression(name: &str) -> Option<CompressionFormat> {
    let lower = name.to_ascii_lowercase();
    match lower.rsplit_once('.') {
        Some((_, "tgz")) => Some(CompressionFormat::Gzip),
        Some((_, "tzst")) => Some(CompressionFormat::Zstd),
        Some((_, "txz")) => Some(CompressionFormat::Xz),
        _ => CompressionFormat::from_name(&lower),
    }
}

/// Compresses a finished tar.
pub(super) fn compress(
    tar: &mut impl Read,
    output: &mut impl Write,
    compression: CompressionFormat,
) -> io::Result<()> {
    match compression {
        CompressionFormat::Gzip => {
            let level = flate2::Compression::new(u32::from(LEVEL));
            let mut encoder = flate2::write::GzEncoder::new(output, level);
            io::copy(tar, &mut encoder)?;
            encoder.finish().map(drop)
        }
        CompressionFormat::Zstd => {
            let mut encoder = zstd::stream::write::Encoder::new(output, i32::from(LEVEL))?;
            io::copy(tar, &mut encoder)?;
            encoder.finish().map(drop)
        }
        CompressionFormat::Xz | CompressionFormat::Bzip2 => {
            Err(io::Error::other(format!("archives are not compressed with {compression}")))
        }
    }
}
