//! The frames that a table of contents of zstd:chunked lists are in order and in front of the table, or it is
//! refused.

use diskette_builder::fuzzing::parse_toc;

/// Where the table begins in its blob.
const END: u64 = 1 << 20;

/// Runs the target.
pub fn run(bytes: &[u8]) {
    let mut last = 0;
    for frame in parse_toc(bytes, END).unwrap_or_default() {
        assert!(last <= frame.start && frame.start < frame.end, "{frame:?} after {last}");
        last = frame.end;
    }
    assert!(last <= END);
}
