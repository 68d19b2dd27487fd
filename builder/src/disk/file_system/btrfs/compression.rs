//! *Compressed* parts of files. Behind the compressed bytes, what is left of a sector can be anything.

use std::io::Read;

use crate::disk::{Fault, FlawKind};

/// How a part is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Compression {
    None,
    Zlib,
    Zstd,
}

/// Largest window of zstd, as a power of two: that of Linux has 128 KiB.
const WINDOW_MAX: u32 = 17;

impl Compression {
    /// Returns what a byte of an extent stands for.
    pub(super) fn parse(byte: Option<&u8>) -> Result<Self, Fault> {
        match byte {
            Some(0) => Ok(Self::None),
            Some(1) => Ok(Self::Zlib),
            Some(2) => {
                let detail = "its btrfs has a file on the way that is compressed with LZO";
                Err(Fault::new(FlawKind::Unsupported, detail))
            }
            Some(3) => Ok(Self::Zstd),
            _ => Err(Fault::malformed("an extent of btrfs is damaged")),
        }
    }
}

/// Decompresses a part; it may be shorter than `len`, and what follows is zeros.
pub(super) fn decompress(
    compression: Compression,
    bytes: &[u8],
    len: u64,
) -> Result<Vec<u8>, Fault> {
    let mut content = Vec::new();
    let done = match compression {
        Compression::None => {
            content.extend_from_slice(bytes);
            Ok(0)
        }
        Compression::Zlib => {
            flate2::read::ZlibDecoder::new(bytes).take(len).read_to_end(&mut content)
        }
        Compression::Zstd => zstd::stream::read::Decoder::with_buffer(bytes).and_then(|decoder| {
            let mut decoder = decoder.single_frame();
            decoder.window_log_max(WINDOW_MAX)?;
            decoder.take(len).read_to_end(&mut content)
        }),
    };
    match done {
        Ok(_) => Ok(content),
        Err(error) => Err(Fault::malformed(format!(
            "a compressed part of a file cannot be unpacked: {error}"
        ))),
    }
}
