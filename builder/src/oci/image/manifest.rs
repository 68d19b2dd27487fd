//! A *manifest* names the config and the layers of an image for one platform
//! (<https://github.com/opencontainers/image-spec/blob/v1.1.1/manifest.md>).

use std::collections::BTreeMap;

use serde::Deserialize;

use super::descriptor::{Descriptor, DescriptorFields, lenient_map, lenient_text};
use super::json::Document;

/// The fields of a manifest that are used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ImageManifest {
    /// The config; some artifacts that are not images have none.
    pub(crate) config: Option<Descriptor>,
    /// The layers, lowest first.
    pub(crate) layers: Vec<Descriptor>,
    /// Annotations of the manifest itself.
    pub(crate) annotations: BTreeMap<String, String>,
    /// Artifact type; an image has none.
    pub(crate) artifact_type: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ManifestFields {
    config: Option<DescriptorFields>,
    layers: Option<Vec<DescriptorFields>>,
    #[serde(default, deserialize_with = "lenient_map")]
    annotations: BTreeMap<String, String>,
    #[serde(default, deserialize_with = "lenient_text")]
    artifact_type: String,
}

impl ImageManifest {
    /// Parses a manifest; the error says what is wrong with it.
    pub(crate) fn parse(document: &Document) -> Result<Self, String> {
        let fields: ManifestFields =
            serde_json::from_slice(&document.bytes).map_err(|error| error.to_string())?;
        let layers = fields.layers.unwrap_or_default().into_iter();
        Ok(Self {
            config: fields.config.map(DescriptorFields::check).transpose()?,
            layers: layers.map(DescriptorFields::check).collect::<Result<_, _>>()?,
            annotations: fields.annotations,
            artifact_type: Some(fields.artifact_type).filter(|text| !text.is_empty()),
        })
    }
}
