//! An OCI image layout in a directory that images are written to. Blobs and index are written to
//! temporary files, synced and renamed; several builds can add to one layout at the same time.

use std::fs::File;
use std::io::{Read, Seek as _, SeekFrom, Write as _};
use std::ops::ControlFlow;

use cap_std::fs::Dir;

use super::existing::ExistingBlobs;
use super::file::open_file;
use super::layout_blob::{BlobFile, LayoutBlob};
use super::layout_dir::{LayoutDir, sync_dir};
use super::locks::BlobsLock;
use super::partial::{PARTIAL_LEN_MIN, PartialBlob};
use super::reader::LayoutImages;
use super::{BLOBS, BlobStart, READ_ACT, copy_blob};
use crate::oci::error::StorageError;
use crate::oci::image::descriptor::Descriptor;
use crate::oci::image::digest::Digest;
use crate::oci::image::json::Document;
use crate::oci::image::reference::Reference;
use crate::oci::image::tag::Tag;
use crate::oci::images::Images as _;
use crate::oci::new_file::{NewFile, remove_abandoned_files};
use crate::oci::sink::{
    self, AttachedImage, BlobWriter, NamedImage, ReportBytes, Sink, StoreSink, TransferOutcome,
};

/// A layout that images are added to.
#[derive(Debug)]
pub struct LayoutSink {
    layout: LayoutDir,
    existing: ExistingBlobs,
    /// Protects blobs that the index does not list yet.
    _lock: BlobsLock,
}

impl LayoutSink {
    /// Opens the layout in a directory, or creates one if the directory is empty. `path` is its
    /// path in messages.
    pub fn open(dir: Dir, path: &str) -> Result<Self, StorageError> {
        let layout = LayoutDir::open_or_create(dir, path)?;
        let lock = BlobsLock::shared(layout.blobs_dir(), path)?;
        remove_abandoned_files(layout.blobs_dir());
        remove_abandoned_files(layout.dir());
        Ok(Self { layout, existing: ExistingBlobs::default(), _lock: lock })
    }
}

impl Sink for LayoutSink {
    fn has_blob(
        &self,
        digest: Digest,
        size: u64,
        _names: &[Reference],
        poll: &ReportBytes<'_>,
    ) -> Result<bool, StorageError> {
        let path = self.layout.path_of(&format!("{BLOBS}/{}", digest.to_hex()));
        self.existing.verify(self.layout.blobs_dir(), digest, size, &path, poll)
    }

    fn start_blob(
        &self,
        _len: u64,
        _names: &[Reference],
    ) -> Result<Box<dyn BlobWriter + '_>, StorageError> {
        Ok(Box::new(LayoutBlob::new(&self.layout, &self.existing, BlobFile::New(self.new_file()?))))
    }

    fn put_blob(
        &self,
        blob: &sink::SourceBlob<'_>,
        names: &[Reference],
        advanced: &ReportBytes<'_>,
    ) -> Result<TransferOutcome, StorageError> {
        if self.has_blob(blob.digest, blob.size, names, &|_| advanced(0))? {
            return Ok(TransferOutcome::Existed);
        }
        let path = self.layout.path_of(BLOBS);
        let (file, start) = self.open_file(blob, advanced)?;
        let is_begun = start.len > 0;
        let mut writer = LayoutBlob::new(&self.layout, &self.existing, file);
        let mut copied = match advanced(start.len) {
            ControlFlow::Continue(()) => copy_blob(blob, start, &mut writer, &path, advanced),
            ControlFlow::Break(()) => Err(StorageError::Cancelled),
        };
        if is_begun && matches!(copied, Err(StorageError::Unexpected { .. })) {
            // What was written earlier is damaged.
            writer.clear().map_err(StorageError::io("write", path.as_str()))?;
            copied = copy_blob(blob, BlobStart::default(), &mut writer, &path, advanced);
        }
        if copied.as_ref().is_err_and(is_of_source) {
            writer.keep();
        }
        copied?;
        writer.finish(blob.digest, blob.size)?;
        Ok(TransferOutcome::Copied)
    }

    fn put_document(&self, document: &Document, names: &[Reference]) -> Result<(), StorageError> {
        let size = document.bytes.len() as u64;
        if self.has_blob(document.digest, size, names, &|_| ControlFlow::Continue(()))? {
            return Ok(());
        }
        let mut blob = self.start_blob(size, names)?;
        let path = || self.layout.path_of(&format!("{BLOBS}/{}", document.digest.to_hex()));
        blob.write_all(&document.bytes).map_err(StorageError::io("write", path()))?;
        blob.finish(document.digest, size)
    }

    fn find_attachment(
        &self,
        _name: Option<&Reference>,
        tag: &Tag,
    ) -> Result<Option<Document>, StorageError> {
        let path = self.layout.path();
        let dir = self.layout.dir().try_clone().map_err(StorageError::io("open", path))?;
        LayoutImages::open(dir, path)?.find_image(tag.as_str())
    }

    fn list_referrers(
        &self,
        _name: Option<&Reference>,
        subject: Digest,
    ) -> Result<Vec<Descriptor>, StorageError> {
        let path = self.layout.path();
        let dir = self.layout.dir().try_clone().map_err(StorageError::io("open", path))?;
        LayoutImages::open(dir, path)?.list_referrers(subject)
    }

    fn open_blob_file(&self, digest: Digest, size: u64) -> Option<File> {
        let file = open_file(self.layout.blobs_dir(), &digest.to_hex()).ok()?;
        let len = file.metadata().ok()?.len();
        (len == size).then(|| file.into_std())
    }

    fn attach(&self, attached: &[AttachedImage]) -> Result<(), StorageError> {
        if attached.is_empty() {
            return Ok(());
        }
        self.layout.change_index(|index| attached.iter().try_for_each(|it| index.attach(it)))
    }

    fn publish(&self, images: &[NamedImage]) -> Result<(), StorageError> {
        let synced = sync_dir(self.layout.blobs_dir());
        synced.map_err(StorageError::io("sync", self.layout.path_of(BLOBS)))?;
        self.layout.change_index(|index| images.iter().try_for_each(|named| index.set_name(named)))
    }

    fn max_parallel_blobs(&self) -> usize {
        usize::MAX
    }
}

impl StoreSink for LayoutSink {
    fn open_blob(
        &self,
        digest: Digest,
        _size: u64,
        at: u64,
    ) -> Result<Box<dyn Read + '_>, StorageError> {
        let name = digest.to_hex();
        let open = || {
            let mut file = open_file(self.layout.blobs_dir(), &name)?;
            file.seek(SeekFrom::Start(at))?;
            Ok(file)
        };
        let path = self.layout.path_of(&format!("{BLOBS}/{name}"));
        Ok(Box::new(open().map_err(StorageError::io("read", path))?))
    }
}

impl LayoutSink {
    fn new_file(&self) -> Result<NewFile<'_>, StorageError> {
        let file = NewFile::new(self.layout.blobs_dir());
        file.map_err(StorageError::io("write to", self.layout.path_of(BLOBS)))
    }

    /// Opens the file of a blob that is copied, and returns what was written to it earlier.
    fn open_file(
        &self,
        blob: &sink::SourceBlob<'_>,
        advanced: &ReportBytes<'_>,
    ) -> Result<(BlobFile<'_>, BlobStart), StorageError> {
        let error = || StorageError::io("write to", self.layout.path_of(BLOBS));
        let partial = match blob.size {
            PARTIAL_LEN_MIN.. => PartialBlob::open(self.layout.blobs_dir(), blob.digest),
            _ => Ok(None),
        };
        let Some(mut partial) = partial.map_err(error())? else {
            return Ok((BlobFile::New(self.new_file()?), BlobStart::default()));
        };
        let start = partial.read_start(blob.size, &|_| advanced(0)).map_err(error())?;
        let start = start.ok_or(StorageError::Cancelled)?;
        Ok((BlobFile::Partial(partial), start))
    }
}

/// Returns whether a copy failed at its source, or was cancelled: what was written can be continued.
fn is_of_source(error: &StorageError) -> bool {
    match error {
        StorageError::Remote { .. } | StorageError::Cancelled => true,
        StorageError::Io { act, .. } => *act == READ_ACT,
        StorageError::Unexpected { .. } | StorageError::Refused { .. } => false,
    }
}
