//! The layers that are *known* from earlier builds: by the cache, and where the sink has them. Their frames need not be
//! made again.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use super::BuildOptions;
use crate::compression::{LayerCompression, LayerCompressionKind};
use crate::engine::layer::{KnownBlobs, KnownFrames};
use crate::oci::image::layer::FinishedLayer;

/// Length in bytes of the shortest layer that is worth remembering.
const LEN_MIN: u64 = 1 << 20;

/// The known layers, by the compression that made them.
pub(super) struct KnownLayers<'a> {
    options: &'a BuildOptions<'a>,
    blobs: Mutex<HashMap<LayerCompression, Arc<KnownBlobs>>>,
}

impl<'a> KnownLayers<'a> {
    /// Returns the known layers of a build. Nothing is read yet.
    pub(super) fn new(options: &'a BuildOptions<'a>) -> Self {
        Self { options, blobs: Mutex::default() }
    }

    /// Returns the known frames for a layer of `len` bytes before it is compressed.
    pub(super) fn frames(&self, compression: LayerCompression, len: u64) -> Option<KnownFrames> {
        if compression.kind() != LayerCompressionKind::ZstdChunked {
            return None;
        }
        let mut blobs = self.blobs.lock().unwrap_or_else(PoisonError::into_inner);
        let blobs = Arc::clone(blobs.entry(compression).or_insert_with(|| self.find(compression)));
        blobs.frames(len)
    }

    fn find(&self, compression: LayerCompression) -> Arc<KnownBlobs> {
        let layers = self.options.cache.map(|cache| cache.recent_layers(compression));
        let layers = layers.into_iter().flatten().filter_map(|layer| {
            let file = self.options.sink.open_blob_file(layer.digest, layer.size)?;
            Some((layer, file))
        });
        Arc::new(KnownBlobs::new(layers))
    }

    /// Remembers a layer that was built, if its frames can be used again.
    pub(super) fn add(
        &self,
        compression: LayerCompression,
        layer: &FinishedLayer,
    ) -> io::Result<()> {
        let Some(cache) = self.options.cache else { return Ok(()) };
        let is_here = || self.options.sink.open_blob_file(layer.digest, layer.size).is_some();
        if layer.chunked.is_none() || layer.size < LEN_MIN || !is_here() {
            return Ok(());
        }
        cache.add_recent_layer(compression, layer)
    }
}
