//! The *store* is where images lie on disk: an OCI image layout, as a directory or as an archive
//! (<https://github.com/opencontainers/image-spec/blob/v1.1.1/image-layout.md>).

mod archive;
mod archived;
mod entries;
mod index;
mod layout;
mod reader;
mod writeback;

use std::io::Read;

use sha2::{Digest as _, Sha256};

use crate::oci::error::StorageError;
use crate::oci::image::digest::Digest;
use crate::oci::image::json::Document;
use crate::oci::sink::{Blob, BlobWriter};

pub use archive::Archive;
pub use archived::ArchiveImages;
pub use layout::Layout;
pub use reader::LayoutImages;

/// Where blobs lie in a layout.
const BLOBS: &str = "blobs/sha256";

/// The file that names the images of a layout.
const INDEX: &str = "index.json";

/// The longest document, in bytes.
const DOCUMENT_MAX: u64 = 4 << 20;

/// How much of a blob is copied at once, in bytes.
const STEP: usize = 256 * 1024;

/// Copies a blob and checks it on the way: what is not what its digest says gets no name.
fn copy_blob(
    blob: &Blob<'_>,
    writer: &mut Box<dyn BlobWriter + '_>,
    place: &str,
    advanced: &dyn Fn(u64),
) -> Result<(), StorageError> {
    let mut reader = blob.source.open(0)?.take(blob.size.saturating_add(1));
    let (mut hash, mut size) = (Sha256::new(), 0);
    let mut buffer = vec![0; STEP];
    loop {
        let count = reader
            .read(&mut buffer)
            .map_err(|error| StorageError::io("read", blob.digest.to_string())(error))?;
        if count == 0 {
            break;
        }
        hash.update(&buffer[..count]);
        size += count as u64;
        writer.write_all(&buffer[..count]).map_err(StorageError::io("write", place))?;
        advanced(count as u64);
    }
    let problem = match Digest::of(hash) {
        _ if size < blob.size => "is too short",
        _ if size > blob.size => "is too long",
        found if found != blob.digest => "is damaged: its bytes have another digest",
        _ => return Ok(()),
    };
    Err(StorageError::Foreign { place: blob.digest.to_string(), problem: problem.into() })
}

/// Reads a document that has the digest, from the file at `place`.
fn read_document(
    told: &str,
    bytes: Vec<u8>,
    digest: Digest,
    place: &str,
) -> Result<Document, StorageError> {
    let foreign = |problem: String| StorageError::Foreign { place: place.into(), problem };
    let document = Document::read(told, bytes)
        .map_err(|problem| foreign(format!("cannot be used: {problem}")))?;
    if document.digest != digest {
        return Err(foreign("is damaged: its bytes have another digest".into()));
    }
    Ok(document)
}
