//! The *store* of images on disk: an OCI image layout, as a directory or as an archive
//! (<https://github.com/opencontainers/image-spec/blob/v1.1.1/image-layout.md>).

mod archive;
mod archive_tar;
mod archived;
mod attached;
pub mod bundle;
mod docker;
mod edit;
mod entries;
mod existing;
mod file;
mod garbage;
mod index;
mod joined;
mod layout;
mod layout_blob;
mod layout_dir;
mod locks;
mod member;
mod packed;
mod part_list;
mod partial;
mod reachable;
mod reader;

use std::io::{self, Read};

use sha2::{Digest as _, Sha256};

use crate::oci::error::StorageError;
use crate::oci::hashing::HashingReader;
use crate::oci::image::digest::Digest;
use crate::oci::image::json::Document;
use crate::oci::sink::{BlobWriter, ReportBytes, SourceBlob};

pub use archive::ArchiveSink;
pub use archived::ArchiveImages;
pub use edit::LayoutNames;
pub use garbage::{GarbageFile, LayoutGarbage};
pub use joined::{ArchiveFile, ArchivePart};
pub use layout::LayoutSink;
pub use locks::BusyLayout;
pub use packed::{archive_compression, must_be_unpacked, unpack_archive};
pub use part_list::{LIST_MAX, PartChecksum, PartList, PartListError};
pub use reader::LayoutImages;

/// Directory of the blobs in a layout.
const BLOBS: &str = "blobs/sha256";

/// The file that names the images of a layout.
const INDEX: &str = "index.json";

/// What failed if the source of a blob cannot be read.
const READ_ACT: &str = "read";

/// Number of bytes of a blob that are copied or hashed at a time.
const COPY_LEN: usize = 256 * 1024;

/// The first bytes of a blob, which were written earlier.
#[derive(Debug, Clone, Default)]
struct BlobStart {
    hash: Sha256,
    /// Number of the bytes.
    len: u64,
}

impl BlobStart {
    /// Reads and hashes all bytes of a file; none if `poll` cancels that.
    fn read(mut file: impl Read, poll: &ReportBytes<'_>) -> io::Result<Option<Self>> {
        let mut start = Self::default();
        let mut buffer = vec![0; COPY_LEN];
        loop {
            let count = file.read(&mut buffer)?;
            if count == 0 {
                return Ok(Some(start));
            }
            start.hash.update(&buffer[..count]);
            start.len += count as u64;
            if poll(0).is_break() {
                return Ok(None);
            }
        }
    }
}

/// Copies a blob from its start on, and fails if its size or digest is wrong; the caller then does not complete it.
fn copy_blob(
    blob: &SourceBlob<'_>,
    start: BlobStart,
    writer: &mut dyn BlobWriter,
    path: &str,
    advanced: &ReportBytes<'_>,
) -> Result<(), StorageError> {
    let rest = match blob.size.checked_sub(start.len) {
        None | Some(0) if start.len > 0 => Box::new(io::empty()),
        _ => blob.source.open(start.len)?,
    };
    let rest = rest.take(blob.size.saturating_sub(start.len).saturating_add(1));
    let mut reader = HashingReader::continuing(rest, start.hash, start.len);
    let mut buffer = vec![0; COPY_LEN];
    loop {
        let count = reader
            .read(&mut buffer)
            .map_err(|error| StorageError::io(READ_ACT, blob.digest.to_string())(error))?;
        if count == 0 {
            break;
        }
        writer.write_all(&buffer[..count]).map_err(StorageError::io("write", path))?;
        if advanced(count as u64).is_break() {
            return Err(StorageError::Cancelled);
        }
    }
    let problem = match reader.digest() {
        _ if reader.len() < blob.size => "is too short",
        _ if reader.len() > blob.size => "is too long",
        found if found != blob.digest => "is damaged: its bytes have another digest",
        _ => return Ok(()),
    };
    Err(StorageError::Unexpected { path: blob.digest.to_string(), problem: problem.into() })
}

/// Parses the document with this digest, which was read from the file `path`.
fn parse_document(
    declared: &str,
    bytes: Vec<u8>,
    digest: Digest,
    path: &str,
) -> Result<Document, StorageError> {
    let foreign = |problem: String| StorageError::Unexpected { path: path.into(), problem };
    let document = Document::parse(declared, bytes)
        .map_err(|problem| foreign(format!("cannot be used: {problem}")))?;
    if document.digest != digest {
        return Err(foreign("is damaged: its bytes have another digest".into()));
    }
    Ok(document)
}
