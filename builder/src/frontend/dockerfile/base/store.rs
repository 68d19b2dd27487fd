//! The *store* caches documents and layer indexes of bases by digest. An entry that is damaged, or
//! of another version, is ignored.

use std::io::{self, Read, Write};

use cap_std::fs::Dir;

use super::index::LayerIndex;
use crate::engine::cache_key::CacheKey;
use crate::oci::image::digest::Digest;
use crate::oci::image::json::DOCUMENT_LEN_MAX;
use crate::oci::new_file::NewFile;

/// Version of the stored format; part of each file name.
const VERSION: u32 = 2;

/// Maximum size of an entry, uncompressed, in bytes.
const INDEX_MAX: u64 = 1 << 30;

/// Length of the digest at the start of an entry, in bytes.
const CHECK_LEN: usize = 71;

/// Returns a document, if it is stored.
pub(super) fn load_document(dir: &Dir, digest: Digest) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let file = dir.open(document_name(digest)).ok()?;
    file.take(DOCUMENT_LEN_MAX).read_to_end(&mut bytes).ok()?;
    (Digest::of_bytes(&bytes) == digest).then_some(bytes)
}

/// Stores a document.
pub(super) fn save_document(dir: &Dir, bytes: &[u8]) -> io::Result<()> {
    write_file(dir, &document_name(Digest::of_bytes(bytes)), &[bytes])
}

/// Returns the index of a layer, if it is stored.
pub(super) fn load_index(dir: &Dir, layer: Digest) -> Option<LayerIndex> {
    let mut file = dir.open(index_name(layer)).ok()?.take(INDEX_MAX);
    let mut check = vec![0; CHECK_LEN];
    file.read_exact(&mut check).ok()?;
    let mut compressed = Vec::new();
    file.read_to_end(&mut compressed).ok()?;
    if check != index_check(&CacheKey::find(dir)?, layer, &compressed).as_bytes() {
        return None;
    }
    let json = zstd::Decoder::new(&compressed[..]).ok()?.take(INDEX_MAX);
    let index: LayerIndex = serde_json::from_reader(io::BufReader::new(json)).ok()?;
    (index.digest == layer.to_string()).then_some(index)
}

/// Stores the index of a layer.
pub(super) fn save_index(dir: &Dir, layer: Digest, index: &LayerIndex) -> io::Result<()> {
    let mut encoder = io::BufWriter::new(zstd::Encoder::new(Vec::new(), 1)?);
    serde_json::to_writer(&mut encoder, index)?;
    let compressed = encoder.into_inner().map_err(io::IntoInnerError::into_error)?.finish()?;
    let check = index_check(&CacheKey::ensure(dir)?, layer, &compressed);
    write_file(dir, &index_name(layer), &[check.as_bytes(), &compressed])
}

/// Returns what an entry starts with: it says that this program made the index of this layer.
fn index_check(key: &CacheKey, layer: Digest, compressed: &[u8]) -> String {
    key.authenticate(&[layer.to_string().as_bytes(), compressed].concat()).to_string()
}

fn write_file(dir: &Dir, name: &str, parts: &[&[u8]]) -> io::Result<()> {
    let mut file = NewFile::new(dir)?;
    parts.iter().try_for_each(|part| file.as_file_mut().write_all(part))?;
    file.replace(name)
}

fn document_name(digest: Digest) -> String {
    format!("{}.json", digest.to_hex())
}

fn index_name(layer: Digest) -> String {
    format!("{}.{VERSION}.index", layer.to_hex())
}
