//! The *index* of a layer lists its tar entries without their contents. It is made in one pass over
//! the layer, which is verified on the way.

use std::collections::BTreeMap;
use std::io::Read;

use serde::{Deserialize, Serialize};

use crate::oci::hashing::BlobProblem;
use crate::oci::layer_tar::{ExpectedBlob, LayerProblem, LayerTar};
use crate::oci::progress::Progress;
use crate::oci::tar::{TarEntry, TarEntryKind, TarLimits, TarReader};
use crate::recipe::BaseLayer;

/// Files whose content is kept, so that user names can be looked up without the layer.
const KEPT: [&str; 2] = ["etc/passwd", "etc/group"];

/// Maximum size of a kept file, in bytes.
const KEPT_MAX: u64 = 1 << 20;

/// Content of the kept files, by offset in the tar.
type Kept = BTreeMap<u64, Vec<u8>>;

/// Entries of a layer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct LayerIndex {
    /// Digest of the blob.
    pub(super) digest: String,
    /// Digest of the uncompressed tar.
    pub(super) diff_id: String,
    /// Entries in the order of the tar.
    pub(super) members: Vec<TarEntry>,
    /// Content of the kept files, by offset in the tar.
    pub(super) kept: Kept,
}

impl LayerIndex {
    /// Returns a number that distinguishes the layer from others.
    pub(super) fn inode_number(&self) -> u64 {
        let digits = self.digest.trim_start_matches("sha256:").get(..16).unwrap_or_default();
        u64::from_str_radix(digits, 16).unwrap_or_default()
    }

    /// Indexes a layer, reading it to its end. Fails if its digest, size or tar is wrong.
    pub(super) fn read(
        blob: impl Read + Send,
        layer: &BaseLayer,
        limits: TarLimits,
        progress: &dyn Progress,
    ) -> Result<Self, LayerProblem> {
        let expected =
            ExpectedBlob { digest: layer.digest, size: layer.size, progress, number: None };
        let mut tar = LayerTar::new(blob, expected).map_err(BlobProblem::Read)?;
        let scanned = Self::scan(&mut tar, limits);
        // If the bytes are the wrong ones, that is reported rather than a malformed tar.
        let diff_id = tar.finish()?.to_string();
        let (members, kept) = scanned?;
        Ok(Self { digest: layer.digest.to_string(), diff_id, members, kept })
    }

    fn scan(
        tar: &mut LayerTar<'_>,
        limits: TarLimits,
    ) -> Result<(Vec<TarEntry>, Kept), LayerProblem> {
        let compression = tar.compression();
        let mut tar = TarReader::new(tar, compression, limits);
        let (mut members, mut kept) = (Vec::<TarEntry>::new(), Kept::new());
        let mut offsets = [None; KEPT.len()];
        while let Some(found) = tar.next().transpose()? {
            let number = KEPT.iter().position(|path| *path == found.path);
            if let Some(number) = number.filter(|_| found.kind == TarEntryKind::File) {
                // Of several entries with one name the last counts; keeping all would not be
                // bounded.
                offsets[number].replace(found.offset).map(|offset| kept.remove(&offset));
                if found.size <= KEPT_MAX {
                    kept.insert(found.offset, tar.read_whole_content()?);
                }
            }
            members.push(found);
        }
        tar.drain()?;
        Ok((members, kept))
    }
}
