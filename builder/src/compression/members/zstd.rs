//! zstd (RFC 8878). The headers of a frame's blocks show where it ends.

use zstd::zstd_safe;

use super::{Member, MemberFormat};
use crate::compression::CompressionFormat;

pub(super) const FORMAT: MemberFormat = MemberFormat {
    format: CompressionFormat::Zstd,
    // zstd is as quick as the hash of its content.
    share: 2,
    compressed_len: CONTENT_MAX + 64 * 1024,
    content_len: CONTENT_MAX,
    find_starts,
    decompress,
};

/// Longest content of a frame that is decompressed here, in bytes: that of a layer's block.
const CONTENT_MAX: usize = 8 << 20;

/// Most frames that are decompressed at a time on each thread: those of a block in short chunks.
const FRAMES_MAX: usize = 1024;

/// Returns the starts of frames whose contents are together no longer than a long one for each thread. Frames
/// may be short: those of zstd:chunked have 64 KiB.
fn find_starts(input: &[u8], width: usize) -> Vec<usize> {
    let mut starts = Vec::new();
    let (mut start, mut content) = (0, 0);
    while starts.len() < width * FRAMES_MAX {
        let Some(frame) = input.get(start..).filter(|frame| !frame.is_empty()) else { break };
        // A frame can declare any length.
        content = content_len(frame).unwrap_or(CONTENT_MAX).saturating_add(content);
        if content > width * CONTENT_MAX && !starts.is_empty() {
            break;
        }
        starts.push(start);
        let Ok(len) = zstd_safe::find_frame_compressed_size(frame) else { break };
        start += len;
    }
    starts
}

/// Returns the length of a frame's content, if the frame says it.
fn content_len(frame: &[u8]) -> Option<usize> {
    usize::try_from(zstd_safe::get_frame_content_size(frame).ok()??).ok()
}

fn decompress(input: &[u8], space: Vec<u8>) -> Option<Member> {
    let compressed_len = zstd_safe::find_frame_compressed_size(input).ok()?;
    let frame = input.get(..compressed_len)?;
    let len = content_len(frame)?;
    if len > CONTENT_MAX {
        return None;
    }
    let mut bytes = space;
    bytes.resize(len, 0);
    let count = zstd_safe::decompress(&mut bytes[..], frame).ok()?;
    (count == len).then_some(Member { bytes, compressed_len })
}
