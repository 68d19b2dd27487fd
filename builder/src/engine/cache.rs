//! The *cache* remembers which layer a recipe produced, so that unchanged input is not read again.
//! It stores no layers, only their digests, which help while the target still has the blobs.
//! Entries that are damaged, forged, of another format version or of other input are ignored.

use std::io::{self, Read, Write};
use std::time::{SystemTime, UNIX_EPOCH};

use cap_std::fs::Dir;
use serde::{Deserialize, Serialize};

use crate::compression::LayerCompression;
use crate::engine::cache_key::CacheKey;
use crate::engine::layer_key::LayerKey;
use crate::engine::recent_layers;
use crate::engine::stored_layer::StoredLayer;
use crate::oci::image::layer::FinishedLayer;
use crate::oci::new_file::NewFile;

/// Coarsest resolution of a file system's timestamps, in nanoseconds: FAT has two seconds.
const CLOCK_STEP: i128 = 2_000_000_000;

/// A cache of layers: one file per layer, and for some compressions a list of the layers that were written last.
#[derive(Debug)]
pub struct LayerCache {
    dir: Dir,
    started: SystemTime,
}

/// An entry as it is stored; `check` authenticates the other fields.
#[derive(Serialize, Deserialize)]
struct CacheEntry {
    key: String,
    #[serde(flatten)]
    layer: StoredLayer,
    check: String,
}

impl LayerCache {
    /// Opens the cache in a directory. `started` is a time before any source was opened.
    pub fn new(dir: Dir, started: SystemTime) -> Self {
        Self { dir, started }
    }

    /// Returns the layer of a key, if the cache has it. A damaged entry counts as missing.
    pub(crate) fn get(&self, key: &LayerKey) -> Option<FinishedLayer> {
        let mut text = String::new();
        self.dir.open(key.file_name()).ok()?.read_to_string(&mut text).ok()?;
        let entry: CacheEntry = serde_json::from_str(&text).ok()?;
        let layer = entry.layer.to_layer()?;
        let check = CacheKey::find(&self.dir)?.authenticate(&entry_text(key, &layer)).to_hex();
        (entry.key == key.as_str() && entry.check == check).then_some(layer)
    }

    /// Stores a layer, unless one of its files was written so recently that another write might not
    /// change its timestamps. git distrusts such timestamps in its index for the same reason.
    pub(crate) fn put(&self, key: &LayerKey, layer: &FinishedLayer) -> io::Result<()> {
        let started = self.started.duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
        let started = i128::try_from(started).unwrap_or(i128::MAX);
        if key.last_write().saturating_add(CLOCK_STEP) > started {
            return Ok(());
        }
        let check = CacheKey::ensure(&self.dir)?.authenticate(&entry_text(key, layer)).to_hex();
        let entry = CacheEntry { key: key.as_str().to_owned(), layer: layer.into(), check };
        let mut file = NewFile::new(&self.dir)?;
        file.as_file_mut().write_all(&serde_json::to_vec(&entry)?)?;
        file.replace(&key.file_name())
    }

    /// Returns the layers that were written last with a compression, in this version of the format, the newest first.
    pub(crate) fn recent_layers(&self, compression: LayerCompression) -> Vec<FinishedLayer> {
        recent_layers::read(&self.dir, compression)
    }

    /// Records a layer that was written with a compression, from whatever input.
    pub(crate) fn add_recent_layer(
        &self,
        compression: LayerCompression,
        layer: &FinishedLayer,
    ) -> io::Result<()> {
        recent_layers::add(&self.dir, compression, layer)
    }
}

/// Returns what the code of an entry authenticates.
fn entry_text(key: &LayerKey, layer: &FinishedLayer) -> Vec<u8> {
    let text = format!("{}\n{}\n{}\n{}", key.as_str(), layer.digest, layer.size, layer.diff_id);
    let metadata = layer.chunked.map(|metadata| metadata.annotations()).unwrap_or_default();
    let chunked = metadata.into_iter().map(|(key, value)| format!("\n{key}={value}"));
    let content_size = layer.content_size.map(|size| format!("\ncontent {size}"));
    std::iter::once(text).chain(chunked).chain(content_size).collect::<String>().into_bytes()
}
