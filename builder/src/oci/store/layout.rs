//! An OCI image layout in a directory. Blobs and index are written to temporary files, synced and
//! renamed; a lock lets several builds add to one layout at the same time.

use std::fs::File;
use std::io::{self, IoSlice, Read, Write};

use cap_std::fs::{Dir, OpenOptions};
use cap_tempfile::TempFile;
use oci_spec::image::OciLayout;
use ocidir::OciDir;
use rustix::fs::{FlockOperation, flock};

use super::index::LayoutIndex;
use super::writeback::Writeback;
use super::{BLOBS, INDEX, copy_blob};
use crate::oci::error::StorageError;
use crate::oci::image::digest::Digest;
use crate::oci::image::json::Document;
use crate::oci::image::reference::Reference;
use crate::oci::sink::{self, BlobWriter, NamedImage, ReportBytes, Sink, TransferOutcome};

/// The only version of OCI layouts.
const LAYOUT_VERSION: &str = "1.0.0";

/// Length of a write in bytes from which on it belongs to a layer, not to a document.
const LONG: usize = 64 * 1024;

/// A layout that images are added to.
#[derive(Debug)]
pub struct LayoutSink {
    oci: OciDir,
    path: String,
}

impl LayoutSink {
    /// Opens the layout in a directory, or creates one if the directory is empty. `path` is its
    /// path in messages.
    pub fn open(dir: Dir, path: &str) -> Result<Self, StorageError> {
        // Of several builds that start in the same empty directory, one creates the layout. Errors
        // are ignored, since not all file systems can lock directories.
        let making = dir.open(".").map_err(StorageError::io("open", path))?;
        flock(&making, FlockOperation::LockExclusive).unwrap_or_default();
        let is_layout = dir.try_exists("oci-layout").map_err(StorageError::io("open", path))?;
        let mut entries = dir.entries().map_err(StorageError::io("list", path))?;
        if !is_layout && entries.next().is_some() {
            return Err(StorageError::Unexpected {
                path: path.into(),
                problem: "is neither empty nor an OCI layout".into(),
            });
        }
        if is_layout {
            check_version(&dir, path)?;
        }
        let oci = OciDir::ensure(dir).map_err(|error| StorageError::Unexpected {
            path: path.into(),
            problem: format!("cannot be used as an OCI layout: {error}"),
        })?;
        drop(making);
        let layout = Self { oci, path: path.into() };
        // A malformed index is reported before a long build rather than after it.
        layout.read_index()?;
        Ok(layout)
    }

    fn path_of(&self, name: &str) -> String {
        format!("{}/{name}", self.path)
    }

    fn read_index(&self) -> Result<Option<(Vec<u8>, LayoutIndex)>, StorageError> {
        let path = self.path_of(INDEX);
        let mut bytes = Vec::new();
        let read = match self.oci.dir().open(INDEX) {
            Ok(mut file) => file.read_to_end(&mut bytes),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => Err(error),
        };
        read.map_err(StorageError::io("read", path.as_str()))?;
        let index = LayoutIndex::parse(&bytes);
        index
            .map(|index| Some((bytes, index)))
            .map_err(|problem| StorageError::Unexpected { path, problem })
    }

    fn write_index(&self, bytes: &[u8]) -> Result<(), StorageError> {
        let write = || {
            let mut file = TempFile::new(self.oci.dir())?;
            file.write_all(bytes)?;
            file.as_file().sync_all()?;
            file.replace(INDEX)?;
            sync_dir(self.oci.dir())
        };
        write().map_err(StorageError::io("write", self.path_of(INDEX)))
    }

    /// Locks the index against other builds.
    fn lock(&self) -> io::Result<File> {
        // This is the only file of a layout that is never replaced.
        let options = OpenOptions::new().read(true).write(true).clone();
        let file = self.oci.dir().open_with("oci-layout", &options)?.into_std();
        flock(&file, FlockOperation::LockExclusive)?;
        Ok(file)
    }
}

impl Sink for LayoutSink {
    fn has_blob(
        &self,
        digest: Digest,
        size: u64,
        _names: &[Reference],
    ) -> Result<bool, StorageError> {
        match self.oci.blobs_dir().metadata(digest.to_hex()) {
            Ok(metadata) => Ok(metadata.is_file() && metadata.len() == size),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => {
                let path = self.path_of(&format!("{BLOBS}/{}", digest.to_hex()));
                Err(StorageError::io("look at", path)(error))
            }
        }
    }

    fn start_blob(
        &self,
        _len: u64,
        _names: &[Reference],
    ) -> Result<Box<dyn BlobWriter + '_>, StorageError> {
        let file = TempFile::new(self.oci.blobs_dir());
        let error = || StorageError::io("write to", self.path_of(BLOBS));
        let file = Some(file.map_err(error())?);
        Ok(Box::new(LayoutBlob { file, layout: self, writeback: None }))
    }

    fn put_blob(
        &self,
        blob: &sink::SourceBlob<'_>,
        names: &[Reference],
        advanced: &ReportBytes<'_>,
    ) -> Result<TransferOutcome, StorageError> {
        if self.has_blob(blob.digest, blob.size, names)? {
            return Ok(TransferOutcome::Existed);
        }
        let mut writer = self.start_blob(blob.size, names)?;
        copy_blob(blob, &mut writer, &self.path_of(BLOBS), advanced)?;
        writer.finish(blob.digest, blob.size)?;
        Ok(TransferOutcome::Copied)
    }

    fn put_document(&self, document: &Document, names: &[Reference]) -> Result<(), StorageError> {
        let size = document.bytes.len() as u64;
        if self.has_blob(document.digest, size, names)? {
            return Ok(());
        }
        let mut blob = self.start_blob(size, names)?;
        let path = || self.path_of(&format!("{BLOBS}/{}", document.digest.to_hex()));
        blob.write_all(&document.bytes).map_err(StorageError::io("write", path()))?;
        blob.finish(document.digest, size)
    }

    fn publish(&self, images: &[NamedImage]) -> Result<(), StorageError> {
        let lock = self.lock().map_err(StorageError::io("lock", self.path.as_str()))?;
        sync_dir(self.oci.blobs_dir()).map_err(StorageError::io("sync", self.path_of(BLOBS)))?;
        let (old, mut index) = self.read_index()?.unwrap_or((Vec::new(), LayoutIndex::empty()));
        let new = images
            .iter()
            .try_for_each(|named| index.set_name(named))
            .and_then(|()| index.to_bytes())
            .map_err(StorageError::io("compose", self.path_of(INDEX)))?;
        // An unchanged index keeps its modification time, which make compares.
        if new != old {
            self.write_index(&new)?;
        }
        drop(lock);
        Ok(())
    }

    fn max_parallel_blobs(&self) -> usize {
        usize::MAX
    }
}

/// Refuses layouts of an unknown version.
fn check_version(dir: &Dir, path: &str) -> Result<(), StorageError> {
    let bytes = dir.read("oci-layout").map_err(StorageError::io("open", path))?;
    let version = match serde_json::from_slice::<OciLayout>(&bytes) {
        Ok(layout) if layout.image_layout_version() == LAYOUT_VERSION => return Ok(()),
        Ok(layout) => format!("version {}", layout.image_layout_version()),
        Err(_) => "an unknown version".to_owned(),
    };
    Err(StorageError::Unexpected {
        path: path.into(),
        problem: format!("is an OCI layout of {version}, not {LAYOUT_VERSION}"),
    })
}

struct LayoutBlob<'a> {
    /// The temporary file; none after it was renamed.
    file: Option<TempFile<'a>>,
    layout: &'a LayoutSink,
    /// Started by the first long write: documents do not need it.
    writeback: Option<Writeback>,
}

impl LayoutBlob<'_> {
    fn file(&mut self) -> io::Result<&mut cap_std::fs::File> {
        let file = self.file.as_mut().ok_or_else(|| io::Error::other("the blob is finished"))?;
        Ok(file.as_file_mut())
    }

    fn count_written(&mut self, len: usize) -> io::Result<usize> {
        if self.writeback.is_none() && len >= LONG {
            let file = self.file()?.try_clone()?.into_std();
            self.writeback = Some(Writeback::start(file)?);
        }
        if let Some(writeback) = &mut self.writeback {
            writeback.count_written(len);
        }
        Ok(len)
    }
}

impl Write for LayoutBlob<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let len = self.file()?.write(bytes)?;
        self.count_written(len)
    }

    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        let len = self.file()?.write_vectored(slices)?;
        self.count_written(len)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl BlobWriter for LayoutBlob<'_> {
    fn finish(&mut self, digest: Digest, _size: u64) -> Result<(), StorageError> {
        let path = self.layout.path_of(&format!("{BLOBS}/{}", digest.to_hex()));
        let mut write_blob = || {
            self.writeback.take().map_or(Ok(()), Writeback::finish)?;
            self.file()?.sync_all()?;
            self.file.take().map_or(Ok(()), |file| file.replace(digest.to_hex()))
        };
        write_blob().map_err(StorageError::io("write", path))
    }
}

fn sync_dir(dir: &Dir) -> io::Result<()> {
    dir.open(".")?.sync_all()
}
