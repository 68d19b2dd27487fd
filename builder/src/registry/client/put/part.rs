//! A *part* of a blob is what one request of an upload sends.

use std::cell::Cell;
use std::io::{self, IoSlice, Read};
use std::time::Duration;

use sha2::{Digest as _, Sha256};
use url::Url;

use super::BlobUpload;
use crate::net::http::{BodyFraming, HttpResponse, SendError};
use crate::oci::error::StorageError;
use crate::oci::image::digest::Digest;
use crate::registry::client::Repository;
use crate::registry::client::commit::commit_timeout;
use crate::registry::client::error::RegistryErrorCause;
use crate::registry::client::session::UploadAttempt;

/// Bytes of the source per read.
const BUFFER_LEN: usize = 256 * 1024;

/// A range of a blob that is sent in one request.
pub(super) struct UploadPart<'a> {
    pub(super) method: &'static str,
    pub(super) start: u64,
    pub(super) end: u64,
    pub(super) range: ContentRange,
    /// Receives the offset up to which the blob was sent.
    pub(super) sent: &'a Cell<u64>,
}

/// Whether a request has a `Content-Range` header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ContentRange {
    Omitted,
    Sent,
}

impl Repository<'_> {
    /// Sends a part, and repeats it with another credential if the first is refused.
    pub(super) fn send_part(
        &self,
        url: &Url,
        part: &UploadPart<'_>,
        put: &BlobUpload<'_>,
    ) -> Result<HttpResponse, RegistryErrorCause> {
        self.retry_unauthorized(|| self.send_part_once(url, part, put))
    }

    fn send_part_once(
        &self,
        url: &Url,
        part: &UploadPart<'_>,
        put: &BlobUpload<'_>,
    ) -> Result<UploadAttempt<HttpResponse>, RegistryErrorCause> {
        let len = part.end - part.start;
        let range = (part.range == ContentRange::Sent).then_some((part.start, part.end));
        let mut begun =
            self.start_upload_request(part.method, url, BodyFraming::Length(len), range)?;
        let mut reader = put.source.open(part.start).map_err(|error| source_error(&error))?;
        let mut hash = (len == put.size).then(Sha256::new);
        let mut buffer = vec![0; BUFFER_LEN.min(usize::try_from(len).unwrap_or(BUFFER_LEN))];
        let mut left = len;
        while left > 0 {
            let count = buffer.len().min(usize::try_from(left).unwrap_or(usize::MAX));
            reader.read_exact(&mut buffer[..count]).map_err(RegistryErrorCause::LocalRead)?;
            left -= count as u64;
            if let Some(hash) = &mut hash {
                hash.update(&buffer[..count]);
            }
            // Checked before the last byte is sent, so that a damaged blob is never complete.
            if left == 0 {
                check_source(hash.take(), put.digest)?;
            }
            self.registry.sleep(Duration::ZERO)?;
            match begun.exchange.send(&mut [IoSlice::new(&buffer[..count])]) {
                Ok(()) => {}
                Err(SendError::Answered) => break,
                Err(SendError::Http(error)) => return Err(error.into()),
            }
            self.registry.count_sent(count as u64);
            part.sent.set(part.end - left);
            if (put.advanced)(count as u64).is_break() {
                return Err(RegistryErrorCause::Cancelled);
            }
        }
        let stall = self.registry.client.options().stall;
        begun.finish(Some(commit_timeout(&stall, put.size)))
    }
}

fn source_error(error: &StorageError) -> RegistryErrorCause {
    RegistryErrorCause::LocalRead(io::Error::other(error.full_message()))
}

/// Fails if a whole blob was read and does not have its digest.
fn check_source(hash: Option<Sha256>, digest: Digest) -> Result<(), RegistryErrorCause> {
    if hash.is_some_and(|hash| Digest::from_hasher(hash) != digest) {
        return Err(RegistryErrorCause::InvalidContent(format!(
            "the blob {digest} is damaged where it comes from"
        )));
    }
    Ok(())
}
