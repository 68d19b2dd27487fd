//! A disk of any format that is made larger keeps what it had, outside of its partition table, or is refused.

use std::sync::Arc;

use diskette_builder::disk::{DiskFormat, ReadAt, examine_disk, guest};
use diskette_builder::fuzzing::resize_disk;

use super::guest::Sparse;

/// Length of the file in bytes; what follows the input is zeros.
const LEN: u64 = 64 << 10;

/// Bytes in front of which, and at the end of the disk, a partition table is.
const TABLE: u64 = 40 * 512;

/// Runs the target: two bytes are by how many sectors the disk grows.
pub fn run(input: &[u8]) {
    let Some((more, input)) = input.split_first_chunk() else { return };
    let more = u64::from(u16::from_le_bytes(*more)) * 512;
    let file: Arc<dyn ReadAt> = Arc::new(Sparse { pieces: vec![(0, input.to_vec())], len: LEN });
    let Ok(info) = examine_disk(&*file) else { return };
    let Ok(before) = guest::open(Arc::clone(&file), info.format) else { return };
    let len = before.len().saturating_add(more);
    let Ok(Some(bytes)) = resize_disk(&file, len) else { return };
    // A qcow2 is enlarged as a file, or written anew from the disk in it.
    let is_file = info.format == DiskFormat::Qcow2 && bytes.len() != len;
    let format = if is_file { info.format } else { DiskFormat::Raw };
    let Ok(after) = guest::open(bytes, format) else { panic!("it cannot be opened again") };
    assert_eq!(after.len(), len);
    let (mut one, mut other) = (vec![0; 4096], vec![0; 4096]);
    for at in [TABLE, before.len() / 2, before.len().saturating_sub(2 * TABLE)] {
        if at < TABLE || at + TABLE + 4096 > before.len() {
            continue;
        }
        if before.read_exact_at(&mut one, at).is_ok() {
            after.read_exact_at(&mut other, at).unwrap();
            assert!(one == other, "the disk differs at {at}");
        }
    }
}
