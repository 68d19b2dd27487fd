//! The *store* keeps what is known of bases: documents, and the indexes of layers, by digest. An
//! entry that is damaged or of another version is as good as none.

use std::io::{self, Read, Write};

use cap_std::fs::Dir;
use cap_tempfile::TempFile;

use super::index::LayerIndex;
use crate::oci::image::digest::Digest;
use crate::oci::image::json::DOCUMENT_LEN_MAX;

/// The form of what is stored; part of each name.
const VERSION: u32 = 1;

/// The longest entry, unpacked, in bytes.
const INDEX_MAX: u64 = 1 << 30;

/// How long a digest is in an entry, in bytes.
const CHECK_LEN: usize = 71;

/// Returns a document, if it is known.
pub(super) fn document(dir: &Dir, digest: Digest) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let file = dir.open(document_name(digest)).ok()?;
    file.take(DOCUMENT_LEN_MAX).read_to_end(&mut bytes).ok()?;
    (Digest::of_bytes(&bytes) == digest).then_some(bytes)
}

/// Keeps a document.
pub(super) fn put_document(dir: &Dir, bytes: &[u8]) -> io::Result<()> {
    write(dir, &document_name(Digest::of_bytes(bytes)), &[bytes])
}

/// Returns the index of a layer, if it is known.
pub(super) fn index(dir: &Dir, layer: Digest) -> Option<LayerIndex> {
    let mut file = dir.open(index_name(layer)).ok()?.take(INDEX_MAX);
    let mut check = vec![0; CHECK_LEN];
    file.read_exact(&mut check).ok()?;
    let mut packed = Vec::new();
    file.read_to_end(&mut packed).ok()?;
    if check != Digest::of_bytes(&packed).to_string().as_bytes() {
        return None;
    }
    let json = zstd::Decoder::new(&packed[..]).ok()?.take(INDEX_MAX);
    let index: LayerIndex = serde_json::from_reader(io::BufReader::new(json)).ok()?;
    (index.digest == layer.to_string()).then_some(index)
}

/// Keeps the index of a layer.
pub(super) fn put_index(dir: &Dir, layer: Digest, index: &LayerIndex) -> io::Result<()> {
    let mut encoder = io::BufWriter::new(zstd::Encoder::new(Vec::new(), 1)?);
    serde_json::to_writer(&mut encoder, index)?;
    let packed = encoder.into_inner().map_err(io::IntoInnerError::into_error)?.finish()?;
    let check = Digest::of_bytes(&packed).to_string();
    write(dir, &index_name(layer), &[check.as_bytes(), &packed])
}

fn write(dir: &Dir, name: &str, parts: &[&[u8]]) -> io::Result<()> {
    let mut file = TempFile::new(dir)?;
    parts.iter().try_for_each(|part| file.write_all(part))?;
    file.replace(name)
}

fn document_name(digest: Digest) -> String {
    format!("{}.json", digest.to_hex())
}

fn index_name(layer: Digest) -> String {
    format!("{}.{VERSION}.index", layer.to_hex())
}
