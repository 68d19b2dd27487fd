//! zstd (RFC 8878). The headers of a frame's blocks show where it ends.

use zstd::zstd_safe;

use super::{Member, MemberFormat};
use crate::compression::CompressionFormat;

pub(super) const FORMAT: MemberFormat = MemberFormat {
    format: CompressionFormat::Zstd,
    compressed_len: CONTENT_MAX + 64 * 1024,
    batch: 1,
    find_starts,
    decompress,
};

/// Longest content of a frame that is decompressed here, in bytes: that of a layer's block.
const CONTENT_MAX: usize = 8 << 20;

fn find_starts(input: &[u8], count: usize) -> Vec<usize> {
    let next = |start: &usize| {
        let len = zstd_safe::find_frame_compressed_size(input.get(*start..)?).ok()?;
        Some(start + len)
    };
    std::iter::successors(Some(0), next)
        .take_while(|start| *start < input.len())
        .take(count)
        .collect()
}

fn decompress(input: &[u8]) -> Option<Member> {
    let compressed_len = zstd_safe::find_frame_compressed_size(input).ok()?;
    let frame = input.get(..compressed_len)?;
    let len = usize::try_from(zstd_safe::get_frame_content_size(frame).ok()??).ok()?;
    if len > CONTENT_MAX {
        return None;
    }
    let mut bytes = vec![0; len];
    let count = zstd_safe::decompress(&mut bytes[..], frame).ok()?;
    (count == len).then_some(Member { bytes, compressed_len })
}
