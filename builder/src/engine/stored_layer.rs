//! A finished *layer* as the cache stores it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::oci::image::layer::{ChunkedMetadata, FinishedLayer};

/// What is known of a layer.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct StoredLayer {
    digest: String,
    size: u64,
    diff_id: String,
    /// Annotations of a layer in zstd:chunked.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    chunked: BTreeMap<String, String>,
    /// Size of a content that is in no tar.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    content_size: Option<u64>,
}

impl StoredLayer {
    /// Returns the layer; none if the digests are none.
    pub(super) fn to_layer(&self) -> Option<FinishedLayer> {
        Some(FinishedLayer {
            digest: self.digest.parse().ok()?,
            size: self.size,
            diff_id: self.diff_id.parse().ok()?,
            chunked: ChunkedMetadata::from_annotations(&self.chunked),
            content_size: self.content_size,
        })
    }
}

impl From<&FinishedLayer> for StoredLayer {
    fn from(layer: &FinishedLayer) -> Self {
        Self {
            digest: layer.digest.to_string(),
            size: layer.size,
            diff_id: layer.diff_id.to_string(),
            chunked: layer.chunked.map(|metadata| metadata.annotations()).unwrap_or_default(),
            content_size: layer.content_size,
        }
    }
}
