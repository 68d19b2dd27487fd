//! A *layer* of a containerDisk: what its entries mean for the disk, and whether it is the right one.

use std::io;

use super::error::ImageDiskError;
use crate::cluster::contract::{DISK_DIRECTORY, cdi_takes, is_disk, is_on_way};
use crate::engine::source::blob::ImageBlob;
use crate::engine::source::{SIZE_MAX, SourceErrorKind};
use crate::oci::error::StorageError;
use crate::oci::hashing::BlobProblem;
use crate::oci::layer_tar::{ExpectedBlob, LayerProblem, LayerTar};
use crate::oci::progress::NoProgress;
use crate::oci::tar::{TarEntry, TarEntryKind, TarLimits, TarReadError, TarReader};

/// Limits of a layer's tar, in which a disk can be as long as any.
fn limits() -> TarLimits {
    TarLimits { decompressed: 2 * SIZE_MAX, ..TarLimits::default() }
}

/// A layer, and the digest of its tar.
#[derive(Debug, Clone)]
pub(super) struct LayerBlob<'a> {
    pub(super) blob: ImageBlob<'a>,
    pub(super) diff_id: String,
}

/// What a layer has to do with the disk.
pub(super) enum LayerScan {
    /// The disk is in it.
    Disk(TarEntry),
    /// It has nothing in `/disk`, and all of it was checked.
    Nothing,
}

impl<'a> LayerBlob<'a> {
    /// Opens the tar.
    pub(super) fn open(&self) -> Result<TarReader<LayerTar<'a>>, SourceErrorKind> {
        let ImageBlob { digest, size, .. } = self.blob;
        let expected = ExpectedBlob { digest, size, progress: &NoProgress, number: None };
        let tar = LayerTar::new(self.blob.open()?, expected)
            .map_err(|error| self.problem(BlobProblem::Read(error)))?;
        let compression = tar.compression();
        Ok(TarReader::new(tar, compression, limits()).with_sparse_files())
    }

    /// Reads up to the disk, or to the end of a layer that does not have it. Names of other disks are added to `others`.
    pub(super) fn scan(
        &self,
        name: Option<&str>,
        others: &mut Vec<String>,
    ) -> Result<LayerScan, SourceErrorKind> {
        let mut tar = self.open()?;
        loop {
            let entry = match tar.next().transpose() {
                Ok(Some(entry)) => entry,
                Ok(None) => break,
                Err(error) => return Err(self.tar_error(tar, error)),
            };
            match (role(&entry), name) {
                (EntryRole::Disk(file), Some(name)) if file != name => others.push(file.to_owned()),
                (EntryRole::Disk(_) | EntryRole::Other, _) => return Ok(LayerScan::Disk(entry)),
                (EntryRole::Nothing, _) => {}
            }
        }
        self.finish(tar)?;
        Ok(LayerScan::Nothing)
    }

    /// Reads the rest of the layer, and checks all of it.
    pub(super) fn finish(&self, mut tar: TarReader<LayerTar<'_>>) -> Result<(), SourceErrorKind> {
        if let Err(error) = tar.drain() {
            return Err(self.tar_error(tar, error));
        }
        let found = tar.into_inner().finish().map_err(|problem| self.problem(problem))?;
        if found.to_string() == self.diff_id {
            return Ok(());
        }
        let (expected, found) = (self.diff_id.clone(), found.to_string());
        Err(self.problem(LayerProblem::DiffId { expected, found }))
    }

    /// Returns the error for a tar that cannot be read: that the layer is the wrong one, if it is.
    pub(super) fn tar_error(
        &self,
        tar: TarReader<LayerTar<'_>>,
        error: TarReadError,
    ) -> SourceErrorKind {
        match tar.into_inner().finish() {
            Ok(_) => self.problem(error),
            Err(problem) => self.problem(problem),
        }
    }

    fn problem(&self, problem: impl Into<LayerProblem>) -> SourceErrorKind {
        let read = |error: io::Error, wrap: fn(io::Error) -> LayerProblem| {
            error.downcast::<StorageError>().map_err(wrap)
        };
        let problem = match problem.into() {
            LayerProblem::Blob(BlobProblem::Read(error)) => {
                read(error, |error| BlobProblem::Read(error).into())
            }
            LayerProblem::Tar(TarReadError::Read(error)) => {
                read(error, |error| TarReadError::Read(error).into())
            }
            other => Err(other),
        };
        match problem {
            Ok(storage) => storage.into(),
            Err(problem) => ImageDiskError::Layer { digest: self.blob.digest, problem }.into(),
        }
    }
}

/// What an entry of a layer means for the disk.
pub(super) enum EntryRole<'e> {
    /// A file in `/disk`, by its name.
    Disk(&'e str),
    /// Something that hides a disk, or that CDI takes for one.
    Other,
    /// It has nothing to do with it.
    Nothing,
}

/// Returns what an entry means for the disk.
pub(super) fn role(entry: &TarEntry) -> EntryRole<'_> {
    let is_directory = entry.kind == TarEntryKind::Directory;
    match entry.path.rsplit_once('/') {
        Some((_, name)) if is_disk(&entry.path) && cdi_takes(entry) => EntryRole::Disk(name),
        _ if is_directory && [DISK_DIRECTORY, ""].contains(&entry.path.as_str()) => {
            EntryRole::Nothing
        }
        _ if cdi_takes(entry) || is_on_way(&entry.path, DISK_DIRECTORY) => EntryRole::Other,
        _ => EntryRole::Nothing,
    }
}
