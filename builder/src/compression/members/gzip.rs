//! gzip (RFC 1952). The length of a member stands nowhere: members begin where the header of our layers
//! is found, which content may have too. Only decompressing the member before shows which is which.

use memchr::memmem;
use zlib_rs::{Inflate, InflateFlush, Status};

use super::{Member, MemberFormat};
use crate::compression::CompressionFormat;

pub(super) const FORMAT: MemberFormat = MemberFormat {
    format: CompressionFormat::Gzip,
    share: 1,
    compressed_len: CONTENT_MAX + 64 * 1024,
    content_len: CONTENT_MAX,
    find_starts,
    decompress,
};

/// Number of members that are decompressed at a time on each thread.
const BATCH: usize = 4;

/// The header of a member without a time or name, of an unknown system, as the engine and Go write it.
const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];

/// Length of the trailer: CRC-32 and length modulo 2^32.
const TRAILER_LEN: usize = 8;

/// Longest content of a member that is decompressed here, in bytes: that of a layer's block.
const CONTENT_MAX: usize = 1 << 20;

/// Base-two logarithm of the window of deflate.
const WINDOW_BITS: u8 = 15;

fn find_starts(input: &[u8], width: usize) -> Vec<usize> {
    memmem::find_iter(input, &HEADER).take(BATCH * width).collect()
}

fn decompress(input: &[u8], space: Vec<u8>) -> Option<Member> {
    let deflated = input.strip_prefix(&HEADER)?;
    let mut bytes = space;
    bytes.resize(CONTENT_MAX, 0);
    let mut inflate = Inflate::new(false, WINDOW_BITS);
    let status = inflate.decompress(deflated, &mut bytes, InflateFlush::Finish).ok()?;
    if status != Status::StreamEnd {
        return None;
    }
    bytes.truncate(usize::try_from(inflate.total_out()).ok()?);
    let used = usize::try_from(inflate.total_in()).ok()?;
    let trailer = deflated.get(used..used + TRAILER_LEN)?;
    let len = u32::try_from(bytes.len()).ok()?;
    let expected = [libdeflater::crc32(&bytes).to_le_bytes(), len.to_le_bytes()];
    let compressed_len = HEADER.len() + used + TRAILER_LEN;
    (trailer == expected.as_flattened()).then_some(Member { bytes, compressed_len })
}
