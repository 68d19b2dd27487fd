//! A *bundle* is a signed statement with what is needed to check it, in one JSON
//! (<https://github.com/sigstore/protobuf-specs/blob/main/protos/sigstore_bundle.proto>). A referrer of the image holds it
//! (<https://github.com/sigstore/cosign/blob/main/specs/BUNDLE_SPEC.md>); cosign 3 writes this form.

use std::ops::ControlFlow;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use oci_spec::image::MediaType;
use serde::Deserialize;
use serde_json::{Value, json};

use super::envelope::{Envelope, seal_statement};
use super::error::SignatureError;
use super::key::PrivateKey;
use super::statement::{Predicate, StatementSubject, compose_statement};
use crate::oci::image::descriptor::Descriptor;
use crate::oci::image::digest::Digest;
use crate::oci::image::format::EMPTY_CONFIG;
use crate::oci::image::json::{Document, to_canonical_json};
use crate::oci::image::reference::Reference;
use crate::oci::image::subject::with_subject_descriptor;
use crate::oci::sink::{AttachedImage, Sink, SourceBlob, for_each_part};

/// Media type of a bundle, and artifact type of the manifest that holds it.
pub(crate) const BUNDLE_MEDIA_TYPE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";

/// Type of a statement that signs an image and says nothing else.
pub(crate) const SIGNATURE_PREDICATE: &str = "https://sigstore.dev/cosign/sign/v1";

/// Annotation with the digests of the statement and of the key: the same is not signed again.
pub(crate) const SIGNED_STATEMENT: &str = "dev.diskette.statement";

/// A statement about an image that is signed in a bundle.
#[derive(Debug)]
pub(crate) struct BundleRequest<'a> {
    pub(crate) key: &'a PrivateKey,
    /// What is said of the image.
    pub(crate) predicate: &'a Predicate,
    /// The image.
    pub(crate) image: &'a Descriptor,
    /// Names of the image; none in a layout.
    pub(crate) names: &'a [Reference],
    /// Name of the image in the statement.
    pub(crate) subject: StatementSubject,
}

impl BundleRequest<'_> {
    /// Attaches the bundle to the image where a sink writes to. Returns whether that was necessary.
    pub(crate) fn attach(&self, sink: &dyn Sink) -> Result<bool, SignatureError> {
        let statement = compose_statement(&self.subject, self.predicate)?;
        let mark = statement_mark(&statement, self.key)?;
        let mut is_new = false;
        for_each_part(sink, &mut |part| {
            if self.is_there(part, &mark)? {
                return Ok(());
            }
            is_new = true;
            self.write(part, &statement, &mark)
        })?;
        Ok(is_new)
    }

    fn is_there(&self, sink: &dyn Sink, mark: &str) -> Result<bool, SignatureError> {
        let has = |name: Option<&Reference>| {
            let all = sink.list_referrers(name, self.image.digest)?;
            let has_mark = |it: &Descriptor| {
                it.annotations.get(SIGNED_STATEMENT).is_some_and(|found| found == mark)
            };
            Ok::<_, SignatureError>(all.iter().any(has_mark))
        };
        if self.names.is_empty() {
            return has(None);
        }
        self.names.iter().try_fold(true, |known, name| Ok(known && has(Some(name))?))
    }

    fn write(&self, sink: &dyn Sink, statement: &[u8], mark: &str) -> Result<(), SignatureError> {
        let bundle = compose_bundle(statement, self.key)?;
        let (digest, size) = (Digest::of_bytes(&bundle), bundle.len() as u64);
        let blob = SourceBlob { digest, size, source: &bundle, mount_source: None };
        sink.put_blob(&blob, self.names, &|_| ControlFlow::Continue(()))?;
        sink.put_document(&empty_config(), self.names)?;
        let kind = &self.predicate.kind;
        let manifest = compose_manifest(&bundle, kind, mark, self.image)?;
        sink.put_document(&manifest, self.names)?;
        let document = Arc::new(manifest);
        Ok(sink.attach(&[AttachedImage { document, tag: None, name: None }])?)
    }
}

/// Returns the config that an artifact without one has.
pub(crate) fn empty_config() -> Document {
    let bytes = b"{}".to_vec();
    Document { media_type: EMPTY_CONFIG.into(), digest: Digest::of_bytes(&bytes), bytes }
}

/// Returns the text by which a signed statement is found again.
pub(crate) fn statement_mark(statement: &[u8], key: &PrivateKey) -> Result<String, SignatureError> {
    Ok(format!("{} {}", Digest::of_bytes(statement), key.public_key()?.fingerprint()?))
}

fn compose_bundle(statement: &[u8], key: &PrivateKey) -> Result<Vec<u8>, SignatureError> {
    let envelope: Value = serde_json::from_slice(&seal_statement(statement, key)?)?;
    let hint = STANDARD.encode(key.public_key()?.fingerprint()?.as_bytes());
    Ok(to_canonical_json(&json!({
        "mediaType": BUNDLE_MEDIA_TYPE,
        "verificationMaterial": { "publicKey": { "hint": hint } },
        "dsseEnvelope": envelope,
    }))?)
}

/// Returns the manifest that holds a bundle.
fn compose_manifest(
    bundle: &[u8],
    kind: &str,
    mark: &str,
    image: &Descriptor,
) -> Result<Document, SignatureError> {
    let config = empty_config();
    let manifest = Document::new(
        MediaType::ImageManifest,
        &json!({
            "schemaVersion": 2,
            "mediaType": MediaType::ImageManifest.to_string(),
            "artifactType": BUNDLE_MEDIA_TYPE,
            "config": { "mediaType": EMPTY_CONFIG, "digest": config.digest.to_string(), "size": config.bytes.len() },
            "layers": [{
                "mediaType": BUNDLE_MEDIA_TYPE,
                "digest": Digest::of_bytes(bundle).to_string(),
                "size": bundle.len(),
            }],
            "annotations": {
                "dev.sigstore.bundle.content": "dsse-envelope",
                "dev.sigstore.bundle.predicateType": kind,
                SIGNED_STATEMENT: mark,
            },
        }),
    )?;
    let attached = with_subject_descriptor(&manifest, image);
    attached.map_err(|error| SignatureError::Compose(error.to_string()))
}

/// The fields of a bundle that are used.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct BundleFields {
    dsse_envelope: Option<Envelope>,
}

/// Returns the envelope in a bundle; the error says what is wrong.
pub(crate) fn parse_bundle(bytes: &[u8]) -> Result<Envelope, String> {
    let fields: BundleFields = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
    fields.dsse_envelope.ok_or_else(|| "it has no signed statement".into())
}
