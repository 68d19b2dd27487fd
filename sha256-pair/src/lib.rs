#![doc = include_str!("../README.md")]

#[cfg(target_arch = "aarch64")]
mod aarch64;
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
mod rounds;
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
