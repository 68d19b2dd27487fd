//! *Hashing* while reading: at the end of a blob its digest and size are checked.

use std::io::{self, Read};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sha2::{Digest as _, Sha256};
use thiserror::Error;

use crate::oci::image::digest::Digest;

/// What is wrong with a blob.
#[derive(Debug, Error)]
pub enum BlobProblem {
    /// The digest is not that of the manifest.
    #[error("its bytes have the digest {0}")]
    Digest(Digest),
    /// The size is not that of the manifest.
    #[error("it has {found} bytes, not {expected} as its manifest says")]
    Size {
        /// Size in the manifest, in bytes.
        expected: u64,
        /// Number of bytes that were read: at most one more than expected.
        found: u64,
    },
    /// The blob cannot be read.
    #[error("{0}")]
    Read(io::Error),
}

/// A hash function of a [`HashingReader`].
pub(crate) trait ByteHash {
    /// Hashes the next bytes.
    fn add(&mut self, bytes: &[u8]);
}

impl ByteHash for Sha256 {
    fn add(&mut self, bytes: &[u8]) {
        self.update(bytes);
    }
}

/// A hash function whose result is a digest.
pub(crate) trait DigestHash: ByteHash {
    /// Returns the digest of the bytes so far.
    fn digest(&self) -> Digest;
}

impl DigestHash for Sha256 {
    fn digest(&self) -> Digest {
        Digest::from_hasher(self.clone())
    }
}

/// A reader that counts and hashes the bytes that are read through it.
#[derive(Debug)]
pub(crate) struct HashingReader<R, H = Sha256> {
    inner: R,
    hash: H,
    len: u64,
}

impl<R, H> HashingReader<R, H> {
    pub(crate) fn with_hash(inner: R, hash: H) -> Self {
        Self { inner, hash, len: 0 }
    }

    /// Returns how many bytes were read.
    pub(crate) fn len(&self) -> u64 {
        self.len
    }

    /// Returns the underlying reader.
    pub(crate) fn inner(&self) -> &R {
        &self.inner
    }

    /// Returns the underlying reader for changes.
    pub(crate) fn inner_mut(&mut self) -> &mut R {
        &mut self.inner
    }

    /// Returns the hash of the bytes that were read.
    pub(crate) fn hash_mut(&mut self) -> &mut H {
        &mut self.hash
    }
}

impl<R> HashingReader<R> {
    pub(crate) fn new(inner: R) -> Self {
        Self::with_hash(inner, Sha256::new())
    }

    /// Returns a reader of the bytes that follow `len` bytes with this hash.
    pub(crate) fn continuing(inner: R, hash: Sha256, len: u64) -> Self {
        Self { inner, hash, len }
    }
}

impl<R, H: DigestHash> HashingReader<R, H> {
    /// Returns the digest of the bytes that were read.
    pub(crate) fn digest(&self) -> Digest {
        self.hash.digest()
    }
}

impl<R: Read, H: DigestHash> HashingReader<R, H> {
    /// Reads to the end, and fails unless all bytes together have this digest and size.
    pub(crate) fn check_rest(&mut self, digest: Digest, size: u64) -> Result<(), BlobProblem> {
        io::copy(self, &mut io::sink()).map_err(BlobProblem::Read)?;
        if self.len != size {
            return Err(BlobProblem::Size { expected: size, found: self.len });
        }
        match self.digest() {
            found if found == digest => Ok(()),
            found => Err(BlobProblem::Digest(found)),
        }
    }
}

impl<R: Read, H: ByteHash> Read for HashingReader<R, H> {
    fn read(&mut self, space: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(space)?;
        self.hash.add(space.get(..count).unwrap_or_default());
        self.len += count as u64;
        Ok(count)
    }
}

/// Returns the digests of several texts, in order. They are hashed in pairs, which takes little longer than half of them.
pub(crate) fn digests_of<'t>(texts: impl Iterator<Item = &'t [u8]>) -> Vec<Digest> {
    let mut texts = texts;
    let mut digests = Vec::new();
    while let Some(first) = texts.next() {
        let Some(second) = texts.next() else {
            digests.push(Digest::of_bytes(first));
            break;
        };
        let (mut one, mut other) = (sha256_pair::Sha256::new(), sha256_pair::Sha256::new());
        sha256_pair::update_pair(&mut one, first, &mut other, second);
        digests.extend([one, other].map(|hash| Digest::from_bytes(hash.finalize())));
    }
    digests
}

/// A reader that is shared by a decompressor and the code that checks the compressed bytes.
#[derive(Debug)]
pub(crate) struct SharedReader<R>(Arc<Mutex<R>>);

impl<R> SharedReader<R> {
    pub(crate) fn new(inner: R) -> Self {
        Self(Arc::new(Mutex::new(inner)))
    }

    /// Locks the reader; no other holder can read until the guard is dropped.
    pub(crate) fn lock(&self) -> MutexGuard<'_, R> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<R> Clone for SharedReader<R> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<R: Read> Read for SharedReader<R> {
    fn read(&mut self, space: &mut [u8]) -> io::Result<usize> {
        self.lock().read(space)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_checked_at_their_end() {
        let check = |bytes: &[u8], digest: Digest, size: u64, expected: &str| {
            let mut reader = HashingReader::new(bytes);
            reader.read_exact(&mut [0; 2]).unwrap();
            let checked = reader.check_rest(digest, size);
            assert_eq!(
                checked.map_or_else(|problem| problem.to_string(), |()| "right".into()),
                expected
            );
            assert_eq!(
                (reader.len(), reader.digest()),
                (bytes.len() as u64, Digest::of_bytes(bytes))
            );
        };
        let digest = Digest::of_bytes(b"abc");
        check(b"abc", digest, 3, "right");
        check(b"abcd", digest, 3, "it has 4 bytes, not 3 as its manifest says");
        check(b"ab", digest, 3, "it has 2 bytes, not 3 as its manifest says");
        let other = Digest::of_bytes(b"abd");
        check(b"abd", digest, 3, &format!("its bytes have the digest {other}"));
    }

    #[test]
    fn texts_are_hashed_in_pairs() {
        let texts: [&[u8]; 5] = [b"", b"abc", &[7; 1000], b"x", &[0; 64]];
        for count in 0..=texts.len() {
            let texts = &texts[..count];
            let expected: Vec<Digest> = texts.iter().map(|text| Digest::of_bytes(text)).collect();
            assert_eq!(digests_of(texts.iter().copied()), expected);
        }
    }

    #[test]
    fn what_a_holder_reads_the_other_does_not() {
        let mut first = SharedReader::new(HashingReader::new(&b"abcdef"[..]));
        let second = first.clone();
        first.read_exact(&mut [0; 3]).unwrap();
        assert_eq!(second.lock().digest(), Digest::of_bytes(b"abc"));
        second.lock().check_rest(Digest::of_bytes(b"abcdef"), 6).unwrap();
        assert_eq!(first.read(&mut [0; 3]).unwrap(), 0);
    }
}
