//! A *sink* that is a registry, or several: each image goes to the repositories of its names.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::{Mutex, PoisonError};

use super::limits::layer_limit;
use super::put::Put;
use super::upload::Upload;
use super::{Registry, Repository};
use crate::oci::error::StorageError;
use crate::oci::image::digest::Digest;
use crate::oci::image::json::Document;
use crate::oci::image::reference::Reference;
use crate::oci::progress::ProgressEvent;
use crate::oci::sink::{
    BlobSource, BlobWriter, NamedImage, ReportBytes, Sink, SourceBlob, TransferOutcome,
};

/// Puts images where their names say.
#[derive(Debug)]
pub struct RegistrySink<'a> {
    registry: &'a Registry,
    /// Those that were put: a tag is made by putting the document again.
    documents: Mutex<BTreeMap<Digest, Document>>,
    width: usize,
}

impl<'a> RegistrySink<'a> {
    /// Returns a sink that moves up to `width` blobs at a time.
    pub fn new(registry: &'a Registry, width: usize) -> Self {
        Self { registry, documents: Mutex::default(), width }
    }

    /// Returns the repositories of some names, each once, in order.
    fn repositories(&self, names: &[Reference]) -> Result<Vec<Repository<'a>>, StorageError> {
        let mut repositories: Vec<Repository<'a>> = Vec::new();
        for name in names {
            let repository = self.registry.target(name)?;
            if !repositories.iter().any(|known| known.is_same(&repository)) {
                repositories.push(repository);
            }
        }
        if repositories.is_empty() {
            return Err(StorageError::remote("an image without a name cannot be pushed"));
        }
        Ok(repositories)
    }

    fn warn(&self, names: &[Reference], len: u64) {
        for name in names {
            if let Some(limit) = layer_limit(name.registry()).filter(|limit| len > *limit) {
                let (registry, gb) = (name.registry(), limit / 1_000_000_000);
                let note = format!("{registry} takes layers of {gb} GB at most");
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
    ) -> Result<bool, StorageError> {
        let repositories = self.repositories(names)?;
        let there = repositories.iter().map(|repository| repository.has_blob(digest, size));
        let there = there.collect::<Result<Vec<_>, _>>()?;
        let Some(first) = there.iter().position(|there| *there) else { return Ok(false) };
        for (repository, _) in repositories.iter().zip(&there).filter(|(_, there)| !**there) {
            repository.copy_blob(digest, size, &repositories[first])?;
        }
        self.registry.count_spared(size);
        Ok(true)
    }

    fn start_blob(
        &self,
        len: u64,
        names: &[Reference],
    ) -> Result<Box<dyn BlobWriter + '_>, StorageError> {
        let mut repositories = self.repositories(names)?;
        self.warn(names, len);
        let others = repositories.split_off(1);
        let first = repositories.pop();
        let first = first.ok_or_else(|| StorageError::remote("there is nowhere to push to"))?;
        Ok(Box::new(Upload::new(first, others)))
    }

    fn put_document(&self, document: &Document, names: &[Reference]) -> Result<(), StorageError> {
        for repository in self.repositories(names)? {
            if document.is_config() {
                let size = document.bytes.len() as u64;
                let (digest, source) = (document.digest, &document.bytes);
                repository.put_blob(&Put {
                    digest,
                    size,
                    source,
                    from: None,
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
        self.warn(names, blob.size);
        let mut all = TransferOutcome::Existed;
        let mut before: Option<Repository<'_>> = None;
        for repository in self.repositories(names)? {
            let beside = before.as_ref().filter(|before| before.is_beside(&repository));
            let beside = beside.map(|before| before.name.as_str());
            let given =
                blob.mount_source.filter(|(base, _)| *base == repository.host.base.as_str());
            let from = beside.or(given.map(|(_, name)| name));
            let from = from.filter(|from| *from != repository.name);
            let put =
                Put { digest: blob.digest, size: blob.size, source: blob.source, from, advanced };
            all = all.max(repository.put_blob(&put)?);
            before = Some(repository);
        }
        Ok(all)
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
            self.registry.target(name)?.tag(&document, tag)?;
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
