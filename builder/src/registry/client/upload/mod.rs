//! An *upload* of a blob whose digest is not known yet: it is sent while it is produced, as one
//! request without a length, and gets its digest at the end. If it is interrupted, the blob is
//! produced again from its source; bytes that the registry already has are not sent again.

mod retry;

use std::io::{self, IoSlice, Write};
use std::time::Duration;

use self::retry::Resumption;
use super::Repository;
use super::commit::commit_timeout;
use super::error::RegistryErrorCause;
use super::remedy::{Remedy, Retry};
use super::session::{OpenedUpload, UPLOAD_ACT, UploadAttempt, UploadSession};
use crate::net::http::{BodyFraming, HttpExchange, RetryAttempts, SendError};
use crate::oci::error::StorageError;
use crate::oci::image::digest::Digest;
use crate::oci::sink::BlobWriter;

/// A blob that is sent while it is produced.
pub(super) struct StreamedUpload<'a> {
    repository: Repository<'a>,
    /// Repositories that get a copy at the end.
    others: Vec<Repository<'a>>,
    session: Option<UploadSession>,
    exchange: Option<HttpExchange>,
    /// Bytes that the registry has from an earlier attempt, and that are not sent again.
    skip: u64,
    /// Offset of the next byte in the blob.
    offset: u64,
    /// The chunk that is being filled, where requests are limited in size.
    part: Vec<u8>,
    chunk: Option<u64>,
    attempts: RetryAttempts,
    /// The remedy for the last failure.
    remedy: Remedy,
    resumption: Resumption,
    /// Offset in the blob from which the upload was last resumed.
    resumed_at: u64,
}

impl<'a> StreamedUpload<'a> {
    pub(super) fn new(repository: Repository<'a>, others: Vec<Repository<'a>>) -> Self {
        let attempts = repository.registry.client.attempts();
        let chunk = repository.chunk_size();
        Self {
            repository,
            others,
            session: None,
            exchange: None,
            skip: 0,
            offset: 0,
            part: Vec::new(),
            chunk,
            attempts,
            remedy: Remedy::None,
            resumption: Resumption::No,
            resumed_at: 0,
        }
    }

    fn ensure_session(&mut self) -> Result<UploadSession, RegistryErrorCause> {
        if let Some(session) = &self.session {
            return Ok(session.clone());
        }
        match self.repository.open_session(None).map_err(|error| error.cause)? {
            OpenedUpload::Session(session) => {
                self.session = Some(session.clone());
                Ok(session)
            }
            OpenedUpload::Mounted => Err(RegistryErrorCause::InvalidContent(
                "a blob was mounted that was not requested".into(),
            )),
        }
    }

    /// Starts the request, and repeats it with another credential if the first is refused.
    fn start_request(&mut self) -> Result<HttpExchange, RegistryErrorCause> {
        let session = self.ensure_session()?;
        let repository = &self.repository;
        repository.retry_unauthorized(|| {
            let begun = repository.start_upload_request(
                "PATCH",
                &session.location,
                BodyFraming::Chunked,
                None,
            )?;
            if !begun.exchange.has_response() {
                return Ok(UploadAttempt::Done(begun.exchange));
            }
            match begun.finish(None)? {
                UploadAttempt::Refused(response, used) => {
                    Ok(UploadAttempt::Refused(response, used))
                }
                UploadAttempt::Done(response) => Err(repository.status_error(response)),
            }
        })
    }

    fn send_bytes(&mut self, slices: &mut [IoSlice<'_>]) -> Result<(), RegistryErrorCause> {
        let len: u64 = slices.iter().map(|slice| slice.len() as u64).sum();
        let mut slices = slices;
        let skipped = self.skip.min(len);
        self.skip -= skipped;
        IoSlice::advance_slices(&mut slices, usize::try_from(skipped).unwrap_or(usize::MAX));
        let left = len - skipped;
        if left == 0 {
            return Ok(());
        }
        self.repository.registry.sleep(Duration::ZERO)?;
        if let Some(chunk) = self.chunk {
            let chunk = self.ensure_session()?.chunk_len(chunk);
            return slices.iter().try_for_each(|slice| self.fill_part(slice, chunk));
        }
        let mut exchange = match self.exchange.take() {
            Some(exchange) => exchange,
            None => self.start_request()?,
        };
        match exchange.send(slices) {
            Ok(()) => {}
            Err(SendError::Answered) => {
                let response = exchange.finish(None)?;
                return Err(self.repository.status_error(response));
            }
            Err(SendError::Http(error)) => return Err(error.into()),
        }
        self.exchange = Some(exchange);
        self.offset += left;
        self.repository.registry.count_sent(left);
        Ok(())
    }

    /// Adds bytes to the chunk, and sends it when it is full.
    fn fill_part(&mut self, bytes: &[u8], chunk: u64) -> Result<(), RegistryErrorCause> {
        let chunk = usize::try_from(chunk).unwrap_or(usize::MAX);
        let mut rest = bytes;
        while !rest.is_empty() {
            let count = rest.len().min(chunk - self.part.len());
            self.part.extend_from_slice(&rest[..count]);
            rest = &rest[count..];
            if self.part.len() == chunk {
                self.send_part()?;
            }
        }
        Ok(())
    }

    fn send_part(&mut self) -> Result<(), RegistryErrorCause> {
        let session = self.ensure_session()?;
        let len = self.part.len() as u64;
        let range = Some((self.offset, self.offset + len));
        let (repository, part) = (&self.repository, &self.part);
        let response = repository.retry_unauthorized(|| {
            let framing = BodyFraming::Length(len);
            let mut begun =
                repository.start_upload_request("PATCH", &session.location, framing, range)?;
            match begun.exchange.send(&mut [IoSlice::new(part)]) {
                Ok(()) | Err(SendError::Answered) => begun.finish(None),
                Err(SendError::Http(error)) => Err(error.into()),
            }
        })?;
        if !matches!(response.head.status, 200..=204) {
            return Err(self.repository.status_error(response));
        }
        self.session = Some(session.follow_location(&self.repository, response)?);
        self.offset += len;
        self.part.clear();
        self.repository.registry.count_sent(len);
        Ok(())
    }

    fn finish_upload(&mut self, digest: Digest, size: u64) -> Result<(), RegistryErrorCause> {
        if !self.part.is_empty() {
            self.send_part()?;
        }
        if let Some(mut exchange) = self.exchange.take() {
            let stall = self.repository.registry.client.options().stall;
            let response = exchange.finish(Some(commit_timeout(&stall, size)))?;
            if !matches!(response.head.status, 200..=204) {
                return Err(self.repository.status_error(response));
            }
            let session = self.ensure_session()?;
            self.session = Some(session.follow_location(&self.repository, response)?);
        }
        let session = self.ensure_session()?;
        let committed = self.repository.commit_upload(&session, digest, size);
        committed.map_err(|error| error.cause)
    }
}

impl Write for StreamedUpload<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_vectored(&[IoSlice::new(bytes)])
    }

    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        let len = slices.iter().map(|slice| slice.len()).sum();
        let mut slices = slices.to_vec();
        match self.send_bytes(&mut slices) {
            Ok(()) => Ok(len),
            Err(cause) => Err(io::Error::other(StorageError::from(self.record_failure(cause)))),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl BlobWriter for StreamedUpload<'_> {
    fn finish(&mut self, digest: Digest, size: u64) -> Result<(), StorageError> {
        if let Err(cause) = self.finish_upload(digest, size) {
            return Err(self.record_failure(cause).into());
        }
        self.session = None;
        for other in &self.others {
            other.copy_blob(digest, size, &self.repository)?;
        }
        Ok(())
    }

    fn restart(&mut self) -> Result<bool, StorageError> {
        let again = self.prepare_retry();
        let again = again.map_err(|cause| self.repository.registry_error(UPLOAD_ACT, cause))?;
        Ok(again == Retry::Yes)
    }
}

impl Drop for StreamedUpload<'_> {
    fn drop(&mut self) {
        self.exchange = None;
        if let Some(session) = self.session.take() {
            self.repository.cancel_upload(&session);
        }
    }
}
