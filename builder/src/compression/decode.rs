//! *Decoders*: readers that decompress a stream.

use std::io::{self, BufReader, Cursor, Read};

use super::{CompressionFormat, MAGIC_LEN};

pub(crate) use super::size::size_hint;

/// Length of the buffer between file and decoder; decoders read small pieces.
const READ_LEN: usize = 256 * 1024;

/// Memory limit of the xz decoder in bytes: output of `xz -9` needs 65 MiB, a hostile file up to 4
/// GiB.
const XZ_MEMORY: u64 = 512 << 20;

/// Returns the compression of `raw`, by its first bytes, and a reader of the decompressed bytes.
pub(crate) fn detect_and_decompress<'a>(
    raw: impl Read + Send + 'a,
) -> io::Result<(Option<CompressionFormat>, Box<dyn Read + Send + 'a>)> {
    let (compression, raw) = detect(raw)?;
    Ok((compression, decompress(raw, compression)?))
}

/// Returns the compression of `raw`, by its first bytes, and a reader of all bytes.
pub(super) fn detect<R: Read>(
    mut raw: R,
) -> io::Result<(Option<CompressionFormat>, impl Read + use<R>)> {
    let mut start = Vec::new();
    raw.by_ref().take(MAGIC_LEN).read_to_end(&mut start)?;
    Ok((CompressionFormat::detect(&start), Cursor::new(start).chain(raw)))
}

/// Returns a reader of the decompressed bytes; several members, streams or frames are concatenated.
pub(crate) fn decompress<'a>(
    raw: impl Read + Send + 'a,
    compression: Option<CompressionFormat>,
) -> io::Result<Box<dyn Read + Send + 'a>> {
    let raw = BufReader::with_capacity(READ_LEN, raw);
    Ok(match compression {
        None => Box::new(raw),
        Some(CompressionFormat::Gzip) => Box::new(flate2::bufread::MultiGzDecoder::new(raw)),
        Some(CompressionFormat::Xz) => {
            let decoder = liblzma::stream::Stream::new_stream_decoder(
                XZ_MEMORY,
                liblzma::stream::CONCATENATED,
            )?;
            Box::new(liblzma::bufread::XzDecoder::new_stream(raw, decoder))
        }
        Some(CompressionFormat::Zstd) => Box::new(zstd::stream::read::Decoder::with_buffer(raw)?),
        Some(CompressionFormat::Bzip2) => Box::new(bzip2::bufread::MultiBzDecoder::new(raw)),
    })
}
