//! The images of a layout, for *reading*. A layout is untrusted: blobs must be regular files, not
//! links.

use std::io::{self, Read, Seek, SeekFrom};

use cap_std::fs::{Dir, File, OpenOptions, OpenOptionsExt as _};

use super::entries::LayoutEntries;
use super::{BLOBS, INDEX, parse_document};
use crate::oci::error::StorageError;
use crate::oci::image::digest::Digest;
use crate::oci::image::json::{DOCUMENT_LEN_MAX, Document};
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
        let bytes = match open_file(&dir, INDEX).and_then(read_all) {
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
        let bytes = self
            .open_blob(digest)
            .and_then(|file| read_all(file).map_err(StorageError::io("read", path.as_str())))?;
        parse_document(declared, bytes, digest, &path)
    }
}

fn open_file(dir: &Dir, name: &str) -> io::Result<File> {
    let flags = (rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK).bits();
    let options = OpenOptions::new().read(true).custom_flags(flags.cast_signed()).clone();
    let file = dir.open_with(name, &options)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("not a regular file"));
    }
    Ok(file)
}

fn read_all(file: File) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.take(DOCUMENT_LEN_MAX + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > DOCUMENT_LEN_MAX {
        return Err(io::Error::other("too long for a document"));
    }
    Ok(bytes)
}

impl Images for LayoutImages {
    fn find_image(&self, name: &str) -> Result<Option<Document>, StorageError> {
        let found = self.entries.find_image(name)?;
        found.map(|(digest, declared)| self.read_blob_document(digest, declared)).transpose()
    }

    fn read_document(&self, digest: Digest) -> Result<Option<Document>, StorageError> {
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

    fn tags(&self) -> Result<Vec<String>, StorageError> {
        Ok(self.entries.tags())
    }
}
