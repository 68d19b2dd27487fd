//! Any bytes are looked at as the descriptors of a CD, its catalogue of boot loaders and what those are.

use super::disk::check;

/// Where the descriptors stand.
const AT: usize = 0x8000;

/// Runs the target.
pub fn run(bytes: &[u8]) {
    let mut disk = vec![0; AT];
    disk.extend(bytes);
    let record = b"\0CD001\x01EL TORITO SPECIFICATION";
    check(&disk, &[(AT, b"\x01CD001"), (AT + 2048, record)]);
}
