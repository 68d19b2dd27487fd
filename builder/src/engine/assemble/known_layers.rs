//! The layers that are *known* from earlier builds: by the cache, and where the sink has them. Their frames need not be
//! made again.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::BuildOptions;
use crate::compression::{LayerCompression, LayerCompressionKind};
use crate::engine::layer::KnownFrames;

/// The frames of known layers, by the compression that made them.
pub(super) struct KnownLayers<'a> {
    options: &'a BuildOptions<'a>,
    frames: Mutex<HashMap<LayerCompression, Option<KnownFrames>>>,
}

impl<'a> KnownLayers<'a> {
    /// Returns the known layers of a build. Nothing is read yet.
    pub(super) fn new(options: &'a BuildOptions<'a>) -> Self {
        Self { options, frames: Mutex::default() }
    }

    /// Returns the known frames for a layer with this compression.
    pub(super) fn frames(&self, compression: LayerCompression) -> Option<Arc<KnownFrames>> {
        let mut frames = self.frames.lock().unwrap_or_else(PoisonError::into_inner);
        let frames = frames.entry(compression).or_insert_with(|| self.read(compression));
        frames.as_ref().map(|frames| Arc::new(frames.for_layer()))
    }

    fn read(&self, compression: LayerCompression) -> Option<KnownFrames> {
        let cache = self.options.cache.filter(|_| has_frames(compression))?;
        let layers = cache.recent_layers(compression).into_iter().filter_map(|layer| {
            let file = self.options.sink.open_blob_file(layer.digest, layer.size)?;
            Some((layer, file))
        });
        KnownFrames::read(layers)
    }
}

/// Returns whether a compression makes frames that other layers can have, too.
pub(super) fn has_frames(compression: LayerCompression) -> bool {
    compression.kind() == LayerCompressionKind::ZstdChunked
}
