//! *Disks* with reproducible content: a mixture of compressible data, incompressible data and
//! holes, as in real disks.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;

use sha2::{Digest, Sha256};

/// One MiB, in bytes.
pub const MIB: usize = 1 << 20;

/// Length of runs in bytes, not a multiple of any block, as with files in a file system.
const RUN: usize = 100_003;

/// Returns `len` bytes: runs of text, noise and zeros in turn. Other seeds give other bytes.
pub fn mixed_bytes(seed: u64, len: usize) -> Vec<u8> {
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

/// Returns a qcow2 file whose virtual disk is `mixed(seed, len)`, filled up to a whole cluster: header,
/// table and block of reference counts, L1 and L2 table, data. For up to 512 MiB.
pub fn qcow2_disk(seed: u64, len: usize) -> Vec<u8> {
    const CLUSTER: usize = 1 << 16;
    const DATA: usize = 5;
    let data = mixed_bytes(seed, len.next_multiple_of(CLUSTER));
    let clusters = data.len() / CLUSTER;
    let mut bytes = vec![0; DATA * CLUSTER];
    let mut put = |at: usize, number: &[u8]| bytes[at..at + number.len()].copy_from_slice(number);
    put(0, b"QFI\xfb");
    // Version, logarithm of the cluster, L1 entries, clusters of reference counts, logarithm of the
    // bits of one, length of the header.
    for (at, number) in [(4, 3_u32), (20, 16), (36, 1), (56, 1), (96, 4), (100, 104)] {
        put(at, &number.to_be_bytes());
    }
    let own = |cluster: usize| ((cluster * CLUSTER) as u64 | 1 << 63).to_be_bytes();
    let plain = |cluster: usize| ((cluster * CLUSTER) as u64).to_be_bytes();
    put(24, &(data.len() as u64).to_be_bytes());
    put(40, &plain(3));
    put(48, &plain(1));
    put(CLUSTER, &plain(2));
    put(3 * CLUSTER, &own(4));
    for cluster in 0..clusters {
        put(4 * CLUSTER + cluster * 8, &own(DATA + cluster));
    }
    for cluster in 0..DATA + clusters {
        put(2 * CLUSTER + cluster * 2, &1_u16.to_be_bytes());
    }
    bytes.extend(data);
    bytes
}

/// Returns `len` incompressible bytes; `len` is a multiple of eight.
pub fn noise_bytes(seed: u64, len: usize) -> Vec<u8> {
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
pub fn write_sparse(path: &Path, len: u64, data: &[(u64, &[u8])]) {
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

/// Returns the SHA-256 of parts in hexadecimal digits.
pub fn sha256_of_parts<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> String {
    let mut hash = Sha256::new();
    parts.into_iter().for_each(|part| hash.update(part));
    hex(&hash.finalize())
}

/// Returns the SHA-512 in hexadecimal digits.
pub fn sha512(bytes: &[u8]) -> String {
    hex(&sha2::Sha512::digest(bytes))
}

fn hex(digest: &[u8]) -> String {
    digest.iter().fold(String::new(), |digits, byte| format!("{digits}{byte:02x}"))
}
