//! Images are *read* from a registry or its mirrors.

use std::collections::VecDeque;
use std::io::Read;
use std::ops::Range;

use super::blob_reader::RegistryBlobReader;
use super::error::RegistryError;
use super::range::{BlobRange, WholeBlob};
use super::{Patience, Repository};
use crate::oci::error::StorageError;
use crate::oci::image::descriptor::Descriptor;
use crate::oci::image::digest::Digest;
use crate::oci::image::json::Document;
use crate::oci::image::ref_name::RefName;
use crate::oci::image::tag::Tag;
use crate::oci::images::Images;
use crate::oci::sink::BlobSource;

/// The images of a repository and its mirrors, which are asked first.
#[derive(Debug)]
pub struct RegistryImages<'a> {
    repositories: Vec<Repository<'a>>,
}

impl<'a> RegistryImages<'a> {
    /// Returns the images of the first of these repositories that has them. A failure of one is
    /// repeated only if it is the last.
    pub fn new(mut repositories: Vec<Repository<'a>>) -> Self {
        if let Some((_, mirrors)) = repositories.split_last_mut() {
            for mirror in mirrors {
                mirror.patience = Patience::AskNext;
            }
        }
        Self { repositories }
    }

    /// Asks each repository until one has an answer. The last one is the repository itself, and its
    /// error is returned.
    fn first_answer<T>(
        &self,
        ask: impl Fn(&Repository<'a>) -> Result<Option<T>, RegistryError>,
    ) -> Result<Option<T>, StorageError> {
        let mut answer = Ok(None);
        for repository in self.repositories.iter().filter(|repository| repository.is_worth_asking())
        {
            answer = ask(repository);
            match &answer {
                Ok(Some(_)) => break,
                Ok(None) => {}
                Err(error) => repository.note_failure(error),
            }
        }
        Ok(answer?)
    }

    /// Asks each repository until one has an answer, for what many images do not have: after one that answered that it
    /// has none, a failure of another is no error, and nothing is repeated.
    fn first_answer_or_none<T>(
        &self,
        ask: impl Fn(&Repository<'a>) -> Result<Option<T>, RegistryError>,
    ) -> Result<Option<T>, StorageError> {
        let mut has_answered = false;
        for repository in &self.repositories {
            let mut repository = repository.clone();
            if has_answered {
                repository.patience = Patience::AskNext;
            }
            if !repository.is_worth_asking() {
                continue;
            }
            match ask(&repository) {
                Ok(Some(found)) => return Ok(Some(found)),
                Ok(None) => has_answered = true,
                Err(error) if repository.patience == Patience::AskNext => {
                    repository.note_failure(&error);
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(None)
    }

    fn open_range(&self, range: BlobRange) -> Result<RegistryBlobReader<'a>, StorageError> {
        let asked = self.repositories.iter().filter(|repository| repository.is_worth_asking());
        let mut asked: VecDeque<_> = asked.cloned().collect();
        let digest = range.digest;
        let none = || StorageError::remote(format!("no repository has the blob {digest}"));
        let repository = asked.pop_front().ok_or_else(none)?;
        Ok(RegistryBlobReader::open(repository, asked, range)?)
    }

    fn open_part(
        &self,
        digest: Digest,
        size: u64,
        part: Range<u64>,
        whole: WholeBlob,
    ) -> Result<Box<dyn Read + Send + '_>, StorageError> {
        let Range { start, end } = part;
        let range = BlobRange { digest, size, start, end: end.min(size), whole };
        Ok(Box::new(self.open_range(range)?))
    }
}

impl Images for RegistryImages<'_> {
    fn find_image(&self, name: &str) -> Result<Option<Document>, StorageError> {
        self.first_answer(|repository| repository.read_manifest(name))
    }

    fn read_document(&self, digest: Digest) -> Result<Option<Document>, StorageError> {
        self.find_image(&digest.to_string())
    }

    fn open_blob(
        &self,
        digest: Digest,
        size: u64,
        at: u64,
    ) -> Result<Box<dyn Read + Send + '_>, StorageError> {
        let whole = WholeBlob::Skipped;
        Ok(Box::new(self.open_range(BlobRange { digest, size, start: at, end: size, whole })?))
    }

    /// Requests these bytes only.
    fn open_blob_part(
        &self,
        digest: Digest,
        size: u64,
        part: Range<u64>,
    ) -> Result<Box<dyn Read + Send + '_>, StorageError> {
        self.open_part(digest, size, part, WholeBlob::Skipped)
    }

    fn open_exact_part(
        &self,
        digest: Digest,
        size: u64,
        part: Range<u64>,
    ) -> Result<Box<dyn Read + Send + '_>, StorageError> {
        self.open_part(digest, size, part, WholeBlob::Refused)
    }

    fn into_blob_reader<'s>(
        self: Box<Self>,
        digest: Digest,
        size: u64,
    ) -> Result<Box<dyn Read + Send + 's>, StorageError>
    where
        Self: 's,
    {
        let whole = WholeBlob::Skipped;
        Ok(Box::new(self.open_range(BlobRange { digest, size, start: 0, end: size, whole })?))
    }

    fn tags(&self) -> Result<Vec<RefName>, StorageError> {
        let tags = self.first_answer(|repository| repository.list_tags().map(Some))?;
        Ok(tags.unwrap_or_default().into_iter().map(Into::into).collect())
    }

    fn find_attachment(&self, tag: &Tag) -> Result<Option<Document>, StorageError> {
        self.first_answer_or_none(|repository| repository.read_manifest(tag.as_str()))
    }

    /// A mirror that lists none may not have them.
    fn list_referrers(&self, subject: Digest) -> Result<Vec<Descriptor>, StorageError> {
        let found = self.first_answer_or_none(|repository| {
            Ok(Some(repository.list_referrers(subject)?).filter(|list| !list.is_empty()))
        })?;
        Ok(found.unwrap_or_default())
    }

    fn mount_source(&self) -> Option<(&str, &str)> {
        let repository = self.repositories.last()?;
        Some((repository.host.server.base_url.as_str(), &repository.name))
    }
}

/// A blob in a registry, as the source of an upload.
pub(super) struct RegistryBlob<'a> {
    pub(super) repository: &'a Repository<'a>,
    pub(super) digest: Digest,
    pub(super) size: u64,
}

impl BlobSource for RegistryBlob<'_> {
    fn open(&self, at: u64) -> Result<Box<dyn Read + '_>, StorageError> {
        Ok(Box::new(self.repository.open_blob(self.digest, self.size, at)?))
    }
}

impl<'a> Repository<'a> {
    /// Opens a blob for reading from the offset `at`.
    pub(super) fn open_blob(
        &self,
        digest: Digest,
        size: u64,
        at: u64,
    ) -> Result<RegistryBlobReader<'a>, RegistryError> {
        let range = BlobRange { digest, size, start: at, end: size, whole: WholeBlob::Skipped };
        RegistryBlobReader::open(self.clone(), VecDeque::new(), range)
    }

    /// Returns whether the repository is asked: a mirror that failed is not asked again.
    fn is_worth_asking(&self) -> bool {
        self.patience == Patience::Retry
            || !self.registry.client.is_down(&self.host.server.base_url)
    }

    /// Remembers a mirror whose server failed.
    pub(super) fn note_failure(&self, error: &RegistryError) {
        if self.patience == Patience::AskNext && error.cause.is_of_server() {
            self.registry.client.mark_down(&self.host.server.base_url);
        }
    }
}
