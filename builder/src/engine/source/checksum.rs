//! Hashes what is read as its *checksum* needs it.

use sha2::{Digest as _, Sha256, Sha512};

use crate::oci::hashing::ByteHash;
use crate::oci::image::digest::hex;
use crate::recipe::Checksum;

/// A hash of what a checksum is compared with.
pub(super) enum ChecksumHash {
    None,
    Sha256(Sha256),
    Sha512(Sha512),
}

impl ChecksumHash {
    /// Returns a hash of what is to come, if there is a checksum to compare it with.
    pub(super) fn new(checksum: Option<&Checksum>) -> Self {
        match checksum {
            None => Self::None,
            Some(Checksum::Sha256(_)) => Self::Sha256(Sha256::new()),
            Some(Checksum::Sha512(_)) => Self::Sha512(Sha512::new()),
        }
    }

    /// Returns the checksum of what was hashed; later bytes are not hashed.
    pub(super) fn finish(&mut self) -> Option<Checksum> {
        match std::mem::replace(self, Self::None) {
            Self::None => None,
            Self::Sha256(hash) => Some(Checksum::Sha256(hex(&hash.finalize()))),
            Self::Sha512(hash) => Some(Checksum::Sha512(hex(&hash.finalize()))),
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
