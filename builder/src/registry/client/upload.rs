//! An *upload* of a blob whose digest nobody knows yet: it is sent while it is made, as one request
//! without a length, and gets its name in the end. If it breaks off, the blob is made again from its
//! source; what the registry has by then is not sent again.

use std::io::{self, IoSlice, Write};
use std::time::Duration;

use super::Repository;
use super::error::{RegistryError, RegistryErrorCause};
use super::put::PROGRESS;
use super::remedy::{Again, Remedy};
use super::session::{Opened, Reply, Session, UPLOAD, patience};
use crate::net::http::{Attempts, BodyFraming, HttpExchange, SendError};
use crate::oci::error::StorageError;
use crate::oci::image::digest::Digest;
use crate::oci::sink::BlobWriter;

/// A blob that is sent while it is made.
pub(super) struct Upload<'a> {
    repository: Repository<'a>,
    /// Get a copy in the end.
    others: Vec<Repository<'a>>,
    session: Option<Session>,
    exchange: Option<HttpExchange>,
    /// Bytes that the registry has from before, and that are passed over.
    skip: u64,
    /// Where the next byte belongs.
    at: u64,
    /// The part that is being filled, where the registry takes parts only.
    part: Vec<u8>,
    chunk: Option<u64>,
    attempts: Attempts,
    /// What can be done about what the last attempt failed of.
    remedy: Remedy,
    resumed: Resumed,
    /// Where it was gone on last, in bytes of the blob.
    resumed_at: u64,
}

/// Whether bytes of an earlier attempt are part of this one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Resumed {
    No,
    Yes,
    /// That came to a wrong digest once.
    Never,
}

impl<'a> Upload<'a> {
    pub(super) fn new(repository: Repository<'a>, others: Vec<Repository<'a>>) -> Self {
        let attempts = repository.registry.client.attempts();
        let chunk = repository.registry.options.chunk_size.or_else(|| repository.host.chunk());
        Self {
            repository,
            others,
            session: None,
            exchange: None,
            skip: 0,
            at: 0,
            part: Vec::new(),
            chunk,
            attempts,
            remedy: Remedy::None,
            resumed: Resumed::No,
            resumed_at: 0,
        }
    }

    fn session(&mut self) -> Result<Session, RegistryErrorCause> {
        if let Some(session) = &self.session {
            return Ok(session.clone());
        }
        match self.repository.open_session(None).map_err(|error| error.cause)? {
            Opened::Session(session) => {
                self.session = Some(session.clone());
                Ok(session)
            }
            Opened::Mounted => {
                Err(RegistryErrorCause::Untrue("a blob was mounted that nobody named".into()))
            }
        }
    }

    /// Starts the request, with another credential if the first is refused.
    fn begin(&mut self) -> Result<HttpExchange, RegistryErrorCause> {
        let session = self.session()?;
        let repository = &self.repository;
        repository.admitted(|| {
            let begun = repository.begin("PATCH", &session.location, BodyFraming::Chunked, None)?;
            if !begun.exchange.is_answered() {
                return Ok(Reply::Done(begun.exchange));
            }
            match begun.answer(None)? {
                Reply::Refused(response, used) => Ok(Reply::Refused(response, used)),
                Reply::Done(response) => Err(repository.status(response)),
            }
        })
    }

    fn send(&mut self, slices: &mut [IoSlice<'_>]) -> Result<(), RegistryErrorCause> {
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
            return slices.iter().try_for_each(|slice| self.fill(slice, chunk));
        }
        let mut exchange = match self.exchange.take() {
            Some(exchange) => exchange,
            None => self.begin()?,
        };
        match exchange.send(slices) {
            Ok(()) => {}
            Err(SendError::Answered) => {
                let response = exchange.answer(None)?;
                return Err(self.repository.status(response));
            }
            Err(SendError::Http(error)) => return Err(error.into()),
        }
        self.exchange = Some(exchange);
        self.at += left;
        self.repository.registry.count_sent(left);
        Ok(())
    }

    /// Adds to the part, and sends it when it is full.
    fn fill(&mut self, bytes: &[u8], chunk: u64) -> Result<(), RegistryErrorCause> {
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
        let session = self.session()?;
        let len = self.part.len() as u64;
        let range = Some((self.at, self.at + len));
        let (repository, part) = (&self.repository, &self.part);
        let response = repository.admitted(|| {
            let framing = BodyFraming::Length(len);
            let mut begun = repository.begin("PATCH", &session.location, framing, range)?;
            match begun.exchange.send(&mut [IoSlice::new(part)]) {
                Ok(()) | Err(SendError::Answered) => begun.answer(None),
                Err(SendError::Http(error)) => Err(error.into()),
            }
        })?;
        if !matches!(response.head.status, 200..=204) {
            return Err(self.repository.status(response));
        }
        self.session = Some(session.moved(response)?);
        self.at += len;
        self.part.clear();
        self.repository.registry.count_sent(len);
        Ok(())
    }

    fn end(&mut self, digest: Digest, size: u64) -> Result<(), RegistryErrorCause> {
        if !self.part.is_empty() {
            self.send_part()?;
        }
        if let Some(mut exchange) = self.exchange.take() {
            let stall = self.repository.registry.client.options().stall;
            let response = exchange.answer(Some(patience(&stall, size)))?;
            if !matches!(response.head.status, 200..=204) {
                return Err(self.repository.status(response));
            }
            let session = self.session()?;
            self.session = Some(session.moved(response)?);
        }
        let session = self.session()?;
        let committed = self.repository.commit(&session, digest, size);
        committed.map_err(|error| error.cause)
    }

    fn failed(&mut self, cause: RegistryErrorCause) -> RegistryError {
        self.exchange = None;
        self.remedy = Remedy::of(&cause);
        // Without a session there was nothing to forget: it is the repository that is not there.
        if self.remedy == Remedy::Session && self.session.is_none() {
            self.remedy = Remedy::None;
        }
        self.repository.failed(UPLOAD, cause)
    }

    /// Prepares for the same bytes again, if what failed may go well now.
    fn prepare(&mut self) -> Result<Again, RegistryErrorCause> {
        let remedy = std::mem::replace(&mut self.remedy, Remedy::None);
        let (session, sent) = (self.session.take(), self.at);
        self.part.clear();
        (self.at, self.skip) = (0, 0);
        match remedy {
            Remedy::Parts => {
                let shrunk = self.repository.host.shrink(self.chunk.unwrap_or(u64::MAX));
                self.chunk = self.repository.host.chunk();
                return Ok(if shrunk { Again::Yes } else { Again::No });
            }
            Remedy::Whole if self.resumed == Resumed::Yes => {
                self.resumed = Resumed::Never;
                return Ok(Again::Yes);
            }
            _ => {}
        }
        if self.repository.remedy(remedy, &mut self.attempts)? == Again::No {
            if let Some(session) = session {
                self.repository.abandon(&session);
            }
            return Ok(Again::No);
        }
        if let Some(mut session) = session
            && self.resumed != Resumed::Never
            && let Some(have) = self.repository.uploaded(&mut session, sent)
        {
            if have >= self.resumed_at + PROGRESS {
                self.attempts = self.repository.registry.client.attempts();
            }
            (self.session, self.resumed, self.resumed_at) = (Some(session), Resumed::Yes, have);
            (self.at, self.skip) = (have, have);
        }
        Ok(Again::Yes)
    }
}

impl Write for Upload<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_vectored(&[IoSlice::new(bytes)])
    }

    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        let len = slices.iter().map(|slice| slice.len()).sum();
        let mut slices = slices.to_vec();
        match self.send(&mut slices) {
            Ok(()) => Ok(len),
            Err(cause) => Err(io::Error::other(StorageError::from(self.failed(cause)))),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl BlobWriter for Upload<'_> {
    fn finish(&mut self, digest: Digest, size: u64) -> Result<(), StorageError> {
        if let Err(cause) = self.end(digest, size) {
            return Err(self.failed(cause).into());
        }
        self.session = None;
        for other in &self.others {
            other.copy_blob(digest, size, &self.repository)?;
        }
        Ok(())
    }

    fn restart(&mut self) -> Result<bool, StorageError> {
        let again = self.prepare();
        let again = again.map_err(|cause| self.repository.failed(UPLOAD, cause))?;
        Ok(again == Again::Yes)
    }
}

impl Drop for Upload<'_> {
    fn drop(&mut self) {
        self.exchange = None;
        if let Some(session) = self.session.take() {
            self.repository.abandon(&session);
        }
    }
}
