//! Hashes content with the algorithm of the *checksum* that it is compared with.

use sha2::{Digest as _, Sha256, Sha512};

use crate::oci::hashing::ByteHash;
use crate::oci::image::digest::encode_hex;
use crate::recipe::Checksum;

/// A hash in progress; none without a checksum to compare with.
pub(super) enum ChecksumHash {
    None,
    Sha256(Sha256),
    Sha512(Sha512),
}

impl ChecksumHash {
    /// Starts a hash with the algorithm of `checksum`.
    pub(super) fn new(checksum: Option<&Checksum>) -> Self {
        match checksum {
            None => Self::None,
            Some(Checksum::Sha256(_)) => Self::Sha256(Sha256::new()),
            Some(Checksum::Sha512(_)) => Self::Sha512(Sha512::new()),
        }
    }

    /// Returns the checksum of the hashed bytes; later bytes are not hashed.
    pub(super) fn finish(&mut self) -> Option<Checksum> {
        match std::mem::replace(self, Self::None) {
            Self::None => None,
            Self::Sha256(hash) => Some(Checksum::Sha256(encode_hex(&hash.finalize()))),
            Self::Sha512(hash) => Some(Checksum::Sha512(encode_hex(&hash.finalize()))),
        }
    }
}

impl ByteHash for ChecksumHash {
    fn add(&mut self, bytes: &[u8]) {
        match self {
            Self::None => {}
            Self::Sha256(hash) => hash.update(bytes),
            Self::Sha512(hash) => hash.update(bytes),
        }
    }
}
