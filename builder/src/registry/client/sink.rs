//! A *sink* that writes to registries: each image goes to the repositories of its names.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::{Mutex, PoisonError};

use super::limits::layer_limit;
use super::put::BlobUpload;
use super::upload::StreamedUpload;
use super::{RegistryClient, Repository};
use crate::oci::error::StorageError;
use crate::oci::image::descriptor::Descriptor;
use crate::oci::image::digest::Digest;
use crate::oci::image::json::Document;
use crate::oci::image::reference::Reference;
use crate::oci::image::tag::Tag;
use crate::oci::progress::ProgressEvent;
use crate::oci::sink::{
    AttachedImage, BlobSource, BlobWriter, NamedImage, ReportBytes, Sink, SourceBlob,
    TransferOutcome,
};

/// A sink that writes each image to the repositories of its names.
#[derive(Debug)]
pub struct RegistrySink<'a> {
    registry: &'a RegistryClient,
    /// Documents that were written: a tag is set by writing the document again.
    documents: Mutex<BTreeMap<Digest, Document>>,
    width: usize,
    names: PublishedNames,
}

/// What names images have in a registry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PublishedNames {
    /// Their tags.
    Tags,
    /// Only their digests: no tag is written.
    Digests,
}

impl<'a> RegistrySink<'a> {
    /// Returns a sink that transfers up to `width` blobs at the same time, and writes tags.
    pub fn new(registry: &'a RegistryClient, width: usize) -> Self {
        Self { registry, documents: Mutex::default(), width, names: PublishedNames::Tags }
    }

    /// Returns the sink with another kind of published names.
    #[must_use]
    pub fn with_names(self, names: PublishedNames) -> Self {
        Self { names, ..self }
    }

    /// Returns the repositories of these names, each once, in their order.
    fn target_repositories(
        &self,
        names: &[Reference],
    ) -> Result<Vec<Repository<'a>>, StorageError> {
        let mut repositories: Vec<Repository<'a>> = Vec::new();
        for name in names {
            let repository = self.registry.target_repository(name)?;
            if !repositories.iter().any(|known| known.is_same_as(&repository)) {
                repositories.push(repository);
            }
        }
        if repositories.is_empty() {
            return Err(StorageError::remote("an image without a name cannot be pushed"));
        }
        Ok(repositories)
    }

    fn warn_of_limits(&self, names: &[Reference], len: u64) {
        for name in names {
            if let Some(limit) = layer_limit(name.registry()).filter(|limit| len > *limit) {
                let (registry, gb) = (name.registry(), limit / 1_000_000_000);
                let note = format!("{registry} accepts layers of at most {gb} GB");
                self.registry.options.progress.report(ProgressEvent::Note(&note));
            }
        }
    }
}

impl Sink for RegistrySink<'_> {
    fn has_blob(
        &self,
        digest: Digest,
        size: u64,
        names: &[Reference],
        _poll: &ReportBytes<'_>,
    ) -> Result<bool, StorageError> {
        let repositories = self.target_repositories(names)?;
        let there = repositories.iter().map(|repository| repository.has_blob(digest, size));
        let there = there.collect::<Result<Vec<_>, _>>()?;
        let Some(first) = there.iter().position(|there| *there) else { return Ok(false) };
        for (repository, _) in repositories.iter().zip(&there).filter(|(_, there)| !**there) {
            repository.copy_blob(digest, size, &repositories[first])?;
        }
        self.registry.count_skipped(size);
        Ok(true)
    }

    fn start_blob(
        &self,
        len: u64,
        names: &[Reference],
    ) -> Result<Box<dyn BlobWriter + '_>, StorageError> {
        let mut repositories = self.target_repositories(names)?;
        self.warn_of_limits(names, len);
        let others = repositories.split_off(1);
        let first = repositories.pop();
        let first = first.ok_or_else(|| {
            StorageError::remote(
                "there is no destination to \
             push to",
            )
        })?;
        Ok(Box::new(StreamedUpload::new(first, others)))
    }

    fn put_document(&self, document: &Document, names: &[Reference]) -> Result<(), StorageError> {
        for repository in self.target_repositories(names)? {
            if document.is_config() {
                let size = document.bytes.len() as u64;
                let (digest, source) = (document.digest, &document.bytes);
                repository.put_blob(&BlobUpload {
                    digest,
                    size,
                    source,
                    mount_from: None,
                    advanced: &|_| ControlFlow::Continue(()),
                })?;
            } else {
                repository.put_manifest(document)?;
            }
        }
        let mut documents = self.documents.lock().unwrap_or_else(PoisonError::into_inner);
        documents.insert(document.digest, document.clone());
        Ok(())
    }

    fn put_blob(
        &self,
        blob: &SourceBlob<'_>,
        names: &[Reference],
        advanced: &ReportBytes<'_>,
    ) -> Result<TransferOutcome, StorageError> {
        self.warn_of_limits(names, blob.size);
        let mut all = TransferOutcome::Existed;
        let mut before: Option<Repository<'_>> = None;
        for repository in self.target_repositories(names)? {
            let beside = before.as_ref().filter(|before| before.shares_registry_with(&repository));
            let beside = beside.map(|before| before.name.as_str());
            let given = blob
                .mount_source
                .filter(|(base, _)| *base == repository.host.server.base_url.as_str());
            let from = beside.or(given.map(|(_, name)| name));
            let from = from.filter(|from| *from != repository.name);
            let put = BlobUpload {
                digest: blob.digest,
                size: blob.size,
                source: blob.source,
                mount_from: from,
                advanced,
            };
            all = all.max(repository.put_blob(&put)?);
            before = Some(repository);
        }
        Ok(all)
    }

    fn check_subject(&self, subject: Digest, names: &[Reference]) -> Result<(), StorageError> {
        for repository in self.target_repositories(names)? {
            if repository.read_manifest(&subject.to_string())?.is_none() {
                let location = &repository.location;
                return Err(StorageError::Remote {
                    message: format!("{location} does not have {subject}, which the image is to refer to"),
                    help: Some("an image refers to one of its own repository; copy that one there first, with `diskette copy`".into()),
                    is_temporary: false,
                });
            }
        }
        Ok(())
    }

    fn find_attachment(
        &self,
        name: Option<&Reference>,
        tag: &Tag,
    ) -> Result<Option<Document>, StorageError> {
        let Some(name) = name else { return Ok(None) };
        Ok(self.registry.target_repository(name)?.read_manifest(tag.as_str())?)
    }

    fn list_referrers(
        &self,
        name: Option<&Reference>,
        subject: Digest,
    ) -> Result<Vec<Descriptor>, StorageError> {
        let Some(name) = name else { return Ok(Vec::new()) };
        Ok(self.registry.target_repository(name)?.list_referrers(subject)?)
    }

    fn attach(&self, attached: &[AttachedImage]) -> Result<(), StorageError> {
        for AttachedImage { document, tag, name } in attached {
            let (Some(tag), Some(name)) = (tag, name) else { continue };
            self.registry.target_repository(name)?.publish_name(document, tag.as_str())?;
        }
        Ok(())
    }

    fn publish(&self, images: &[NamedImage]) -> Result<(), StorageError> {
        for named in images {
            let Some(name) = &named.name else { continue };
            let Some(tag) = name.tag() else { continue };
            let digest = named.image.digest().to_string();
            let documents = self.documents.lock().unwrap_or_else(PoisonError::into_inner);
            let document = digest.parse().ok().and_then(|digest: Digest| documents.get(&digest));
            let document = document.cloned();
            drop(documents);
            let document =
                document.ok_or_else(|| StorageError::remote(format!("{digest} was not pushed")))?;
            let published = match self.names {
                PublishedNames::Tags => tag,
                PublishedNames::Digests => &digest,
            };
            self.registry.options.progress.report(ProgressEvent::Publishing);
            self.registry.target_repository(name)?.publish_name(&document, published)?;
        }
        Ok(())
    }

    fn max_parallel_blobs(&self) -> usize {
        self.width
    }
}

impl BlobSource for Vec<u8> {
    fn open(&self, at: u64) -> Result<Box<dyn std::io::Read + '_>, StorageError> {
        let start = usize::try_from(at).unwrap_or(usize::MAX).min(self.len());
        Ok(Box::new(&self[start..]))
    }
}
