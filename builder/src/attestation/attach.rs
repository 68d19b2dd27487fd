//! Writes the attestations of an image where the image is written.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;

use super::manifest::{
    StatementBlob, compose_index_entry, compose_referrer, compose_tagged, has_mark,
};
use crate::oci::attachments::{TagUpdate, update_tags};
use crate::oci::error::StorageError;
use crate::oci::image::descriptor::Descriptor;
use crate::oci::image::digest::Digest;
use crate::oci::image::documents::{IndexEntry, REFERENCE_DIGEST};
use crate::oci::image::json::Document;
use crate::oci::image::platform::Platform;
use crate::oci::image::reference::Reference;
use crate::oci::image::tag::CosignTag;
use crate::oci::sink::{AttachedImage, Sink, SourceBlob, for_each_part};
use crate::signature::bundle::{BundleRequest, empty_config, statement_mark};
use crate::signature::envelope::seal_statement;
use crate::signature::error::SignatureError;
use crate::signature::key::PrivateKey;
use crate::signature::sign::SignatureFormat;
use crate::signature::statement::{Predicate, StatementSubject, compose_statement};

/// Where attestations are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AttestationForm {
    /// Beside the image: referrers; signed ones have a tag of cosign.
    Attached,
    /// In the index of the image, without a signature, as BuildKit keeps them.
    Index,
}

/// Annotations of an entry of an index that holds attestations
/// (<https://github.com/moby/buildkit/blob/master/docs/attestations/attestation-storage.md>).
const REFERENCE_TYPE: (&str, &str) = ("vnd.docker.reference.type", "attestation-manifest");

/// Writes attestations.
#[derive(Clone, Copy)]
pub(crate) struct AttestationWriter<'a> {
    pub(crate) sink: &'a dyn Sink,
    /// Names of the images.
    pub(crate) names: &'a [Reference],
    /// Key that signs statements that are attached, and where the signed ones are kept.
    pub(crate) key: Option<(&'a PrivateKey, SignatureFormat)>,
}

impl AttestationWriter<'_> {
    /// Attaches attestations to an image that was written.
    pub(crate) fn attach(
        &self,
        image: &Document,
        predicates: &[Predicate],
    ) -> Result<(), SignatureError> {
        for predicate in predicates {
            let subject = StatementSubject::new(self.names, image.digest);
            if let Some((key, SignatureFormat::Bundle)) = self.key {
                let (image, names) = (&Descriptor::of_document(image), self.names);
                BundleRequest { key, predicate, image, names, subject }.attach(self.sink)?;
                continue;
            }
            let statement = compose_statement(&subject, predicate)?;
            match self.key {
                Some((key, _)) => self.attach_signed(image, predicate, &statement, key)?,
                None => self.attach_referrer(image, predicate, statement)?,
            }
        }
        Ok(())
    }

    fn attach_referrer(
        &self,
        image: &Document,
        predicate: &Predicate,
        bytes: Vec<u8>,
    ) -> Result<(), SignatureError> {
        let blob = StatementBlob { kind: predicate.kind.clone(), bytes };
        let manifest = compose_referrer(&blob, image);
        let manifest = manifest.map_err(|error| SignatureError::Compose(error.to_string()))?;
        put_bytes(self.sink, &blob.bytes, self.names)?;
        self.sink.put_document(&empty_config(), self.names)?;
        self.sink.put_document(&manifest, self.names)?;
        let document = Arc::new(manifest);
        Ok(self.sink.attach(&[AttachedImage { document, tag: None, name: None }])?)
    }

    fn attach_signed(
        &self,
        image: &Document,
        predicate: &Predicate,
        statement: &[u8],
        key: &PrivateKey,
    ) -> Result<(), SignatureError> {
        let mark = statement_mark(statement, key)?;
        let tag = CosignTag::Attestations.of_image(image.digest);
        let bytes = seal_statement(statement, key)?;
        let blob = StatementBlob { kind: predicate.kind.clone(), bytes };
        let documents = compose_tagged(&blob, &mark).map_err(SignatureError::Compose)?;
        let manifest = Arc::new(documents.manifest);
        let config = &documents.config;
        let updates = TagUpdate::of_image(&tag, &manifest, Some(&config.bytes), self.names);
        for_each_part(self.sink, &mut |part| {
            let is_known = |update: &TagUpdate<'_>| {
                Ok::<_, StorageError>(update.find(part)?.is_some_and(|it| has_mark(&it, &mark)))
            };
            let known = updates.iter().map(is_known).collect::<Result<Vec<bool>, _>>()?;
            // A signature of the same is another signature each time.
            if known.into_iter().all(|is_known| is_known) {
                return Ok(());
            }
            put_bytes(part, &blob.bytes, self.names)?;
            part.put_document(config, self.names)?;
            update_tags(&updates, part)
        })?;
        Ok(())
    }

    /// Writes the attestations of a platform's image, and returns the entry of the index that holds them.
    pub(crate) fn write_index_entry(
        &self,
        image: Digest,
        predicates: &[Predicate],
    ) -> Result<IndexEntry, SignatureError> {
        let subject = StatementSubject::new(self.names, image);
        let blobs = predicates.iter().map(|predicate| {
            let bytes = compose_statement(&subject, predicate)?;
            Ok(StatementBlob { kind: predicate.kind.clone(), bytes })
        });
        let blobs = blobs.collect::<serde_json::Result<Vec<_>>>()?;
        let documents = compose_index_entry(&blobs);
        let documents = documents.map_err(|error| SignatureError::Compose(error.to_string()))?;
        for blob in &blobs {
            put_bytes(self.sink, &blob.bytes, self.names)?;
        }
        self.sink.put_document(&documents.config, self.names)?;
        self.sink.put_document(&documents.manifest, self.names)?;
        let (kind, value) = REFERENCE_TYPE;
        let annotations = BTreeMap::from([
            (kind.to_owned(), value.to_owned()),
            (REFERENCE_DIGEST.to_owned(), image.to_string()),
        ]);
        Ok(IndexEntry::new(&documents.manifest, Platform::unknown(), annotations))
    }
}

/// Attaches an attestation to an image that exists in the repositories of these names; without names, in a layout. With a
/// key it is signed.
pub fn attach_attestation(
    image: &Document,
    predicate: &Predicate,
    sink: &dyn Sink,
    names: &[Reference],
    key: Option<(&PrivateKey, SignatureFormat)>,
) -> Result<(), SignatureError> {
    AttestationWriter { sink, names, key }.attach(image, std::slice::from_ref(predicate))
}

/// Writes a short blob.
fn put_bytes(sink: &dyn Sink, bytes: &Vec<u8>, names: &[Reference]) -> Result<(), StorageError> {
    let (digest, size) = (Digest::of_bytes(bytes), bytes.len() as u64);
    let blob = SourceBlob { digest, size, source: bytes, mount_source: None };
    sink.put_blob(&blob, names, &|_| ControlFlow::Continue(())).map(drop)
}
