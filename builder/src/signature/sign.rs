//! *Signs* an image: its index, and the image of each platform, since a node of a cluster looks only at that.

use std::ops::ControlFlow;
use std::sync::Arc;

use super::attached::{find_manifest, parse_entries};
use super::error::SignatureError;
use super::key::PrivateKey;
use super::manifest::{SignatureDocuments, SignatureManifest, check_number};
use super::payload::SignedPayload;
use crate::oci::attachments::{TagUpdate, update_tags};
use crate::oci::image::digest::Digest;
use crate::oci::image::json::Document;
use crate::oci::image::reference::Reference;
use crate::oci::image::tag::{CosignTag, Tag};
use crate::oci::images::Images;
use crate::oci::referrers::{Subject, find_subjects};
use crate::oci::sink::{Sink, SourceBlob};

/// How an image is signed.
#[derive(Debug, Clone, Copy)]
pub struct SigningRequest<'a> {
    /// Key that signs.
    pub key: &'a PrivateKey,
    /// Name that the image is signed for: a repository, or an image in it.
    pub identity: &'a str,
    /// Repository that the signatures are written to; none for a layout.
    pub repository: Option<&'a Reference>,
}

/// What became of the signature of an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignOutcome {
    /// It was added.
    Added,
    /// The image has a signature of the same payload by the same key.
    Existed,
}

/// A new signature of an image.
struct NewSignature {
    /// Tag of the signatures of the image.
    tag: Tag,
    payload: Vec<u8>,
    documents: SignatureDocuments,
}

/// Signs an image and the images of its platforms, and returns what became of each. `images` are those where the sink
/// writes to: signatures that exist there are kept. `name` is the name of the image in messages.
pub fn sign_image(
    root: &Document,
    name: &str,
    images: &dyn Images,
    sink: &dyn Sink,
    request: &SigningRequest<'_>,
) -> Result<Vec<(Subject, SignOutcome)>, SignatureError> {
    let (mut outcomes, mut added) = (Vec::new(), Vec::new());
    for subject in find_subjects(images, root, None, name)? {
        let new = compose_signature(subject.digest, images, request)?;
        let outcome = if new.is_some() { SignOutcome::Added } else { SignOutcome::Existed };
        outcomes.push((subject, outcome));
        added.extend(new);
    }
    write_signatures(&added, sink, request)?;
    Ok(outcomes)
}

/// Returns a new signature of an image; nothing if it has the signature.
fn compose_signature(
    subject: Digest,
    images: &dyn Images,
    request: &SigningRequest<'_>,
) -> Result<Option<NewSignature>, SignatureError> {
    let payload = SignedPayload { identity: request.identity.to_owned(), digest: subject };
    let payload = payload.to_bytes()?;
    let tag = CosignTag::Signatures.of_image(subject);
    if let Some(found) = find_manifest(images, subject)? {
        let (digest, key) = (Digest::of_bytes(&payload), request.key.public_key()?);
        let entries = parse_entries(&found, subject)?;
        let mut same = entries.iter().filter(|it| it.payload.digest == digest);
        if same.any(|it| key.has_signed(&payload, &it.signature)) {
            return Ok(None);
        }
        check_number(entries.len() + 1)
            .map_err(|why| SignatureError::Manifest { tag: tag.clone(), why })?;
    }
    let mut manifest = SignatureManifest::empty();
    let signature = request.key.sign(&payload)?;
    manifest.add(&payload, &signature).map_err(SignatureError::Compose)?;
    let documents = manifest.into_documents().map_err(SignatureError::Compose)?;
    Ok(Some(NewSignature { tag, payload, documents }))
}

/// Writes payloads and configs, then adds the signatures to those that the tags have.
fn write_signatures(
    all: &[NewSignature],
    sink: &dyn Sink,
    request: &SigningRequest<'_>,
) -> Result<(), SignatureError> {
    let names: Vec<Reference> = request.repository.into_iter().cloned().collect();
    let mut updates = Vec::new();
    for NewSignature { tag, payload, documents: SignatureDocuments { config, manifest } } in all {
        let blob = SourceBlob {
            digest: Digest::of_bytes(payload),
            size: payload.len() as u64,
            source: payload,
            mount_source: None,
        };
        sink.put_blob(&blob, &names, &|_| ControlFlow::Continue(()))?;
        sink.put_document(config, &names)?;
        let manifest = Arc::new(manifest.clone());
        updates.extend(TagUpdate::of_image(tag, &manifest, Some(&config.bytes), &names));
    }
    Ok(update_tags(&updates, sink)?)
}
