//! The *manifest* that holds the signatures of an image. What other signers wrote is kept as it is.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use oci_spec::image::MediaType;
use serde_json::{Map, Value, json};

use crate::oci::image::descriptor::Descriptor;
use crate::oci::image::digest::Digest;
use crate::oci::image::json::Document;
use crate::oci::image::manifest::ImageManifest;

/// Media type of a layer that is a payload.
const PAYLOAD: &str = "application/vnd.dev.cosign.simplesigning.v1+json";

/// Annotation of a layer with the signature of the payload, in Base64.
const SIGNATURE: &str = "dev.cosignproject.cosign/signature";

/// The most signatures of an image: cosign reads no more layers either (`pkg/oci/internal/signature/layer.go`).
pub(crate) const SIGNATURES_MAX: usize = 1000;

/// A manifest of signatures.
#[derive(Debug, Clone)]
pub(crate) struct SignatureManifest {
    media_type: MediaType,
    fields: Map<String, Value>,
}

/// A signature as its manifest has it: the payload is a blob.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SignatureEntry {
    /// Descriptor of the payload.
    pub(crate) payload: Descriptor,
    /// The signature.
    pub(crate) signature: Vec<u8>,
}

/// A manifest of signatures and its config, to be written.
#[derive(Debug)]
pub(crate) struct SignatureDocuments {
    pub(crate) config: Document,
    pub(crate) manifest: Document,
}

impl SignatureManifest {
    /// Returns a manifest without signatures.
    pub(crate) fn empty() -> Self {
        let media_type = MediaType::ImageManifest;
        let fields = Map::from_iter([
            ("schemaVersion".into(), json!(2)),
            ("mediaType".into(), json!(media_type.to_string())),
            ("layers".into(), json!([])),
        ]);
        Self { media_type, fields }
    }

    /// Parses a manifest that is to get another signature; the error says what is wrong with it.
    pub(crate) fn parse(document: &Document) -> Result<Self, String> {
        read_entries(document)?;
        let fields = serde_json::from_slice(&document.bytes).map_err(|error| error.to_string())?;
        Ok(Self { media_type: document.media_type.clone(), fields })
    }

    /// Adds a signature; the error says that there are too many.
    pub(crate) fn add(&mut self, payload: &[u8], signature: &[u8]) -> Result<(), String> {
        let layers = self.fields.entry("layers").or_insert_with(|| json!([]));
        let layers = layers.as_array_mut().ok_or("its layers are no list")?;
        if layers.len() >= SIGNATURES_MAX {
            return Err(too_many());
        }
        layers.push(json!({
            "mediaType": PAYLOAD,
            "digest": Digest::of_bytes(payload).to_string(),
            "size": payload.len(),
            "annotations": { SIGNATURE: STANDARD.encode(signature) },
        }));
        Ok(())
    }

    /// Returns the documents of the manifest. Its config is that of an image without files, as cosign writes it.
    pub(crate) fn into_documents(mut self) -> serde_json::Result<SignatureDocuments> {
        let layers = self.fields.get("layers").and_then(Value::as_array);
        let digests: Vec<Value> =
            layers.into_iter().flatten().map(|layer| layer["digest"].clone()).collect();
        let history = vec![json!({ "created": "0001-01-01T00:00:00Z" }); digests.len()];
        let config = json!({
            "architecture": "",
            "config": {},
            "created": "0001-01-01T00:00:00Z",
            "history": history,
            "os": "",
            "rootfs": { "type": "layers", "diff_ids": digests },
        });
        let known = self.fields.get("config").and_then(|config| config["mediaType"].as_str());
        let media_type = known.map_or(MediaType::ImageConfig, MediaType::from);
        let config = Document::new(media_type, &config)?;
        let descriptor = json!({
            "mediaType": config.media_type.to_string(),
            "digest": config.digest.to_string(),
            "size": config.bytes.len(),
        });
        self.fields.insert("config".into(), descriptor);
        let manifest = Document::new(self.media_type, &self.fields)?;
        Ok(SignatureDocuments { config, manifest })
    }
}

/// Reads the signatures of a manifest, in order; layers of other kinds are left out. The error says what is wrong.
pub(crate) fn read_entries(document: &Document) -> Result<Vec<SignatureEntry>, String> {
    if document.is_index() {
        return Err("it is an index".into());
    }
    let ImageManifest { layers, .. } = ImageManifest::parse(document)?;
    if layers.len() > SIGNATURES_MAX {
        return Err(too_many());
    }
    let entry = |payload: Descriptor| {
        let signature = payload.annotations.get(SIGNATURE)?;
        // One that is not Base64 is by no key.
        let signature = STANDARD.decode(signature).unwrap_or_default();
        (payload.media_type == PAYLOAD).then_some(SignatureEntry { payload, signature })
    };
    Ok(layers.into_iter().filter_map(entry).collect())
}

fn too_many() -> String {
    format!("it has more than {SIGNATURES_MAX} signatures")
}
