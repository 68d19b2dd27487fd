//! SHA-256 of two streams at once, nearly as fast as of one.
//!
//! [`Sha256`] hashes one stream, and [`update_pair`] advances two. Each SHA-256 is bound by the latency
//! of the processor's SHA instructions, which depend on each other; two states in one loop use the time
//! in which one would wait.

#[cfg(target_arch = "aarch64")]
mod aarch64;
#[cfg(target_arch = "x86_64")]
mod x86_64;

use std::fmt;

use sha2::block_api::compress256;

/// Length of a block in bytes: FIPS 180-4, section 1.
const BLOCK_LEN: usize = 64;

/// Bytes of a block that is padded at the end of a message, in front of the message's length.
const PADDED_LEN: usize = BLOCK_LEN - size_of::<u64>();

/// The initial hash value: FIPS 180-4, section 5.3.3.
const INITIAL: State = [
    0x6a09_e667,
    0xbb67_ae85,
    0x3c6e_f372,
    0xa54f_f53a,
    0x510e_527f,
    0x9b05_688c,
    0x1f83_d9ab,
    0x5be0_cd19,
];

type Block = [u8; BLOCK_LEN];
type State = [u32; 8];

/// The SHA-256 of a stream, so far.
#[derive(Clone)]
pub struct Sha256 {
    state: State,
    /// Length of the stream in bytes.
    len: u64,
    /// The bytes after the last whole block, and how many they are.
    partial: Block,
    used: usize,
}

impl Sha256 {
    /// Returns the hash of an empty stream.
    #[must_use]
    pub fn new() -> Self {
        Self { state: INITIAL, len: 0, partial: [0; BLOCK_LEN], used: 0 }
    }

    /// Hashes the next bytes of the stream.
    pub fn update(&mut self, bytes: &[u8]) {
        let (blocks, rest) = self.complete_block(bytes).as_chunks();
        self.hash_blocks(blocks);
        self.keep(rest);
    }

    /// Returns the digest of the stream.
    #[must_use]
    pub fn finalize(mut self) -> [u8; 32] {
        let bits = self.len.wrapping_mul(8);
        self.partial[self.used..].fill(0);
        self.partial[self.used] = 0x80;
        if self.used >= PADDED_LEN {
            let block = std::mem::replace(&mut self.partial, [0; BLOCK_LEN]);
            self.hash_blocks(&[block]);
        }
        self.partial[PADDED_LEN..].copy_from_slice(&bits.to_be_bytes());
        let block = self.partial;
        self.hash_blocks(&[block]);
        let mut digest = [0; 32];
        for (bytes, word) in digest.as_chunks_mut().0.iter_mut().zip(self.state) {
            *bytes = word.to_be_bytes();
        }
        digest
    }

    /// Completes the partial block with the first bytes; returns the rest, which is empty unless the
    /// block is complete.
    fn complete_block<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        if self.used == 0 {
            return bytes;
        }
        let (first, rest) = bytes.split_at(bytes.len().min(BLOCK_LEN - self.used));
        self.keep(first);
        if self.used == BLOCK_LEN {
            compress256(&mut self.state, &[self.partial]);
            self.used = 0;
        }
        rest
    }

    fn hash_blocks(&mut self, blocks: &[Block]) {
        compress256(&mut self.state, blocks);
        self.count_blocks(blocks.len());
    }

    fn count_blocks(&mut self, count: usize) {
        self.len = self.len.wrapping_add((count * BLOCK_LEN) as u64);
    }

    /// Adds bytes to the partial block, which has room for them.
    fn keep(&mut self, bytes: &[u8]) {
        self.partial[self.used..][..bytes.len()].copy_from_slice(bytes);
        self.used += bytes.len();
        self.len = self.len.wrapping_add(bytes.len() as u64);
    }
}

impl Default for Sha256 {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sha256").field("len", &self.len).finish_non_exhaustive()
    }
}

/// Hashes the next bytes of two streams. What one has more than the other is hashed by itself.
pub fn update_pair(
    first: &mut Sha256,
    first_bytes: &[u8],
    second: &mut Sha256,
    second_bytes: &[u8],
) {
    let (first_blocks, first_rest) = first.complete_block(first_bytes).as_chunks();
    let (second_blocks, second_rest) = second.complete_block(second_bytes).as_chunks();
    let count = first_blocks.len().min(second_blocks.len());
    let (first_pairs, first_more) = first_blocks.split_at(count);
    let (second_pairs, second_more) = second_blocks.split_at(count);
    compress_pair([&mut first.state, &mut second.state], [first_pairs, second_pairs]);
    for (hash, more, rest) in [(first, first_more, first_rest), (second, second_more, second_rest)]
    {
        hash.count_blocks(count);
        hash.hash_blocks(more);
        hash.keep(rest);
    }
}

/// Returns whether this processor hashes two streams faster together than one after the other.
#[must_use]
pub fn is_accelerated() -> bool {
    #[cfg(target_arch = "x86_64")]
    return x86_64::is_supported();
    #[cfg(target_arch = "aarch64")]
    return aarch64::is_supported();
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    return false;
}

/// Advances two states by equally many blocks.
fn compress_pair(states: [&mut State; 2], blocks: [&[Block]; 2]) {
    #[cfg(target_arch = "x86_64")]
    if x86_64::is_supported() {
        return x86_64::compress_pair(states, blocks);
    }
    #[cfg(target_arch = "aarch64")]
    if aarch64::is_supported() {
        return aarch64::compress_pair(states, blocks);
    }
    for (state, blocks) in states.into_iter().zip(blocks) {
        compress256(state, blocks);
    }
}

/// The round constants: FIPS 180-4, section 4.2.2.
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
const ROUND_CONSTANTS: [[u32; 4]; 16] = [
    [0x428a_2f98, 0x7137_4491, 0xb5c0_fbcf, 0xe9b5_dba5],
    [0x3956_c25b, 0x59f1_11f1, 0x923f_82a4, 0xab1c_5ed5],
    [0xd807_aa98, 0x1283_5b01, 0x2431_85be, 0x550c_7dc3],
    [0x72be_5d74, 0x80de_b1fe, 0x9bdc_06a7, 0xc19b_f174],
    [0xe49b_69c1, 0xefbe_4786, 0x0fc1_9dc6, 0x240c_a1cc],
    [0x2de9_2c6f, 0x4a74_84aa, 0x5cb0_a9dc, 0x76f9_88da],
    [0x983e_5152, 0xa831_c66d, 0xb003_27c8, 0xbf59_7fc7],
    [0xc6e0_0bf3, 0xd5a7_9147, 0x06ca_6351, 0x1429_2967],
    [0x27b7_0a85, 0x2e1b_2138, 0x4d2c_6dfc, 0x5338_0d13],
    [0x650a_7354, 0x766a_0abb, 0x81c2_c92e, 0x9272_2c85],
    [0xa2bf_e8a1, 0xa81a_664b, 0xc24b_8b70, 0xc76c_51a3],
    [0xd192_e819, 0xd699_0624, 0xf40e_3585, 0x106a_a070],
    [0x19a4_c116, 0x1e37_6c08, 0x2748_774c, 0x34b0_bcb5],
    [0x391c_0cb3, 0x4ed8_aa4a, 0x5b9c_ca4f, 0x682e_6ff3],
    [0x748f_82ee, 0x78a5_636f, 0x84c8_7814, 0x8cc7_0208],
    [0x90be_fffa, 0xa450_6ceb, 0xbef9_a3f7, 0xc671_78f2],
];
