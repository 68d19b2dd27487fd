//! *Disks* made on the fly: content that is the same every time, with the mixture a real disk has of
//! what compresses, what does not, and nothing at all.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;

use sha2::{Digest, Sha256};

/// One MiB, in bytes.
pub const MIB: usize = 1 << 20;

/// Runs end off every block boundary, as files in a file system do.
const RUN: usize = 100_003;

/// Returns `len` bytes: runs of text, noise and zeros in turn. Other seeds give other bytes.
pub fn mixed(seed: u64, len: usize) -> Vec<u8> {
    let mut noise = Noise::new(seed);
    let mut bytes = Vec::with_capacity(len + RUN);
    for run in 0.. {
        match run % 3 {
            0 => bytes
                .extend((0..RUN / 16).flat_map(|line| format!("{seed:6} {line:8}\n").into_bytes())),
            1 => bytes.extend((0..RUN / 8).flat_map(|_| noise.next().to_le_bytes())),
            _ => bytes.resize(bytes.len() + RUN, 0),
        }
        if bytes.len() >= len {
            break;
        }
    }
    bytes.truncate(len);
    bytes
}

/// Returns `len` bytes, a multiple of eight, that nothing makes shorter.
pub fn noise(seed: u64, len: usize) -> Vec<u8> {
    let mut noise = Noise::new(seed);
    (0..len / 8).flat_map(|_| noise.next().to_le_bytes()).collect()
}

/// xorshift64*: fast, and the same on every machine.
struct Noise(u64);

impl Noise {
    fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }
}

/// Makes a file of `len` bytes that has data only at the given places; the rest are holes.
pub fn sparse(path: &Path, len: u64, data: &[(u64, &[u8])]) {
    let file = File::create(path).unwrap();
    file.set_len(len).unwrap();
    for (at, bytes) in data {
        file.write_all_at(bytes, *at).unwrap();
    }
}

/// Returns the SHA-256 in hexadecimal digits.
pub fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// Returns the SHA-512 in hexadecimal digits.
pub fn sha512(bytes: &[u8]) -> String {
    hex(&sha2::Sha512::digest(bytes))
}

fn hex(digest: &[u8]) -> String {
    digest.iter().fold(String::new(), |digits, byte| format!("{digits}{byte:02x}"))
}
