//! A sink that *signs* the images that are written to another, before their names are published: no name refers to an
//! image whose signature is not there.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::error::SignatureError;
use super::identity::signed_name;
use super::key::PrivateKey;
use super::sign::{SignatureFormat, SigningRequest, is_signed, sign_subjects};
use crate::oci::copy::CopyError;
use crate::oci::error::StorageError;
use crate::oci::image::descriptor::Descriptor;
use crate::oci::image::digest::Digest;
use crate::oci::image::json::Document;
use crate::oci::image::reference::Reference;
use crate::oci::image::tag::Tag;
use crate::oci::referrers::{ListedEntries, Subject, list_subjects};
use crate::oci::sink::{
    AttachedImage, BlobWriter, NamedImage, ReportBytes, Sink, SourceBlob, TransferOutcome,
    for_each_part,
};
use crate::oci::walk::{DocumentLimits, DocumentSource, WalkError};

/// Signs images with a key.
#[derive(Debug, Clone, Copy)]
pub struct Signer<'a> {
    /// Key that signs.
    pub key: &'a PrivateKey,
    /// Names that images are signed for.
    pub names: &'a SignedNames,
    /// Where signatures are kept.
    pub format: SignatureFormat,
}

/// Names that images are signed for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SignedNames {
    /// Each name that an image gets.
    Published,
    /// The repositories of these names: the image is published by its digest alone.
    Repositories,
    /// This name, whatever the image is called.
    Given(String),
}

impl SignedNames {
    /// Returns the name that an image is signed for.
    fn identity(&self, name: Option<&Reference>) -> Option<String> {
        match self {
            Self::Published => name.map(signed_name),
            Self::Repositories => name.map(Reference::full_repository),
            Self::Given(name) => Some(name.clone()),
        }
    }
}

/// Writes to another sink, and signs what gets a name there.
pub struct SigningSink<'a> {
    inner: &'a dyn Sink,
    signer: Signer<'a>,
    /// Other names that images may be signed for that were there before.
    names_before: BTreeSet<String>,
    /// What was written since names were published.
    written: Mutex<WrittenDocuments>,
}

/// Documents that were written.
#[derive(Default)]
struct WrittenDocuments {
    digests: BTreeSet<Digest>,
    indexes: BTreeMap<Digest, Document>,
}

/// Images with the same signatures: the same image in the same repository.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct SignedImage {
    digest: Digest,
    media_type: String,
    size: u64,
    /// The repository; none in a layout if the image has no full name.
    repository: Option<String>,
}

impl<'a> SigningSink<'a> {
    /// Returns a sink that writes to another, and signs there.
    pub fn new(inner: &'a dyn Sink, signer: Signer<'a>) -> Self {
        Self { inner, signer, names_before: BTreeSet::new(), written: Mutex::default() }
    }

    /// Also accepts images that were there before if the key has signed them for one of these names: those of the image that
    /// they are copied from.
    #[must_use]
    pub(crate) fn with_names_before<'n>(self, names: impl Iterator<Item = &'n Reference>) -> Self {
        let names = names.filter_map(|name| self.signer.names.identity(Some(name)));
        Self { names_before: names.collect(), ..self }
    }

    fn sign(&self, images: &[NamedImage]) -> Result<(), SignatureError> {
        let mut all: BTreeMap<SignedImage, (Option<&Reference>, BTreeSet<String>)> =
            BTreeMap::new();
        for NamedImage { image, name, .. } in images {
            let digest = image.digest().to_string().parse();
            let digest = digest.map_err(|_| SignatureError::Compose(image.digest().to_string()))?;
            let name = name.as_ref();
            let identity = self.signer.names.identity(name).ok_or(SignatureError::Unnamed)?;
            let repository = name.map(Reference::full_repository);
            let (_, identities) = all
                .entry(SignedImage {
                    digest,
                    media_type: image.media_type().to_string(),
                    size: image.size(),
                    repository,
                })
                .or_insert_with(|| (name, BTreeSet::new()));
            identities.insert(identity);
        }
        for (image, (repository, identities)) in &all {
            let SignedImage { digest, media_type, size, .. } = image;
            let image = Descriptor::new(media_type.clone(), *digest, *size);
            let subjects = self.find_subjects(&image)?;
            let request = SigningRequest {
                key: self.signer.key,
                identities,
                repository: *repository,
                format: self.signer.format,
            };
            for_each_part(self.inner, &mut |part| {
                self.check_kept(&subjects, part, &request)?;
                sign_subjects(subjects.clone(), part, &request).map(drop)
            })?;
        }
        Ok(())
    }

    /// Fails if an index lists an image that was there before and is not signed by the key: somebody else can have put it
    /// there, and nothing of it was checked.
    fn check_kept(
        &self,
        subjects: &[Subject],
        sink: &dyn Sink,
        request: &SigningRequest<'_>,
    ) -> Result<(), SignatureError> {
        let is_written = |digest| self.written().digests.contains(digest);
        let identities = request.identities.union(&self.names_before).cloned().collect();
        let request = &SigningRequest { identities: &identities, ..*request };
        for subject in subjects.iter().filter(|it| !is_written(&it.digest)) {
            if !is_signed(subject.digest, sink, request)? {
                return Err(SignatureError::Kept(Box::new(subject.clone())));
            }
        }
        Ok(())
    }

    /// Returns an image, and what it lists.
    fn find_subjects(&self, image: &Descriptor) -> Result<Vec<Subject>, SignatureError> {
        let indexes = WrittenIndexes(self.written().indexes.clone());
        let Some(index) = indexes.0.get(&image.digest) else {
            return Ok(vec![Subject::of_descriptor(image, None)]);
        };
        Ok(list_subjects(&indexes, index, ListedEntries::All).map_err(CopyError::from)?)
    }

    fn written(&self) -> MutexGuard<'_, WrittenDocuments> {
        self.written.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sink for SigningSink<'_> {
    fn has_blob(
        &self,
        digest: Digest,
        size: u64,
        names: &[Reference],
        poll: &ReportBytes<'_>,
    ) -> Result<bool, StorageError> {
        self.inner.has_blob(digest, size, names, poll)
    }

    fn start_blob(
        &self,
        len: u64,
        names: &[Reference],
    ) -> Result<Box<dyn BlobWriter + '_>, StorageError> {
        self.inner.start_blob(len, names)
    }

    fn put_blob(
        &self,
        blob: &SourceBlob<'_>,
        names: &[Reference],
        advanced: &ReportBytes<'_>,
    ) -> Result<TransferOutcome, StorageError> {
        self.inner.put_blob(blob, names, advanced)
    }

    fn put_document(&self, document: &Document, names: &[Reference]) -> Result<(), StorageError> {
        self.inner.put_document(document, names)?;
        let mut written = self.written();
        written.digests.insert(document.digest);
        if document.is_index() {
            written.indexes.insert(document.digest, document.clone());
        }
        Ok(())
    }

    fn check_subject(&self, subject: Digest, names: &[Reference]) -> Result<(), StorageError> {
        self.inner.check_subject(subject, names)
    }

    fn find_attachment(
        &self,
        name: Option<&Reference>,
        tag: &Tag,
    ) -> Result<Option<Document>, StorageError> {
        self.inner.find_attachment(name, tag)
    }

    fn parts(&self) -> Option<[&dyn Sink; 2]> {
        self.inner.parts()
    }

    fn list_referrers(
        &self,
        name: Option<&Reference>,
        subject: Digest,
    ) -> Result<Vec<Descriptor>, StorageError> {
        self.inner.list_referrers(name, subject)
    }

    fn open_blob_file(&self, digest: Digest, size: u64) -> Option<File> {
        self.inner.open_blob_file(digest, size)
    }

    fn attach(&self, attached: &[AttachedImage]) -> Result<(), StorageError> {
        self.inner.attach(attached)
    }

    fn publish(&self, images: &[NamedImage]) -> Result<(), StorageError> {
        self.sign(images)?;
        self.inner.publish(images)?;
        *self.written() = WrittenDocuments::default();
        Ok(())
    }

    fn max_parallel_blobs(&self) -> usize {
        self.inner.max_parallel_blobs()
    }
}

impl std::fmt::Debug for SigningSink<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SigningSink").field("signer", &self.signer).finish_non_exhaustive()
    }
}

/// Indexes that were written, as a source of documents: what an index lists is in its descriptors.
struct WrittenIndexes(BTreeMap<Digest, Document>);

impl DocumentSource for WrittenIndexes {
    fn read_document(&self, digest: Digest) -> Result<Option<Document>, StorageError> {
        Ok(self.0.get(&digest).cloned())
    }

    fn read_config(
        &self,
        config: &Descriptor,
        _limits: &DocumentLimits,
    ) -> Result<Vec<u8>, WalkError> {
        Err(WalkError::Unusable(config.digest, "configs of new images are not read".into()))
    }
}
