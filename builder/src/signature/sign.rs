//! *Signs* an image: its index, and the image of each platform, since a node of a cluster looks only at that.

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::sync::Arc;

use serde_json::json;

use super::attached::parse_entries;
use super::bundle::{BundleRequest, SIGNATURE_PREDICATE};
use super::error::SignatureError;
use super::key::PrivateKey;
use super::manifest::{SignatureDocuments, SignatureEntry, SignatureManifest, check_number};
use super::payload::SignedPayload;
use super::statement::{Predicate, StatementSubject};
use crate::oci::attachments::{TagUpdate, update_tags};
use crate::oci::copy::CopyError;
use crate::oci::image::digest::Digest;
use crate::oci::image::json::Document;
use crate::oci::image::reference::Reference;
use crate::oci::image::tag::{CosignTag, Tag};
use crate::oci::images::Images;
use crate::oci::referrers::{ListedEntries, Subject, list_subjects};
use crate::oci::sink::{Sink, SourceBlob};

/// How an image is signed.
#[derive(Debug, Clone, Copy)]
pub struct SigningRequest<'a> {
    /// Key that signs.
    pub key: &'a PrivateKey,
    /// Names that the image is signed for: a repository, or an image in it. There is a signature for each.
    pub identities: &'a BTreeSet<String>,
    /// Repository that the signatures are written to; none for a layout.
    pub repository: Option<&'a Reference>,
    /// Where signatures are kept.
    pub format: SignatureFormat,
}

/// Where the signatures of an image are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignatureFormat {
    /// In the manifest with a tag of cosign, which all verifiers read.
    Tag,
    /// In bundles that are referrers, as cosign 3 writes them. They are for a repository, whatever the tag.
    Bundle,
}

/// What became of the signatures of an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignOutcome {
    /// At least one was added.
    Added,
    /// The image has signatures of the same payloads by the same key.
    Existed,
}

/// New signatures of an image.
struct NewSignatures {
    /// Tag of the signatures of the image.
    tag: Tag,
    payloads: Vec<Vec<u8>>,
    documents: SignatureDocuments,
}

/// Signs an image and all that it lists, and returns what became of each. Signatures that exist where the sink writes to are
/// kept.
pub fn sign_image(
    root: &Document,
    images: &dyn Images,
    sink: &dyn Sink,
    request: &SigningRequest<'_>,
) -> Result<Vec<(Subject, SignOutcome)>, SignatureError> {
    let subjects = list_subjects(&images, root, ListedEntries::All).map_err(CopyError::from)?;
    sign_subjects(subjects, sink, request)
}

/// Signs images, and returns what became of each.
pub(super) fn sign_subjects(
    subjects: Vec<Subject>,
    sink: &dyn Sink,
    request: &SigningRequest<'_>,
) -> Result<Vec<(Subject, SignOutcome)>, SignatureError> {
    if request.format == SignatureFormat::Bundle {
        return sign_in_bundles(subjects, sink, request);
    }
    let (mut outcomes, mut added) = (Vec::new(), Vec::new());
    for subject in subjects {
        let new = compose_signatures(subject.digest, sink, request)?;
        let outcome = if new.is_some() { SignOutcome::Added } else { SignOutcome::Existed };
        outcomes.push((subject, outcome));
        added.extend(new);
    }
    write_signatures(&added, sink, request)?;
    Ok(outcomes)
}

/// Signs images in bundles.
fn sign_in_bundles(
    subjects: Vec<Subject>,
    sink: &dyn Sink,
    request: &SigningRequest<'_>,
) -> Result<Vec<(Subject, SignOutcome)>, SignatureError> {
    let names: Vec<Reference> = request.repository.into_iter().cloned().collect();
    let repository = |name: &String| {
        name.parse::<Reference>().map_or_else(|_| name.clone(), |name| name.full_repository())
    };
    let repositories: BTreeSet<String> = request.identities.iter().map(repository).collect();
    let predicate = Predicate { kind: SIGNATURE_PREDICATE.into(), value: json!({}) };
    let mut outcomes = Vec::new();
    for subject in subjects {
        let image = subject.descriptor();
        let mut outcome = SignOutcome::Existed;
        for name in &repositories {
            let about = StatementSubject { name: name.clone(), digest: subject.digest };
            let bundle = BundleRequest {
                key: request.key,
                predicate: &predicate,
                image: &image,
                names: &names,
                subject: about,
            };
            if bundle.attach(sink)? {
                outcome = SignOutcome::Added;
            }
        }
        outcomes.push((subject, outcome));
    }
    Ok(outcomes)
}

/// Returns the signatures that an image does not have; nothing if it has all of them.
fn compose_signatures(
    subject: Digest,
    sink: &dyn Sink,
    request: &SigningRequest<'_>,
) -> Result<Option<NewSignatures>, SignatureError> {
    let tag = CosignTag::Signatures.of_image(subject);
    let found = sink.find_attachment(request.repository, &tag)?;
    let found = found.map(|found| parse_entries(&found, subject)).transpose()?.unwrap_or_default();
    let (mut manifest, mut payloads) = (SignatureManifest::empty(), Vec::new());
    for identity in request.identities {
        let payload = SignedPayload { identity: identity.clone(), digest: subject }.to_bytes()?;
        if !has_signature(&found, &payload, request.key)? {
            let signature = request.key.sign(&payload)?;
            manifest.add(&payload, &signature).map_err(SignatureError::Compose)?;
            payloads.push(payload);
        }
    }
    if payloads.is_empty() {
        return Ok(None);
    }
    check_number(found.len() + payloads.len())
        .map_err(|why| SignatureError::Manifest { tag: tag.clone(), why })?;
    let documents = manifest.into_documents().map_err(SignatureError::Compose)?;
    Ok(Some(NewSignatures { tag, payloads, documents }))
}

/// Returns whether an image has a signature by the key for one of the names. Only what a tag holds can be checked here.
pub(super) fn is_signed(
    subject: Digest,
    sink: &dyn Sink,
    request: &SigningRequest<'_>,
) -> Result<bool, SignatureError> {
    let tag = CosignTag::Signatures.of_image(subject);
    let found = sink.find_attachment(request.repository, &tag)?;
    let found = found.map(|found| parse_entries(&found, subject)).transpose()?.unwrap_or_default();
    for identity in request.identities {
        let payload = SignedPayload { identity: identity.clone(), digest: subject }.to_bytes()?;
        if has_signature(&found, &payload, request.key)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Returns whether one of the signatures is of a payload by a key.
fn has_signature(
    found: &[SignatureEntry],
    payload: &[u8],
    key: &PrivateKey,
) -> Result<bool, SignatureError> {
    let digest = Digest::of_bytes(payload);
    let mut same = found.iter().filter(|it| it.payload.digest == digest).peekable();
    if same.peek().is_none() {
        return Ok(false);
    }
    let key = key.public_key()?;
    Ok(same.any(|it| key.has_signed(payload, &it.signature)))
}

/// Writes payloads and configs, then adds the signatures to those that the tags have.
fn write_signatures(
    all: &[NewSignatures],
    sink: &dyn Sink,
    request: &SigningRequest<'_>,
) -> Result<(), SignatureError> {
    let names: Vec<Reference> = request.repository.into_iter().cloned().collect();
    let mut updates = Vec::new();
    for NewSignatures { tag, payloads, documents: SignatureDocuments { config, manifest } } in all {
        for payload in payloads {
            let blob = SourceBlob {
                digest: Digest::of_bytes(payload),
                size: payload.len() as u64,
                source: payload,
                mount_source: None,
            };
            sink.put_blob(&blob, &names, &|_| ControlFlow::Continue(()))?;
        }
        sink.put_document(config, &names)?;
        let manifest = Arc::new(manifest.clone());
        updates.extend(TagUpdate::of_image(tag, &manifest, Some(&config.bytes), &names));
    }
    Ok(update_tags(&updates, sink)?)
}
