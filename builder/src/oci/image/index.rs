//! An *index* lists the images of several platforms
//! (<https://github.com/opencontainers/image-spec/blob/v1.1.1/image-index.md>).

use std::collections::BTreeMap;

use serde::Deserialize;

use super::descriptor::{Descriptor, DescriptorFields, lenient_map, lenient_text};
use super::json::Document;

/// The fields of an index that are used. An index is copied as its bytes, so that other fields are
/// kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ImageIndex {
    /// Descriptors of manifests and of other indexes, in order.
    pub(crate) manifests: Vec<Descriptor>,
    /// Annotations of the index itself.
    pub(crate) annotations: BTreeMap<String, String>,
    /// Artifact type, of an index of artifacts.
    pub(crate) artifact_type: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct IndexFields {
    manifests: Option<Vec<DescriptorFields>>,
    #[serde(default, deserialize_with = "lenient_map")]
    annotations: BTreeMap<String, String>,
    #[serde(default, deserialize_with = "lenient_text")]
    artifact_type: String,
}

impl ImageIndex {
    /// Parses an index; the error says what is wrong with it. An index without a list of manifests
    /// is empty.
    pub(crate) fn parse(document: &Document) -> Result<Self, String> {
        let fields: IndexFields =
            serde_json::from_slice(&document.bytes).map_err(|error| error.to_string())?;
        let manifests = fields.manifests.unwrap_or_default().into_iter();
        let manifests = manifests.map(DescriptorFields::check).collect::<Result<_, _>>()?;
        let artifact_type = Some(fields.artifact_type).filter(|text| !text.is_empty());
        Ok(Self { manifests, annotations: fields.annotations, artifact_type })
    }
}
