//! The *manifests* that hold attestations: a referrer with a statement, a manifest of cosign with signed statements, or an
//! entry of the index as BuildKit writes it.

use oci_spec::image::MediaType;
use serde_json::{Value, json};

use crate::oci::image::digest::Digest;
use crate::oci::image::documents::DocumentError;
use crate::oci::image::format::EMPTY_CONFIG;
use crate::oci::image::json::Document;
use crate::oci::image::subject::with_subject;
use crate::signature::bundle::{SIGNED_STATEMENT, empty_config};
use crate::signature::envelope::STATEMENT_MEDIA_TYPE;
use crate::signature::manifest::{SignatureDocuments, compose_documents};

/// Annotation of a layer with the type of what a statement says
/// (<https://github.com/moby/buildkit/blob/master/docs/attestations/attestation-storage.md>).
pub(crate) const PREDICATE_TYPE: &str = "in-toto.io/predicate-type";

/// Media type of a statement in an envelope.
pub(crate) const ENVELOPE_MEDIA_TYPE: &str = "application/vnd.dsse.envelope.v1+json";

/// Annotation of a layer with the type of what a signed statement says, as cosign writes it.
pub(crate) const COSIGN_PREDICATE_TYPE: &str = "predicateType";

/// Annotation of a layer of cosign: the signature is in the envelope, so this is empty.
const COSIGN_SIGNATURE: &str = "dev.cosignproject.cosign/signature";

/// A statement whose manifest is composed.
#[derive(Debug, Clone)]
pub(crate) struct StatementBlob {
    /// Type of what it says.
    pub(crate) kind: String,
    /// The statement, or its envelope.
    pub(crate) bytes: Vec<u8>,
}

impl StatementBlob {
    fn layer(&self) -> Value {
        json!({
            "mediaType": STATEMENT_MEDIA_TYPE,
            "digest": Digest::of_bytes(&self.bytes).to_string(),
            "size": self.bytes.len(),
            "annotations": { PREDICATE_TYPE: self.kind },
        })
    }
}

/// Returns the manifest of a statement that refers to an image.
pub(crate) fn compose_referrer(
    statement: &StatementBlob,
    subject: &Document,
) -> Result<Document, DocumentError> {
    let config = empty_config();
    let manifest = Document::new(
        MediaType::ImageManifest,
        &json!({
            "schemaVersion": 2,
            "mediaType": MediaType::ImageManifest.to_string(),
            "artifactType": STATEMENT_MEDIA_TYPE,
            "config": { "mediaType": EMPTY_CONFIG, "digest": config.digest.to_string(), "size": config.bytes.len() },
            "layers": [statement.layer()],
        }),
    )?;
    Ok(with_subject(&manifest, subject)?)
}

/// Returns whether a manifest of cosign has a layer with this mark.
pub(crate) fn has_mark(manifest: &Document, mark: &str) -> bool {
    let fields: Value = serde_json::from_slice(&manifest.bytes).unwrap_or_default();
    let layers = fields["layers"].as_array().into_iter().flatten();
    layers.into_iter().any(|layer| layer["annotations"][SIGNED_STATEMENT] == mark)
}

/// Returns the manifest of a signed statement, as `cosign attest` writes it.
pub(crate) fn compose_tagged(
    envelope: &StatementBlob,
    mark: &str,
) -> Result<SignatureDocuments, String> {
    compose_documents(&[json!({
        "mediaType": ENVELOPE_MEDIA_TYPE,
        "digest": Digest::of_bytes(&envelope.bytes).to_string(),
        "size": envelope.bytes.len(),
        "annotations": {
            COSIGN_SIGNATURE: "",
            COSIGN_PREDICATE_TYPE: envelope.kind,
            SIGNED_STATEMENT: mark,
        },
    })])
}

/// Returns the manifest of statements that an index lists, as BuildKit writes it, and its config.
pub(crate) fn compose_index_entry(
    statements: &[StatementBlob],
) -> Result<SignatureDocuments, DocumentError> {
    let layers: Vec<Value> = statements.iter().map(StatementBlob::layer).collect();
    let digests: Vec<&Value> = layers.iter().map(|layer| &layer["digest"]).collect();
    let kind = MediaType::ImageConfig;
    let config = Document::new(
        kind.clone(),
        &json!({
            "architecture": "unknown",
            "config": {},
            "os": "unknown",
            "rootfs": { "type": "layers", "diff_ids": digests },
        }),
    )?;
    let manifest = Document::new(
        MediaType::ImageManifest,
        &json!({
            "schemaVersion": 2,
            "mediaType": MediaType::ImageManifest.to_string(),
            "config": { "mediaType": kind.to_string(), "digest": config.digest.to_string(), "size": config.bytes.len() },
            "layers": layers,
        }),
    )?;
    Ok(SignatureDocuments { config, manifest })
}
