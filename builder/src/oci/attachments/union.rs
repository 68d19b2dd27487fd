//! The *union* of two manifests of cosign with the same tag has the layers of both: each is a signature, an attestation or an
//! SBOM of the same image. No payload is compressed, so the `diff_id` of a layer is its digest.

use oci_spec::image::MediaType;
use serde_json::{Value, json};

use crate::oci::image::format::is_image_config;
use crate::oci::image::json::{Document, describe_blob};

/// What a tag at the destination has to refer to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Union {
    /// What it refers to already.
    Old,
    /// What is copied.
    New,
    /// A manifest with the layers of both, and the other fields of the one at the destination.
    Both {
        /// The config, if it lists the layers.
        config: Option<Document>,
        /// The manifest.
        manifest: Document,
    },
}

/// Returns what has the layers of the manifest that a tag refers to at the destination, and of the one that is copied.
/// `config` is the config of the copied one, if it is known; the error says why the two have no union.
pub(crate) fn unite(
    old: &Document,
    new: &Document,
    config: Option<&[u8]>,
) -> Result<Union, String> {
    let parse = |document: &Document| -> Result<Value, String> {
        serde_json::from_slice(&document.bytes).map_err(|error| error.to_string())
    };
    let (mut fields, new_fields) = (parse(old)?, parse(new)?);
    let (Some(old_layers), Some(new_layers)) = (layers(&fields), layers(&new_fields)) else {
        return Err("they are not manifests of signatures".into());
    };
    let has = |all: &[Value], layer: &Value| all.iter().any(|it| is_same_layer(it, layer));
    if new_layers.iter().all(|layer| has(old_layers, layer)) {
        return Ok(Union::Old);
    }
    if old_layers.iter().all(|layer| has(new_layers, layer)) {
        return Ok(Union::New);
    }
    let added = new_layers.iter().filter(|layer| !has(old_layers, layer));
    let all: Vec<Value> = old_layers.iter().chain(added).cloned().collect();
    let kind = fields.pointer("/config/mediaType").and_then(Value::as_str).unwrap_or_default();
    let config =
        if is_image_config(kind) { Some(compose_config(kind, config, &all)?) } else { None };
    if let Some(config) = &config {
        let described =
            describe_blob(config.media_type.clone(), config.digest, config.bytes.len() as u64);
        fields["config"] = described
            .build()
            .map_err(|error| error.to_string())
            .and_then(|it| serde_json::to_value(it).map_err(|error| error.to_string()))?;
    }
    fields["layers"] = Value::Array(all);
    let manifest = Document::new(old.media_type.clone(), &fields);
    Ok(Union::Both { config, manifest: manifest.map_err(|error| error.to_string())? })
}

fn layers(manifest: &Value) -> Option<&Vec<Value>> {
    manifest.get("layers")?.as_array()
}

/// Two signatures of the same payload differ in their annotations.
fn is_same_layer(one: &Value, other: &Value) -> bool {
    ["digest", "annotations"].iter().all(|name| one.get(name) == other.get(name))
}

/// Returns a config whose `diff_ids` are the digests of the layers, with the other fields of a config that is known.
pub(crate) fn compose_config(
    kind: &str,
    known: Option<&[u8]>,
    layers: &[Value],
) -> Result<Document, String> {
    let known = known.and_then(|bytes| serde_json::from_slice::<Value>(bytes).ok());
    let mut config = known.filter(Value::is_object).unwrap_or_else(|| json!({}));
    let digests: Vec<&Value> = layers.iter().filter_map(|layer| layer.get("digest")).collect();
    config["rootfs"] = json!({ "type": "layers", "diff_ids": digests });
    // It has an entry for each layer, and so would be too short.
    config.as_object_mut().map(|fields| fields.remove("history"));
    Document::new(MediaType::from(kind), &config).map_err(|error| error.to_string())
}
