//! The *manifest* that holds the signatures of an image.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use oci_spec::image::MediaType;
use serde_json::{Value, json};

use crate::oci::attachments::union::compose_config;
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

/// A manifest of new signatures.
#[derive(Debug, Clone)]
pub(crate) struct SignatureManifest {
    layers: Vec<Value>,
}

/// A signature as its manifest has it: the payload is a blob.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SignatureEntry {
    /// Descriptor of the payload.
    pub(crate) payload: Descriptor,
    /// The signature.
    pub(crate) signature: Vec<u8>,
}

/// A manifest of new signatures and its config, to be written.
#[derive(Debug)]
pub(crate) struct SignatureDocuments {
    pub(crate) config: Document,
    pub(crate) manifest: Document,
}

impl SignatureManifest {
    /// Returns a manifest without signatures.
    pub(crate) fn empty() -> Self {
        Self { layers: Vec::new() }
    }

    /// Adds a signature; the error says that there are too many.
    pub(crate) fn add(&mut self, payload: &[u8], signature: &[u8]) -> Result<(), String> {
        check_number(self.layers.len() + 1)?;
        self.layers.push(json!({
            "mediaType": PAYLOAD,
            "digest": Digest::of_bytes(payload).to_string(),
            "size": payload.len(),
            "annotations": { SIGNATURE: STANDARD.encode(signature) },
        }));
        Ok(())
    }

    /// Returns the documents of the manifest.
    pub(crate) fn into_documents(self) -> Result<SignatureDocuments, String> {
        compose_documents(&self.layers)
    }
}

/// Returns a manifest of cosign with these layers. Its config is that of an image without files, as cosign writes it.
pub(crate) fn compose_documents(layers: &[Value]) -> Result<SignatureDocuments, String> {
    let kind = MediaType::ImageConfig.to_string();
    let config = br#"{"architecture":"","config":{},"created":"0001-01-01T00:00:00Z","os":""}"#;
    let config = compose_config(&kind, Some(config), layers)?;
    let fields = json!({
        "schemaVersion": 2,
        "mediaType": MediaType::ImageManifest.to_string(),
        "config": { "mediaType": kind, "digest": config.digest.to_string(), "size": config.bytes.len() },
        "layers": layers,
    });
    let manifest = Document::new(MediaType::ImageManifest, &fields);
    Ok(SignatureDocuments { config, manifest: manifest.map_err(|error| error.to_string())? })
}

/// Reads the signatures of a manifest, in order; layers of other kinds are left out. The error says what is wrong.
pub(crate) fn read_entries(document: &Document) -> Result<Vec<SignatureEntry>, String> {
    if document.is_index() {
        return Err("it is an index".into());
    }
    let ImageManifest { layers, .. } = ImageManifest::parse(document)?;
    check_number(layers.len())?;
    let entry = |payload: Descriptor| {
        let signature = payload.annotations.get(SIGNATURE)?;
        // One that is not Base64 is by no key.
        let signature = STANDARD.decode(signature).unwrap_or_default();
        (payload.media_type == PAYLOAD).then_some(SignatureEntry { payload, signature })
    };
    Ok(layers.into_iter().filter_map(entry).collect())
}

/// Fails if a manifest has too many signatures.
pub(crate) fn check_number(number: usize) -> Result<(), String> {
    match number {
        0..=SIGNATURES_MAX => Ok(()),
        _ => Err(format!("it has more than {SIGNATURES_MAX} signatures")),
    }
}
