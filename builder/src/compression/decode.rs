//! *Decoders*: readers of what is compressed in a stream.

use std::io::{self, BufReader, Cursor, Read};

use super::{CompressionFormat, MAGIC_LEN};

pub(crate) use super::size::size_hint;

/// Room between file and unpacker; unpackers themselves ask for little at a time.
const READ_LEN: usize = 256 * 1024;

/// What the xz decoder may allocate: `xz -9` makes what needs 65 MiB, and a hostile file asks for 4 GiB.
const XZ_MEMORY: u64 = 512 << 20;

/// Returns how the bytes are packed, and a reader of what is packed in them.
pub(crate) fn sniff<'a>(
    mut raw: impl Read + Send + 'a,
) -> io::Result<(Option<CompressionFormat>, Box<dyn Read + Send + 'a>)> {
    let mut start = Vec::new();
    raw.by_ref().take(MAGIC_LEN).read_to_end(&mut start)?;
    let packing = CompressionFormat::detect(&start);
    Ok((packing, unpack(Cursor::new(start).chain(raw), packing)?))
}

/// Returns a reader of what is packed in `raw`; several members, streams or frames are one content.
pub(crate) fn unpack<'a>(
    raw: impl Read + Send + 'a,
    packing: Option<CompressionFormat>,
) -> io::Result<Box<dyn Read + Send + 'a>> {
    let raw = BufReader::with_capacity(READ_LEN, raw);
    Ok(match packing {
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
