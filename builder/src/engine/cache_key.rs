//! The *key* of a cache directory authenticates its entries. An entry says what another file has to
//! be, and is believed only if this user's program wrote it there for that input.

use std::io::{self, Read as _, Write as _};

use cap_std::fs::{Dir, OpenOptions, OpenOptionsExt as _};
use hmac::{Hmac, KeyInit as _, Mac as _};
use rustix::fs::{Mode, OFlags, fchmod};
use rustix::rand::{GetRandomFlags, getrandom};
use sha2::Sha256;

use crate::oci::image::digest::Digest;
use crate::oci::new_file::NewFile;

/// Name of the file with the key of a cache directory.
pub const KEY_FILE_NAME: &str = "key";

/// Length of the key in bytes.
const KEY_LEN: usize = 32;

/// The secret key of a cache directory.
pub(crate) struct CacheKey([u8; KEY_LEN]);

impl CacheKey {
    /// Reads the key of a directory; none if it has none yet.
    pub(crate) fn find(dir: &Dir) -> Option<Self> {
        let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed();
        let options = OpenOptions::new().read(true).custom_flags(flags).clone();
        let file = dir.open_with(KEY_FILE_NAME, &options).ok()?;
        let mut bytes = Vec::new();
        file.take(KEY_LEN as u64 + 1).read_to_end(&mut bytes).ok()?;
        bytes.try_into().ok().map(Self)
    }

    /// Reads the key of a directory, or makes one.
    pub(crate) fn ensure(dir: &Dir) -> io::Result<Self> {
        if let Some(key) = Self::find(dir) {
            return Ok(key);
        }
        let mut key = [0; KEY_LEN];
        if getrandom(&mut key[..], GetRandomFlags::empty())? != KEY_LEN {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let key = Self(key);
        if key.new_file(dir)?.create(KEY_FILE_NAME).is_ok() {
            return Ok(key);
        }
        match Self::find(dir) {
            // Another program made one at the same time.
            Some(other) => Ok(other),
            // The one that exists is damaged.
            None => key.new_file(dir)?.replace(KEY_FILE_NAME).map(|()| key),
        }
    }

    /// Starts a file with the key that only the user can read.
    fn new_file<'d>(&self, dir: &'d Dir) -> io::Result<NewFile<'d>> {
        let mut file = NewFile::new(dir)?;
        fchmod(file.as_file(), Mode::RUSR | Mode::WUSR)?;
        file.as_file_mut().write_all(&self.0)?;
        Ok(file)
    }

    /// Returns the authentication code of a text, HMAC-SHA-256 (RFC 2104).
    pub(crate) fn authenticate(&self, text: &[u8]) -> Digest {
        // Keys of every length are accepted.
        let mac = Hmac::<Sha256>::new_from_slice(&self.0).unwrap_or_else(|_| unreachable!());
        Digest::from_bytes(mac.chain_update(text).finalize().into_bytes().into())
    }
}

#[cfg(test)]
mod tests {
    use cap_std::ambient_authority;

    use super::*;

    #[test]
    fn codes_are_those_of_hmac() {
        // Made with `openssl dgst -sha256 -mac HMAC -macopt hexkey:0b…0b`.
        let code = CacheKey([0x0b; KEY_LEN]).authenticate(b"Hi There");
        let expected = "198a607eb44bfbc69903a0f1cf2bbdc5ba0aa3f3d9ae3c1c7a3b1696a0b68cf7";
        assert_eq!(code.to_hex(), expected);
    }

    #[test]
    fn a_directory_keeps_its_key() {
        let temporary = tempfile::tempdir().unwrap();
        let dir = Dir::open_ambient_dir(temporary.path(), ambient_authority()).unwrap();
        assert!(CacheKey::find(&dir).is_none());
        let first = CacheKey::ensure(&dir).unwrap().0;
        assert_eq!(CacheKey::ensure(&dir).unwrap().0, first);
        assert_ne!(first, [0; KEY_LEN]);
        dir.write(KEY_FILE_NAME, b"cut").unwrap();
        let second = CacheKey::ensure(&dir).unwrap().0;
        assert_ne!(second, first);
        assert_eq!(CacheKey::find(&dir).unwrap().0, second);
    }
}
