//! The *index* of a layer: what is in it, without the contents. It is made in one pass over the
//! layer, which is verified on the way.

use std::collections::BTreeMap;
use std::io::Read;

use serde::{Deserialize, Serialize};

use crate::oci::hashing::BlobProblem;
use crate::oci::layer_tar::{ExpectedBlob, LayerProblem, LayerTar};
use crate::oci::progress::Progress;
use crate::oci::tar::{TarEntry, TarEntryKind, TarLimits, TarReader};
use crate::recipe::BaseLayer;

/// Files whose bytes are kept, so that names of users can be looked up without the layer.
const KEPT: [&str; 2] = ["etc/passwd", "etc/group"];

/// The longest of them, in bytes.
const KEPT_MAX: u64 = 1 << 20;

/// The bytes of a few files, by where they begin.
type Kept = BTreeMap<u64, Vec<u8>>;

/// What is in a layer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct LayerIndex {
    /// Of the blob.
    pub(super) digest: String,
    /// Of the unpacked tar.
    pub(super) diff_id: String,
    /// In the order of the tar.
    pub(super) members: Vec<TarEntry>,
    /// The bytes of a few files, by where they begin.
    pub(super) kept: Kept,
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
        limits: TarLimits,
        progress: &dyn Progress,
    ) -> Result<Self, LayerProblem> {
        let expected =
            ExpectedBlob { digest: layer.digest, size: layer.size, progress, number: None };
        let mut tar = LayerTar::new(blob, expected).map_err(BlobProblem::Read)?;
        let scanned = Self::scan(&mut tar, limits);
        // A tar that cannot be read is no news where the bytes are not the right ones.
        let diff_id = tar.finish()?.to_string();
        let (members, kept) = scanned?;
        Ok(Self { digest: layer.digest.to_string(), diff_id, members, kept })
    }

    fn scan(
        tar: &mut LayerTar<'_>,
        limits: TarLimits,
    ) -> Result<(Vec<TarEntry>, Kept), LayerProblem> {
        let packing = tar.compression();
        let mut tar = TarReader::new(tar, packing, limits);
        let (mut members, mut kept) = (Vec::<TarEntry>::new(), Kept::new());
        let mut offsets = [None; KEPT.len()];
        while let Some(found) = tar.next().transpose()? {
            let number = KEPT.iter().position(|path| *path == found.path);
            if let Some(number) = number.filter(|_| found.kind == TarEntryKind::File) {
                // Of several with one name the last counts; all would be more than can be kept.
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
