//! The *index* of a layout names its images. It is edited as JSON, not through types, so that what
//! other tools wrote into it survives.

use std::io;

use serde_json::{Map, Value, json};

use crate::oci::image::json::to_canonical_json;
use crate::oci::sink::NamedImage;

/// How the layout's own readers (skopeo, podman, umoci) call an image.
pub(super) const REF_NAME: &str = "org.opencontainers.image.ref.name";

/// The whole name of an image, as containerd and BuildKit write it.
pub(super) const IMAGE_NAME: &str = "io.containerd.image.name";

/// An `index.json`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct LayoutIndex(Map<String, Value>);

impl LayoutIndex {
    pub(crate) fn empty() -> Self {
        Self(Map::from_iter([
            ("schemaVersion".into(), json!(2)),
            ("mediaType".into(), json!("application/vnd.oci.image.index.v1+json")),
            ("manifests".into(), json!([])),
        ]))
    }

    /// Reads an index; says what is wrong with one that cannot be added to.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, String> {
        let value =
            serde_json::from_slice(bytes).map_err(|error| format!("is not JSON: {error}"))?;
        match value {
            Value::Object(map) if map.get("manifests").is_some_and(Value::is_array) => {
                Ok(Self(map))
            }
            _ => Err("is not an image index: it has no list of manifests".into()),
        }
    }

    pub(crate) fn to_bytes(&self) -> io::Result<Vec<u8>> {
        Ok(to_canonical_json(&self.0)?)
    }

    /// Points a name at an image. An image that had the name loses it; all others stay.
    pub(crate) fn set_name(&mut self, named: &NamedImage) -> io::Result<()> {
        let full = named.name.as_ref().map(ToString::to_string);
        let mut entry = serde_json::to_value(&named.image)?;
        let Some(Value::Array(entries)) = self.0.get_mut("manifests") else { return Ok(()) };
        entries.retain(|old| !is_same_name(old, named.tag(), full.as_deref()));
        // Readers look for the tag alone; of two images with one tag, the second needs all its
        // name.
        let taken = entries.iter().any(|old| annotation(old, REF_NAME) == Some(named.tag()));
        let ref_name = full.as_deref().filter(|_| taken).unwrap_or(named.tag());
        let mut annotations = entry
            .get_mut("annotations")
            .and_then(Value::as_object_mut)
            .map(std::mem::take)
            .unwrap_or_default();
        annotations.insert(REF_NAME.into(), json!(ref_name));
        if let Some(full) = full {
            annotations.insert(IMAGE_NAME.into(), json!(full));
        }
        entry["annotations"] = Value::Object(annotations);
        entries.push(entry);
        Ok(())
    }
}

/// Tells whether an entry holds the name. One that another tool made has only its tag.
fn is_same_name(entry: &Value, tag: &str, full: Option<&str>) -> bool {
    match annotation(entry, IMAGE_NAME) {
        Some(name) => Some(name) == full,
        None => annotation(entry, REF_NAME) == Some(tag),
    }
}

fn annotation<'a>(entry: &'a Value, name: &str) -> Option<&'a str> {
    entry.get("annotations")?.get(name)?.as_str()
}
