//! Images are *read* from a registry. An interrupted download is resumed.

use std::io::{self, Read};

use super::Repository;
use super::call::RegistryCall;
use super::error::{RegistryError, RegistryErrorCause};
use super::range::BlobRange;
use super::remedy::Retry;
use crate::net::http::{HttpResponse, RetryAttempts};
use crate::oci::error::StorageError;
use crate::oci::image::digest::Digest;
use crate::oci::image::json::Document;
use crate::oci::images::Images;
use crate::oci::sink::BlobSource;

const READ_ACT: &str = "read a blob of";

/// The images of a repository and its mirrors, which are asked first.
#[derive(Debug)]
pub struct RegistryImages<'a> {
    repositories: Vec<Repository<'a>>,
}

impl<'a> RegistryImages<'a> {
    /// Returns the images of the first of these repositories that has them.
    pub fn new(repositories: Vec<Repository<'a>>) -> Self {
        Self { repositories }
    }

    /// Asks each repository until one has an answer. The last one is the repository itself, and its
    /// error is returned.
    fn first_answer<T>(
        &self,
        ask: impl Fn(&Repository<'a>) -> Result<Option<T>, RegistryError>,
    ) -> Result<Option<T>, StorageError> {
        let mut answer = Ok(None);
        for repository in &self.repositories {
            answer = ask(repository);
            if matches!(answer, Ok(Some(_))) {
                break;
            }
        }
        Ok(answer?)
    }

    fn open_range(&self, part: BlobRange) -> Result<RegistryBlobReader<'a>, StorageError> {
        let digest = part.digest;
        let reader = self.first_answer(|repository| repository.open_blob_range(part).map(Some))?;
        reader.ok_or_else(|| StorageError::remote(format!("no repository has the blob {digest}")))
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
        Ok(Box::new(self.open_range(BlobRange { digest, size, start: at, end: size })?))
    }

    /// Requests these bytes only.
    fn open_blob_start(
        &self,
        digest: Digest,
        size: u64,
        len: u64,
    ) -> Result<Box<dyn Read + Send + '_>, StorageError> {
        Ok(Box::new(self.open_range(BlobRange { digest, size, start: 0, end: len.min(size) })?))
    }

    fn into_blob_reader<'s>(
        self: Box<Self>,
        digest: Digest,
        size: u64,
    ) -> Result<Box<dyn Read + Send + 's>, StorageError>
    where
        Self: 's,
    {
        Ok(Box::new(self.open_range(BlobRange { digest, size, start: 0, end: size })?))
    }

    fn tags(&self) -> Result<Vec<String>, StorageError> {
        Ok(self.first_answer(|repository| repository.list_tags().map(Some))?.unwrap_or_default())
    }

    fn mount_source(&self) -> Option<(&str, &str)> {
        let repository = self.repositories.last()?;
        Some((repository.host.base_url.as_str(), &repository.name))
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
        self.open_blob_range(BlobRange { digest, size, start: at, end: size })
    }

    fn open_blob_range(&self, part: BlobRange) -> Result<RegistryBlobReader<'a>, RegistryError> {
        let attempts = self.registry.client.attempts();
        let repository = self.clone();
        let mut reader = RegistryBlobReader { repository, range: part, response: None, attempts };
        reader.connect()?;
        Ok(reader)
    }
}

/// A reader of a blob that resumes interrupted downloads.
pub(super) struct RegistryBlobReader<'a> {
    repository: Repository<'a>,
    /// The bytes that are still to be read.
    range: BlobRange,
    response: Option<HttpResponse>,
    attempts: RetryAttempts,
}

impl RegistryBlobReader<'_> {
    fn connect(&mut self) -> Result<(), RegistryError> {
        let (repository, range) = (&self.repository, self.range);
        let fail = |cause| repository.registry_error(READ_ACT, cause);
        let url = repository.resource_url(&format!("blobs/{}", range.digest)).map_err(fail)?;
        let call = RegistryCall {
            act: READ_ACT,
            method: "GET",
            url,
            headers: range.headers(),
            body: &[],
            scope: repository.pull_scope(),
            timeout: None,
        };
        let mut response =
            repository.send_call(&call, |status| matches!(status, 200 | 206 | 404))?;
        range.check_response(&response.head).map_err(fail)?;
        // A server without range requests sends the whole blob again.
        if response.head.status != 206 {
            skip_bytes(&mut response, range.start).map_err(fail)?;
        }
        self.response = Some(response);
        Ok(())
    }
}

/// Reads and drops the first `count` bytes of a response.
fn skip_bytes(response: &mut HttpResponse, count: u64) -> Result<(), RegistryErrorCause> {
    let mut left = count;
    while left > 0 {
        let mut space = vec![0; usize::try_from(left.min(64 * 1024)).unwrap_or(0)];
        match response.read(&mut space) {
            Ok(count) if count > 0 => left -= count as u64,
            _ => return Err(RegistryErrorCause::InvalidContent("the blob is too short".into())),
        }
    }
    Ok(())
}

impl Read for RegistryBlobReader<'_> {
    fn read(&mut self, space: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.range.end - self.range.start).unwrap_or(usize::MAX);
        if left == 0 || space.is_empty() {
            return Ok(0);
        }
        let space_len = space.len().min(left);
        loop {
            if self.response.is_none() {
                self.connect().map_err(io::Error::other)?;
            }
            let read =
                self.response.as_mut().map(|response| response.read(&mut space[..space_len]));
            let error = match read {
                Some(Ok(count)) if count > 0 => {
                    self.range.start += count as u64;
                    return Ok(count);
                }
                Some(Err(error)) => error,
                _ => io::ErrorKind::UnexpectedEof.into(),
            };
            self.response = None;
            let stall = self.repository.registry.client.options().stall;
            let cause =
                RegistryErrorCause::Http(crate::net::http::HttpError::from_io(error, stall));
            let again = self.repository.wait_for_retry(&mut self.attempts, &cause);
            let failed = |cause| io::Error::other(self.repository.registry_error(READ_ACT, cause));
            if again.map_err(failed)? == Retry::No {
                return Err(io::Error::other(self.repository.registry_error(READ_ACT, cause)));
            }
        }
    }
}
