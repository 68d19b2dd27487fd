//! *Signs* an image: its index, and the image of each platform, since a node of a cluster looks only at that.

use std::ops::ControlFlow;

use super::attached::{find_manifest, parse_entries};
use super::error::SignatureError;
use super::key::PrivateKey;
use super::manifest::{SignatureDocuments, SignatureManifest};
use super::payload::SignedPayload;
use crate::oci::image::digest::Digest;
use crate::oci::image::json::Document;
use crate::oci::image::ref_name::RefName;
use crate::oci::image::reference::Reference;
use crate::oci::image::tag::CosignTag;
use crate::oci::images::Images;
use crate::oci::referrers::{Subject, find_subjects};
use crate::oci::sink::{NamedImage, Sink, SourceBlob};

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

/// A manifest of signatures that is to be written.
struct NewSignature {
    subject: Digest,
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

/// Returns the manifest with a new signature of an image; nothing if it has the signature.
fn compose_signature(
    subject: Digest,
    images: &dyn Images,
    request: &SigningRequest<'_>,
) -> Result<Option<NewSignature>, SignatureError> {
    let payload = SignedPayload { identity: request.identity.to_owned(), digest: subject };
    let payload = payload.to_bytes()?;
    let unusable =
        |why| SignatureError::Manifest { tag: CosignTag::Signatures.of_image(subject), why };
    let mut manifest = SignatureManifest::empty();
    if let Some(found) = find_manifest(images, subject)? {
        let (digest, key) = (Digest::of_bytes(&payload), request.key.public_key()?);
        let mut same = parse_entries(&found, subject)?.into_iter();
        if same.any(|it| it.payload.digest == digest && key.has_signed(&payload, &it.signature)) {
            return Ok(None);
        }
        manifest = SignatureManifest::parse(&found).map_err(unusable)?;
    }
    manifest.add(&payload, &request.key.sign(&payload)?).map_err(unusable)?;
    Ok(Some(NewSignature { subject, payload, documents: manifest.into_documents()? }))
}

/// Writes payloads and documents, then the tags.
fn write_signatures(
    all: &[NewSignature],
    sink: &dyn Sink,
    request: &SigningRequest<'_>,
) -> Result<(), SignatureError> {
    let mut tagged = Vec::new();
    for NewSignature { subject, payload, documents } in all {
        let tag = CosignTag::Signatures.of_image(*subject);
        let name = request.repository.map(|name| name.with_tag(tag.clone()));
        let names: Vec<Reference> = name.iter().cloned().collect();
        let blob = SourceBlob {
            digest: Digest::of_bytes(payload),
            size: payload.len() as u64,
            source: payload,
            mount_source: None,
        };
        sink.put_blob(&blob, &names, &|_| ControlFlow::Continue(()))?;
        sink.put_document(&documents.config, &names)?;
        sink.put_document(&documents.manifest, &names)?;
        let image = documents.manifest.descriptor();
        let image = image.map_err(|error| SignatureError::Compose(error.to_string()))?;
        tagged.push(NamedImage { image, name, tag: Some(RefName::from(tag)) });
    }
    if !tagged.is_empty() {
        sink.publish(&tagged)?;
    }
    Ok(())
}
