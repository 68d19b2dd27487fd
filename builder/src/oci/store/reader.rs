//! The images of a layout, for *reading*. A layout is untrusted: blobs must be regular files, not
//! links.

use std::io::{self, Read, Seek, SeekFrom};

use cap_std::fs::{Dir, File};

use super::entries::LayoutEntries;
use super::file::{open_file, read_document_file};
use super::{BLOBS, INDEX, parse_document};
use crate::oci::error::StorageError;
use crate::oci::image::descriptor::Descriptor;
use crate::oci::image::digest::Digest;
use crate::oci::image::json::Document;
use crate::oci::image::ref_name::RefName;
use crate::oci::images::Images;

/// The images of a layout.
#[derive(Debug)]
pub struct LayoutImages {
    dir: Dir,
    path: String,
    entries: LayoutEntries,
}

impl LayoutImages {
    /// Opens the layout in a directory. `path` is its path in messages.
    pub fn open(dir: Dir, path: &str) -> Result<Self, StorageError> {
        let foreign =
            |problem: &str| StorageError::Unexpected { path: path.into(), problem: problem.into() };
        let is_layout = dir.try_exists("oci-layout").map_err(StorageError::io("open", path))?;
        if !is_layout {
            return Err(foreign("is not an OCI layout"));
        }
        let bytes = match read_document_file(&dir, INDEX) {
            Ok(bytes) => bytes,
            // The layout is still being created.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Ok(Self { dir, path: path.into(), entries: LayoutEntries::default() });
            }
            Err(error) => return Err(StorageError::io("read", format!("{path}/{INDEX}"))(error)),
        };
        let entries = LayoutEntries::parse(&bytes, path)?;
        Ok(Self { dir, path: path.into(), entries })
    }

    fn blob_path(&self, digest: Digest) -> String {
        format!("{}/{BLOBS}/{}", self.path, digest.to_hex())
    }

    fn open_blob(&self, digest: Digest) -> Result<File, StorageError> {
        open_file(&self.dir, &format!("{BLOBS}/{}", digest.to_hex()))
            .map_err(StorageError::io("read", self.blob_path(digest)))
    }

    /// Opens a blob, and fails unless it has this size.
    fn sized_blob(&self, digest: Digest, size: u64) -> Result<File, StorageError> {
        let file = self.open_blob(digest)?;
        let path = self.blob_path(digest);
        let len = file.metadata().map_err(StorageError::io("read", path.as_str()))?.len();
        if len == size {
            return Ok(file);
        }
        let problem = format!("has {len} bytes, not {size} as its manifest says");
        Err(StorageError::Unexpected { path, problem })
    }

    fn read_blob_document(&self, digest: Digest, declared: &str) -> Result<Document, StorageError> {
        let path = self.blob_path(digest);
        let bytes = read_document_file(&self.dir, &format!("{BLOBS}/{}", digest.to_hex()));
        let bytes = bytes.map_err(StorageError::io("read", path.as_str()))?;
        parse_document(declared, bytes, digest, &path)
    }
}

impl Images for LayoutImages {
    fn find_image(&self, name: &str) -> Result<Option<Document>, StorageError> {
        if let Some(artifact) = self.entries.find_artifact(name) {
            return Ok(Some(artifact.clone()));
        }
        let found = self.entries.find_image(name)?;
        found.map(|(digest, declared)| self.read_blob_document(digest, declared)).transpose()
    }

    fn read_document(&self, digest: Digest) -> Result<Option<Document>, StorageError> {
        if let Some(artifact) = self.entries.find_artifact(&digest.to_string()) {
            return Ok(Some(artifact.clone()));
        }
        self.read_blob_document(digest, "").map(Some)
    }

    fn open_blob(
        &self,
        digest: Digest,
        size: u64,
        at: u64,
    ) -> Result<Box<dyn Read + Send + '_>, StorageError> {
        let mut file = self.sized_blob(digest, size)?;
        let path = self.blob_path(digest);
        file.seek(SeekFrom::Start(at)).map_err(StorageError::io("read", path))?;
        Ok(Box::new(file))
    }

    fn into_blob_reader<'s>(
        self: Box<Self>,
        digest: Digest,
        size: u64,
    ) -> Result<Box<dyn Read + Send + 's>, StorageError>
    where
        Self: 's,
    {
        Ok(Box::new(self.sized_blob(digest, size)?))
    }

    fn only_image(&self) -> Result<Option<Document>, StorageError> {
        self.entries.only_image(|digest, declared| self.read_blob_document(digest, declared))
    }

    fn names(&self) -> Vec<&str> {
        self.entries.names()
    }

    fn names_of(&self, digest: Digest) -> Vec<&str> {
        self.entries.names_of(digest)
    }

    fn tags(&self) -> Result<Vec<RefName>, StorageError> {
        self.entries.tags()
    }

    fn list_referrers(&self, subject: Digest) -> Result<Vec<Descriptor>, StorageError> {
        let has = |digest: Digest| self.dir.is_file(format!("{BLOBS}/{}", digest.to_hex()));
        let read = |digest: Digest, declared: &str| self.read_blob_document(digest, declared);
        self.entries.list_referrers(subject, has, read)
    }
}
