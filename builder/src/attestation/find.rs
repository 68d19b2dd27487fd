//! Reads the attestations of an image. They are untrusted: their number and length are bounded.

use std::io::Read as _;

use serde_json::Value;

use super::manifest::ENVELOPE_MEDIA_TYPE;
use crate::oci::error::StorageError;
use crate::oci::image::descriptor::Descriptor;
use crate::oci::image::digest::Digest;
use crate::oci::image::documents::REFERENCE_DIGEST;
use crate::oci::image::index::ImageIndex;
use crate::oci::image::json::Document;
use crate::oci::image::manifest::ImageManifest;
use crate::oci::image::tag::CosignTag;
use crate::oci::images::Images;
use crate::oci::referrers::{Subject, list_referrers};
use crate::signature::bundle::{BUNDLE_MEDIA_TYPE, SIGNATURE_PREDICATE, parse_bundle};
use crate::signature::envelope::{Envelope, STATEMENT_MEDIA_TYPE};
use crate::signature::key::PublicKey;
use crate::signature::statement::StatementFields;

/// Most bytes of all statements of an image and of the images of its platforms: as values in memory they take up to sixteen
/// times as much.
const STATEMENTS_LEN_MAX: u64 = 32 << 20;

/// Most attestations of an image.
const ATTESTATIONS_MAX: usize = 1000;

/// Who vouches for an attestation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AttestedBy {
    /// One of the keys has signed it.
    Key,
    /// It is signed, but not by one of the keys.
    Others,
    /// It is not signed: whoever could write the image could write it.
    Nobody,
}

/// An attestation of an image.
#[derive(Debug, Clone, PartialEq)]
pub struct Attestation {
    /// The index, or the image of a platform, that it is about.
    pub subject: Subject,
    /// Type of what it says.
    pub kind: String,
    /// Who vouches for it.
    pub by: AttestedBy,
    /// What it says.
    pub predicate: Value,
    /// Why it does not count, if it does not: it is damaged, or about another image.
    pub problem: Option<String>,
}

/// Reads the attestations of images. `root` is the index, which can hold some.
pub fn find_attestations(
    images: &dyn Images,
    root: &Document,
    subjects: &[Subject],
    keys: &[PublicKey],
) -> Result<Vec<Attestation>, StorageError> {
    let mut reader = StatementReader { images, keys, left: STATEMENTS_LEN_MAX, found: Vec::new() };
    for subject in subjects {
        reader.read_attached(subject)?;
        reader.read_listed(root, subject)?;
    }
    Ok(reader.found)
}

/// Reads statements within the limits of all of them.
struct StatementReader<'a> {
    images: &'a dyn Images,
    keys: &'a [PublicKey],
    /// Bytes that may still be read.
    left: u64,
    found: Vec<Attestation>,
}

/// What a layer has.
#[derive(Debug, Clone, Copy)]
enum StatementForm {
    /// A statement.
    Plain,
    /// A signed one in an envelope.
    Envelope,
    /// An envelope in a bundle.
    Bundle,
}

impl StatementReader<'_> {
    /// Reads what is attached to an image.
    fn read_attached(&mut self, subject: &Subject) -> Result<(), StorageError> {
        let tag = CosignTag::Attestations.of_image(subject.digest);
        if let Some(tagged) = self.images.find_attachment(&tag)? {
            self.read_layers(&tagged, subject)?;
        }
        for referrer in list_referrers(self.images, subject)? {
            if [STATEMENT_MEDIA_TYPE, BUNDLE_MEDIA_TYPE].contains(&referrer.artifact_type())
                && let Some(manifest) = self.images.read_document(referrer.descriptor.digest)?
            {
                self.read_layers(&manifest, subject)?;
            }
        }
        Ok(())
    }

    /// Reads what an index lists as attestations of an image.
    fn read_listed(&mut self, root: &Document, subject: &Subject) -> Result<(), StorageError> {
        let digest = subject.digest.to_string();
        for entry in ImageIndex::parse(root).map(|index| index.manifests).unwrap_or_default() {
            if entry.annotations.get(REFERENCE_DIGEST) == Some(&digest)
                && let Some(manifest) = self.images.read_document(entry.digest)?
            {
                self.read_layers(&manifest, subject)?;
            }
        }
        Ok(())
    }

    fn read_layers(&mut self, manifest: &Document, subject: &Subject) -> Result<(), StorageError> {
        let layers = ImageManifest::parse(manifest).map(|it| it.layers).unwrap_or_default();
        for layer in &layers {
            let form = match layer.media_type.as_str() {
                ENVELOPE_MEDIA_TYPE => StatementForm::Envelope,
                BUNDLE_MEDIA_TYPE => StatementForm::Bundle,
                STATEMENT_MEDIA_TYPE => StatementForm::Plain,
                _ => continue,
            };
            if self.found.len() == ATTESTATIONS_MAX {
                return Ok(());
            }
            let bytes = self.read_blob(layer)?;
            let read = bytes.and_then(|bytes| self.judge(&bytes, form, subject));
            let subject = subject.clone();
            self.found.push(match read {
                // A signature is no attestation.
                Ok((_, fields)) if fields.predicate_type == SIGNATURE_PREDICATE => continue,
                Ok((by, fields)) => {
                    let StatementFields { predicate_type: kind, predicate, .. } = fields;
                    Attestation { subject, kind, by, predicate, problem: None }
                }
                Err(problem) => {
                    let (kind, predicate) = (String::new(), Value::Null);
                    let (by, problem) = (AttestedBy::Nobody, Some(problem));
                    Attestation { subject, kind, by, predicate, problem }
                }
            });
        }
        Ok(())
    }

    /// Reads a statement or an envelope; the inner error says why it does not count.
    fn read_blob(&mut self, layer: &Descriptor) -> Result<Result<Vec<u8>, String>, StorageError> {
        let &Descriptor { digest, size, .. } = layer;
        let Some(left) = self.left.checked_sub(size) else {
            let limit = STATEMENTS_LEN_MAX >> 20;
            return Ok(Err(format!("it and those before it are longer than {limit} MiB together")));
        };
        self.left = left;
        let mut bytes = Vec::new();
        let blob = self.images.open_blob(digest, size, 0);
        let read = blob.and_then(|blob| {
            let read = blob.take(size + 1).read_to_end(&mut bytes);
            read.map_err(StorageError::io("read", digest.to_string()))
        });
        match read {
            Err(error @ StorageError::Cancelled) => return Err(error),
            Err(error) if error.is_temporary() => return Err(error),
            Err(error) => return Ok(Err(format!("it cannot be read: {}", error.full_message()))),
            Ok(_) => {}
        }
        if bytes.len() as u64 != size || Digest::of_bytes(&bytes) != digest {
            return Ok(Err("it is damaged: its bytes have another digest".into()));
        }
        Ok(Ok(bytes))
    }

    /// Returns a statement and who vouches for it; the error says why it does not count.
    fn judge(
        &self,
        bytes: &[u8],
        form: StatementForm,
        subject: &Subject,
    ) -> Result<(AttestedBy, StatementFields), String> {
        let envelope = match form {
            StatementForm::Plain => None,
            StatementForm::Envelope => Some(Envelope::parse(bytes)?),
            StatementForm::Bundle => Some(parse_bundle(bytes)?),
        };
        let (statement, by) = match envelope {
            None => (bytes.to_vec(), AttestedBy::Nobody),
            Some(envelope) => match envelope.open(self.keys)? {
                (statement, true) => (statement, AttestedBy::Key),
                (statement, false) if envelope.is_signed() => (statement, AttestedBy::Others),
                (statement, false) => (statement, AttestedBy::Nobody),
            },
        };
        let fields = StatementFields::parse(&statement)?;
        if !fields.is_about(subject.digest) {
            return Err("it is about another image".into());
        }
        Ok((by, fields))
    }
}
