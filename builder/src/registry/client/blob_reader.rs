//! A *blob reader* reads a range of a blob. An interrupted download is resumed, at the same
//! repository or at the next one that has the blob.

use std::collections::VecDeque;
use std::io::{self, Read};

use super::Repository;
use super::answer::web_page_error;
use super::call::RegistryCall;
use super::error::{RegistryError, RegistryErrorCause};
use super::range::BlobRange;
use super::remedy::Retry;
use crate::net::http::{HttpError, HttpResponse, RetryAttempts};
use crate::oci::error::StorageError;

const READ_ACT: &str = "read a blob of";

/// Number of bytes at the start of a response that may show that it is a web page.
const PAGE_START_LEN: u64 = 4096;

/// The body of a response, of which the first bytes may have been looked at.
type BlobBody = io::Chain<io::Cursor<Vec<u8>>, HttpResponse>;

/// A reader of a blob that resumes interrupted downloads.
pub(super) struct RegistryBlobReader<'a> {
    repository: Repository<'a>,
    /// The repositories that are asked if this one fails.
    others: VecDeque<Repository<'a>>,
    /// The bytes that are still to be read.
    range: BlobRange,
    response: Option<BlobBody>,
    attempts: RetryAttempts,
}

impl<'a> RegistryBlobReader<'a> {
    pub(super) fn open(
        repository: Repository<'a>,
        others: VecDeque<Repository<'a>>,
        range: BlobRange,
    ) -> Result<Self, RegistryError> {
        let attempts = repository.attempts();
        let mut reader = Self { repository, others, range, response: None, attempts };
        reader.connect_to_any()?;
        Ok(reader)
    }

    /// Requests the rest of the range from this repository or, if it fails, from the next ones.
    fn connect_to_any(&mut self) -> Result<(), RegistryError> {
        while let Err(error) = self.connect() {
            self.ask_next(error)?;
        }
        Ok(())
    }

    /// Turns to the next repository; without one, returns the error.
    fn ask_next(&mut self, error: RegistryError) -> Result<(), RegistryError> {
        let is_cancelled = matches!(error.cause, RegistryErrorCause::Cancelled);
        let Some(next) = self.others.pop_front().filter(|_| !is_cancelled) else {
            return Err(error);
        };
        self.repository.note_failure(&error);
        self.attempts = next.attempts();
        self.repository = next;
        Ok(())
    }

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
        if response.head.status == 404 && !response.is_from(&repository.host.server.base_url) {
            return Err(fail(repository.status_error(response)));
        }
        let start = read_page_start(&mut response);
        if let Some(page) = web_page_error(&start, &format!("the blob {}", range.digest)) {
            return Err(fail(page));
        }
        range.check_response(&response.head).map_err(fail)?;
        let is_part = response.head.status == 206;
        let mut body = io::Cursor::new(start).chain(response);
        // A server without range requests sends the whole blob again.
        if !is_part {
            skip_bytes(&mut body, range.start).map_err(fail)?;
        }
        self.response = Some(body);
        Ok(())
    }
}

/// Reads the first bytes of a response that is called a web page, since the header may be wrong.
fn read_page_start(response: &mut HttpResponse) -> Vec<u8> {
    let mut start = Vec::new();
    if response.head.status == 200 && response.head.is_web_page() {
        // After an error, reading the rest fails too.
        drop(response.take(PAGE_START_LEN).read_to_end(&mut start));
    }
    start
}

/// Reads and drops the first `count` bytes of a body.
fn skip_bytes(body: &mut BlobBody, count: u64) -> Result<(), RegistryErrorCause> {
    let mut left = count;
    while left > 0 {
        let mut space = vec![0; usize::try_from(left.min(64 * 1024)).unwrap_or(0)];
        match body.read(&mut space) {
            Ok(count) if count > 0 => left -= count as u64,
            _ => return Err(RegistryErrorCause::InvalidContent("the blob is too short".into())),
        }
    }
    Ok(())
}

/// Returns the error of reading that [`StorageError::io`] turns into that of the registry again.
fn read_error(error: RegistryError) -> io::Error {
    io::Error::other(StorageError::from(error))
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
                self.connect_to_any().map_err(read_error)?;
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
            let cause = RegistryErrorCause::Http(HttpError::from_io(error, stall));
            let again = self.repository.wait_for_retry(&mut self.attempts, &cause);
            let failed = |cause| read_error(self.repository.registry_error(READ_ACT, cause));
            if again.map_err(failed)? == Retry::No {
                let error = self.repository.registry_error(READ_ACT, cause);
                self.ask_next(error).map_err(read_error)?;
            }
        }
    }
}
