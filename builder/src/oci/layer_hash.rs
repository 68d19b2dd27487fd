//! The *hashes of a layer* that is read: that of the blob, and that of the tar in it, computed together, since
//! two hashes side by side take little longer than one (see the crate `sha256-pair`).

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sha256_pair::{Sha256, update_pair};

use crate::oci::hashing::{ByteHash, DigestHash};
use crate::oci::image::digest::Digest;

/// Most bytes of a blob that wait to be hashed.
const WAITING_MAX: usize = 4 << 20;

/// The hash of a blob while it is decompressed. Its bytes wait until the [`TarHash`] of the tar in it takes
/// them along.
#[derive(Debug, Clone, Default)]
pub(crate) struct BlobHash(Arc<Mutex<WaitingHash>>);

#[derive(Debug, Clone, Default)]
struct WaitingHash {
    hash: Sha256,
    bytes: Vec<u8>,
    /// How many of the bytes are hashed.
    hashed: usize,
}

/// The hash of the tar in a blob.
#[derive(Debug)]
pub(crate) struct TarHash {
    hash: Sha256,
    blob: BlobHash,
}

impl BlobHash {
    /// Returns the hash of the tar in the blob.
    pub(crate) fn tar_hash(&self) -> TarHash {
        TarHash { hash: Sha256::new(), blob: self.clone() }
    }

    fn lock(&self) -> MutexGuard<'_, WaitingHash> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl WaitingHash {
    /// Hashes bytes of the tar, and as many of the blob as wait.
    fn hash_with(&mut self, tar: &mut Sha256, tar_bytes: &[u8]) {
        let waiting = &self.bytes[self.hashed..];
        let partner = &waiting[..waiting.len().min(tar_bytes.len())];
        update_pair(tar, tar_bytes, &mut self.hash, partner);
        self.hashed += partner.len();
        self.forget_hashed();
    }

    fn hash_all(&mut self) {
        self.hash.update(&self.bytes[self.hashed..]);
        self.hashed = self.bytes.len();
        self.forget_hashed();
    }

    /// Makes room where no byte has to be moved for it.
    fn forget_hashed(&mut self) {
        if self.hashed == self.bytes.len() {
            self.bytes.clear();
            self.hashed = 0;
        }
    }
}

impl ByteHash for BlobHash {
    fn add(&mut self, bytes: &[u8]) {
        let mut blob = self.lock();
        if blob.bytes.len() + bytes.len() > WAITING_MAX {
            blob.hash_all();
        }
        if blob.bytes.capacity() == 0 {
            blob.bytes.reserve_exact(WAITING_MAX);
        }
        blob.bytes.extend_from_slice(bytes);
    }
}

impl DigestHash for BlobHash {
    fn digest(&self) -> Digest {
        let mut blob = self.lock();
        blob.hash_all();
        Digest::from_bytes(blob.hash.clone().finalize())
    }
}

impl ByteHash for TarHash {
    fn add(&mut self, bytes: &[u8]) {
        self.blob.lock().hash_with(&mut self.hash, bytes);
    }
}

impl DigestHash for TarHash {
    fn digest(&self) -> Digest {
        Digest::from_bytes(self.hash.clone().finalize())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;
    use crate::oci::hashing::HashingReader;

    #[test]
    fn blob_and_tar_are_hashed_together() {
        let bytes: Vec<u8> = (0..=250).cycle().take(3 * WAITING_MAX).collect();
        // How many bytes of the blob, then of the tar, are read in turn.
        let check = |steps: &[(usize, usize)]| {
            let blob_hash = BlobHash::default();
            let mut tar = HashingReader::with_hash(&bytes[1..], blob_hash.tar_hash());
            let mut blob = HashingReader::with_hash(&bytes[..], blob_hash);
            let (mut blob_len, mut tar_len) = (0, 0);
            for (of_blob, of_tar) in steps {
                blob.read_exact(&mut vec![0; *of_blob]).unwrap();
                tar.read_exact(&mut vec![0; *of_tar]).unwrap();
                (blob_len, tar_len) = (blob_len + of_blob, tar_len + of_tar);
                assert_eq!(blob.digest(), Digest::of_bytes(&bytes[..blob_len]), "{steps:?}");
                assert_eq!(tar.digest(), Digest::of_bytes(&bytes[1..=tar_len]), "{steps:?}");
            }
            blob.check_rest(Digest::of_bytes(&bytes), bytes.len() as u64).unwrap();
        };
        check(&[]);
        check(&[(0, 100), (100, 0), (1, 1)]);
        check(&[(1000, 64), (63, 4096), (5, 0), (5, 1)]);
        check(&[(WAITING_MAX - 1, 0), (1, 0), (1, 7), (2 * WAITING_MAX - 9, 100)]);
    }
}
