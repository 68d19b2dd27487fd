//! The *index* of a layer: what is in it, without the contents. It is made in one pass over the
//! layer, which is verified on the way.

use std::collections::BTreeMap;
use std::io::{self, Read};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use thiserror::Error;

use crate::archive::{self, ArchiveError, Found, Kind, Limits, Members};
use crate::image::digest::Digest;
use crate::progress::Progress;
use crate::recipe::BaseLayer;

/// Files whose bytes are kept, so that names of users can be looked up without the layer.
const KEPT: [&str; 2] = ["etc/passwd", "etc/group"];

/// The longest of them, in bytes.
const KEPT_MAX: u64 = 1 << 20;

/// What is in a layer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct LayerIndex {
    /// Of the blob.
    pub(super) digest: String,
    /// Of the unpacked tar.
    pub(super) diff_id: String,
    /// In the order of the tar.
    pub(super) members: Vec<Found>,
    /// The bytes of a few files, by where they begin.
    pub(super) kept: BTreeMap<u64, Vec<u8>>,
}

/// What is wrong with a layer.
#[derive(Debug, Error)]
pub enum LayerProblem {
    /// Its bytes are not those that the manifest names.
    #[error("its bytes have the digest {0}")]
    Digest(Digest),
    /// It has another size than the manifest says.
    #[error("it has {found} bytes, not {expected} as its manifest says")]
    Size {
        /// What the manifest says.
        expected: u64,
        /// How many there are, or one more than expected.
        found: u64,
    },
    /// The unpacked tar is not the one that the config names.
    #[error("unpacked, its digest is {found}, not {expected} as the config says")]
    DiffId {
        /// What the config says.
        expected: String,
        /// Of the unpacked tar.
        found: String,
    },
    /// Its bytes cannot be had.
    #[error("{0}")]
    Read(io::Error),
    /// It is not a tar that can be used.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// It does not fit the layers below.
    #[error(transparent)]
    Overlay(#[from] super::OverlayError),
    /// With it the image has more files than are read.
    #[error("with it the image has more than {0} files")]
    TooMany(usize),
}

impl LayerIndex {
    /// Returns a number that tells the layer from others.
    pub(super) fn number(&self) -> u64 {
        let digits = self.digest.trim_start_matches("sha256:").get(..16).unwrap_or_default();
        u64::from_str_radix(digits, 16).unwrap_or_default()
    }

    /// Reads a layer to its end.
    pub(super) fn read(
        blob: impl Read + Send,
        layer: &BaseLayer,
        limits: Limits,
        progress: &dyn Progress,
    ) -> Result<Self, LayerProblem> {
        let mut raw = Hashed::new(blob.take(layer.size.saturating_add(1)), progress);
        let index = Self::scan(&mut raw, layer, limits, progress);
        // A tar that cannot be read is no news where the bytes are not the right ones.
        io::copy(&mut raw, &mut io::sink()).map_err(LayerProblem::Read)?;
        if raw.len != layer.size {
            return Err(LayerProblem::Size { expected: layer.size, found: raw.len });
        }
        let digest = Digest::of(raw.hash);
        if digest != layer.digest {
            return Err(LayerProblem::Digest(digest));
        }
        index
    }

    fn scan(
        raw: impl Read + Send,
        layer: &BaseLayer,
        limits: Limits,
        progress: &dyn Progress,
    ) -> Result<Self, LayerProblem> {
        let (packing, tar) = archive::unpack(raw)?;
        let mut tar = Members::new(Hashed::new(tar, progress), packing, limits);
        let (mut members, mut kept) = (Vec::<Found>::new(), BTreeMap::new());
        let mut offsets = [None; KEPT.len()];
        while let Some(found) = tar.next().transpose()? {
            let number = KEPT.iter().position(|path| *path == found.path);
            if let Some(number) = number.filter(|_| found.kind == Kind::File) {
                // Of several with one name the last counts; all would be more than can be kept.
                offsets[number].replace(found.offset).map(|offset| kept.remove(&offset));
                if found.size <= KEPT_MAX {
                    kept.insert(found.offset, tar.content()?);
                }
            }
            members.push(found);
        }
        tar.drain()?;
        let (digest, diff_id) = (layer.digest.to_string(), Digest::of(tar.into_inner().hash));
        Ok(Self { digest, diff_id: diff_id.to_string(), members, kept })
    }
}

/// Hashes what is read, until the user wants to stop.
struct Hashed<'p, R> {
    inner: R,
    hash: Sha256,
    len: u64,
    progress: &'p dyn Progress,
}

impl<'p, R> Hashed<'p, R> {
    fn new(inner: R, progress: &'p dyn Progress) -> Self {
        Self { inner, hash: Sha256::new(), len: 0, progress }
    }
}

impl<R: Read> Read for Hashed<'_, R> {
    fn read(&mut self, space: &mut [u8]) -> io::Result<usize> {
        if self.progress.is_cancelled() {
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
        let count = self.inner.read(space)?;
        self.hash.update(&space[..count]);
        self.len += count as u64;
        Ok(count)
    }
}
