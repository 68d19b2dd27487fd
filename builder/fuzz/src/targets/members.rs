//! What is decompressed several members at a time is what the decoder for any stream makes of it, as far as either comes.

use std::io::Read;

use diskette_builder::fuzzing::{decompress_members, decompress_stream};

/// Most bytes that are read of either.
const READ_MAX: u64 = 1 << 20;

/// Runs the target.
pub fn run(bytes: &[u8]) {
    let (found, is_found_whole) = read(decompress_members(bytes));
    let (expected, is_whole) = read(decompress_stream(bytes));
    assert!(found.starts_with(&expected) || expected.starts_with(&found));
    if is_whole {
        assert!(is_found_whole && found == expected);
    }
}

/// Returns what can be read, and whether no error came.
fn read(stream: std::io::Result<Box<dyn Read + Send + '_>>) -> (Vec<u8>, bool) {
    let mut bytes = Vec::new();
    let read = stream.and_then(|stream| stream.take(READ_MAX).read_to_end(&mut bytes));
    (bytes, read.is_ok())
}
