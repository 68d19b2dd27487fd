//! A **blob** is a layer as it was stored. All consumers decompress it by its first bytes, whatever its
//! media type; they know different formats, and CDI's reader has a bug.

use std::io::{self, Cursor, Read};

/// Number of bytes by which CDI recognizes a compression.
const SNIFF: usize = 512;

/// Maximum length of a decompressed layer in bytes: these readers keep it in memory.
const UNPACKED_MAX: u64 = 64 << 20;

/// Error for a larger layer.
pub(super) const TOO_LARGE: &str = "too large to be judged in memory";

/// A compression, by its magic number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum BlobKind {
    Gzip,
    Zstd,
    /// A skippable frame in front of others.
    ZstdSkippable,
    Xz,
    /// An uncompressed tar, or something unknown.
    Plain,
}

fn kind(blob: &[u8]) -> BlobKind {
    match blob {
        [0x1f, 0x8b, ..] => BlobKind::Gzip,
        [0x28, 0xb5, 0x2f, 0xfd, ..] => BlobKind::Zstd,
        [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => BlobKind::ZstdSkippable,
        [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => BlobKind::Xz,
        _ => BlobKind::Plain,
    }
}

/// Returns the tar as container runtimes decompress it: they know gzip and zstd.
pub(super) fn decompress_as_runtime(blob: &[u8]) -> Result<Vec<u8>, String> {
    match kind(blob) {
        BlobKind::Xz => Ok(blob.to_vec()),
        kind => unpack(kind, blob),
    }
}

/// Returns the tar as CDI's importer up to 1.66 decompresses it.
///
/// It reads 512 bytes first, so the layer must have as many. The decoder reads these bytes from a
/// buffer to which its output is written: a zstd decoder reads exactly one block, so the rest of the
/// buffer is overwritten if the first block is shorter (kubevirt/containerized-data-importer#4277). A
/// gzip decoder reads all of the buffer at once.
pub(super) fn decompress_as_cdi(blob: &[u8]) -> Result<Vec<u8>, String> {
    if blob.len() < SNIFF {
        return Err("unexpected EOF".into());
    }
    match kind(blob) {
        BlobKind::Zstd if first_block_end(blob).is_none_or(|end| end < SNIFF) => {
            Err("window size exceeded".into())
        }
        BlobKind::ZstdSkippable => Ok(blob.to_vec()),
        kind => unpack(kind, blob),
    }
}

fn unpack(kind: BlobKind, blob: &[u8]) -> Result<Vec<u8>, String> {
    let reader: Box<dyn Read + '_> = match kind {
        BlobKind::Gzip => Box::new(flate2::read::MultiGzDecoder::new(blob)),
        BlobKind::Zstd | BlobKind::ZstdSkippable => {
            Box::new(zstd_reader(blob).map_err(|error| error.to_string())?)
        }
        BlobKind::Xz => Box::new(liblzma::read::XzDecoder::new(blob)),
        BlobKind::Plain => Box::new(Cursor::new(blob)),
    };
    let mut tar = Vec::new();
    reader.take(UNPACKED_MAX + 1).read_to_end(&mut tar).map_err(|error| error.to_string())?;
    if tar.len() as u64 > UNPACKED_MAX { Err(TOO_LARGE.into()) } else { Ok(tar) }
}

fn zstd_reader(blob: &[u8]) -> io::Result<zstd::Decoder<'_, io::BufReader<&[u8]>>> {
    zstd::Decoder::new(blob)
}

/// Returns where the first block of a zstd frame ends (RFC 8878, 3.1.1).
fn first_block_end(blob: &[u8]) -> Option<usize> {
    let descriptor = blob.get(4)?;
    let is_single_segment = descriptor & 0x20 != 0;
    let window = usize::from(!is_single_segment);
    let dictionary = [0, 1, 2, 4][usize::from(descriptor & 3)];
    let content_size = match descriptor >> 6 {
        0 if is_single_segment => 1,
        0 => 0,
        flag => 1 << flag,
    };
    let at = 5 + window + dictionary + content_size;
    let [a, b, c] = *blob.get(at..at + 3)?.first_chunk::<3>()?;
    let header = u32::from_le_bytes([a, b, c, 0]);
    let is_run = (header >> 1) & 3 == 1;
    let size = if is_run { 1 } else { (header >> 3) as usize };
    Some(at + 3 + size)
}
