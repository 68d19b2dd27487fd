//! A *sink* that writes images to a bundle, each under its full name.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};

use cap_std::fs::Dir;

use super::base::BundleBase;
use super::files::check_files;
use super::tape::{BundleTape, TapeOutcome};
use crate::oci::error::StorageError;
use crate::oci::image::digest::Digest;
use crate::oci::image::json::Document;
use crate::oci::image::reference::Reference;
use crate::oci::image::tag::Tag;
use crate::oci::sink::{
    AttachedImage, BlobWriter, NamedImage, ReportBytes, Sink, SourceBlob, TransferOutcome,
};
use crate::oci::store::index::{BUNDLE_BASE, LayoutIndex};

/// Writes images to a bundle. The files get their names at the end, and stay under temporary names if the program is
/// interrupted.
#[derive(Debug)]
pub struct BundleSink<'a> {
    state: Mutex<BundleState<'a>>,
    base: Option<&'a BundleBase>,
    path: String,
}

#[derive(Debug)]
struct BundleState<'a> {
    tape: BundleTape<'a>,
    index: LayoutIndex,
    /// What belongs to images and has a tag.
    tagged: BTreeMap<Tag, Document>,
    attached: Vec<AttachedImage>,
}

impl<'a> BundleSink<'a> {
    /// Starts the bundle `name` in a directory, or continues it. `path` is its path in messages, `part_len` the length of its parts in
    /// bytes, if it is split. Blobs that `base` has are left out. A file of something else that would be replaced is an error.
    pub fn open(
        dir: &'a Dir,
        name: &str,
        path: &str,
        part_len: Option<u64>,
        base: Option<&'a BundleBase>,
    ) -> Result<Self, StorageError> {
        check_files(dir, name, path, part_len.is_some())?;
        let tape = BundleTape::open(dir, name, path, part_len);
        let tape = tape.map_err(StorageError::io("write", path))?;
        let mut index = LayoutIndex::empty();
        if let Some(base) = base {
            index.annotate(BUNDLE_BASE, &base.digest().to_string());
        }
        let (tagged, attached) = (BTreeMap::new(), Vec::new());
        let state = Mutex::new(BundleState { tape, index, tagged, attached });
        Ok(Self { state, base, path: path.to_owned() })
    }

    /// Completes the bundle; returns the number of its parts, 0 if it is one file.
    pub fn finish(self) -> Result<usize, StorageError> {
        let fail = StorageError::io("write", self.path.as_str());
        let BundleState { mut tape, mut index, attached, .. } =
            self.state.into_inner().unwrap_or_else(PoisonError::into_inner);
        let attached = attached.iter().try_for_each(|it| index.attach(it));
        attached.and_then(|()| tape.finish(&index.to_bytes()?)).map_err(fail)
    }

    fn state(&self) -> MutexGuard<'_, BundleState<'a>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn error(&self) -> impl FnOnce(io::Error) -> StorageError {
        StorageError::io("write", self.path.as_str())
    }

    /// Returns whether the earlier bundle has a blob for all these names.
    fn is_in_base(&self, digest: Digest, names: &[Reference]) -> bool {
        let has = |base: &BundleBase| names.iter().all(|name| base.has(name, digest));
        self.base.is_some_and(has)
    }
}

impl Sink for BundleSink<'_> {
    fn has_blob(
        &self,
        digest: Digest,
        _size: u64,
        names: &[Reference],
        _poll: &ReportBytes<'_>,
    ) -> Result<bool, StorageError> {
        Ok(self.is_in_base(digest, names))
    }

    fn start_blob(
        &self,
        _len: u64,
        _names: &[Reference],
    ) -> Result<Box<dyn BlobWriter + '_>, StorageError> {
        // Only finished images are bundled.
        Err(self.error()(io::ErrorKind::Unsupported.into()))
    }

    fn put_blob(
        &self,
        blob: &SourceBlob<'_>,
        names: &[Reference],
        advanced: &ReportBytes<'_>,
    ) -> Result<TransferOutcome, StorageError> {
        if self.is_in_base(blob.digest, names) {
            return Ok(TransferOutcome::Existed);
        }
        Ok(match self.state().tape.append_blob(blob, advanced)? {
            TapeOutcome::Existed => TransferOutcome::Existed,
            TapeOutcome::Copied => TransferOutcome::Copied,
        })
    }

    fn put_document(&self, document: &Document, _names: &[Reference]) -> Result<(), StorageError> {
        self.state().tape.append_document(document).map_err(self.error())
    }

    fn find_attachment(
        &self,
        _name: Option<&Reference>,
        tag: &Tag,
    ) -> Result<Option<Document>, StorageError> {
        Ok(self.state().tagged.get(tag).cloned())
    }

    fn attach(&self, attached: &[AttachedImage]) -> Result<(), StorageError> {
        let mut state = self.state();
        for image in attached {
            if let Some(tag) = &image.tag {
                state.tagged.insert(tag.clone(), (*image.document).clone());
            }
            state.attached.push(image.clone());
        }
        Ok(())
    }

    fn publish(&self, images: &[NamedImage]) -> Result<(), StorageError> {
        let mut state = self.state();
        let named = images.iter().try_for_each(|named| state.index.set_full_name(named));
        named.map_err(self.error())
    }

    fn max_parallel_blobs(&self) -> usize {
        1
    }
}
