//! A complete blob is *put* into a repository: not at all if it exists there, by a mount from
//! another repository of the registry if that has it, else in one request, or in chunks if the
//! registry limits the size of requests. An interrupted upload is resumed where the registry
//! supports that, and restarted where it does not.

mod part;

use std::cell::Cell;
use std::ops::ControlFlow;

use self::part::{ContentRange, UploadPart};
use super::Repository;
use super::error::{RegistryError, RegistryErrorCause};
use super::remedy::{Remedy, Retry};
use super::session::{OpenedUpload, UPLOAD_ACT, UploadSession};
use crate::oci::image::digest::Digest;
use crate::oci::sink::{BlobSource, ReportBytes, TransferOutcome};

/// An attempt that advanced an upload by this many bytes resets the number of attempts.
pub(super) const PROGRESS_MIN: u64 = 1 << 20;

/// A blob that is to be uploaded.
#[derive(Clone, Copy)]
pub(super) struct BlobUpload<'a> {
    pub(super) digest: Digest,
    pub(super) size: u64,
    pub(super) source: &'a dyn BlobSource,
    /// A repository of the same registry that has the blob.
    pub(super) mount_from: Option<&'a str>,
    pub(super) advanced: &'a ReportBytes<'a>,
}

impl Repository<'_> {
    pub(super) fn put_blob(&self, put: &BlobUpload<'_>) -> Result<TransferOutcome, RegistryError> {
        if self.has_blob(put.digest, put.size)? {
            self.registry.count_skipped(put.size);
            return Ok(TransferOutcome::Existed);
        }
        let mut attempts = self.registry.client.attempts();
        let mut mount = put.mount_from.map(|from| (put.digest, from));
        let mut broken: Option<(UploadSession, u64)> = None;
        loop {
            let (mut session, have) = match broken.take() {
                Some(broken) => broken,
                None => match self.open_or_mount(mount.take())? {
                    OpenedUpload::Session(session) => (session, 0),
                    OpenedUpload::Mounted => {
                        self.registry.count_skipped(put.size);
                        return Ok(TransferOutcome::Mounted);
                    }
                },
            };
            let (sent, chunk) = (Cell::new(have), self.chunk_size());
            let cause = match self.send_blob(&mut session, have, &sent, put) {
                Ok(()) => return Ok(TransferOutcome::Copied),
                Err(cause) => cause,
            };
            let remedy = Remedy::for_upload(&cause, chunk, have > 0);
            if remedy == Remedy::SmallerChunks && self.shrink_chunks(chunk, put.size) {
                self.cancel_upload(&session);
                continue;
            }
            // The blob may have arrived, and only the response was lost.
            if cause.is_transient() && self.has_blob(put.digest, put.size).unwrap_or(false) {
                return Ok(TransferOutcome::Copied);
            }
            let remedy = Remedy::for_cause(&cause);
            let resumed = match remedy {
                Remedy::Wait(_) | Remedy::PauseHost(_) => {
                    self.find_resume_offset(&mut session, sent.get())
                }
                _ => None,
            };
            if resumed.is_some_and(|now| now >= have + PROGRESS_MIN) {
                attempts = self.registry.client.attempts();
            }
            let again = self.apply_remedy(remedy, &mut attempts);
            if again.map_err(|cause| self.registry_error(UPLOAD_ACT, cause))? == Retry::No {
                self.cancel_upload(&session);
                return Err(self.registry_error(UPLOAD_ACT, cause));
            }
            broken = resumed.map(|have| (session, have));
        }
    }

    /// Opens a session without a mount where the registry refuses the mount, or its token server
    /// the right to read the other repository.
    fn open_or_mount(&self, mount: Option<(Digest, &str)>) -> Result<OpenedUpload, RegistryError> {
        let Some((_, from)) = mount else { return self.open_session(None) };
        if self.obtain_authorization(&self.mount_scope(from)).is_err() {
            return self.open_session(None);
        }
        match self.open_session(mount) {
            Err(RegistryError {
                cause:
                    RegistryErrorCause::Status { .. }
                    | RegistryErrorCause::Unauthorized(_)
                    | RegistryErrorCause::Expired(_)
                    | RegistryErrorCause::InvalidContent(_),
                ..
            }) => self.open_session(None),
            opened => opened,
        }
    }

    /// Sends a blob from the offset `have`, and ends the upload.
    fn send_blob(
        &self,
        session: &mut UploadSession,
        have: u64,
        sent: &Cell<u64>,
        put: &BlobUpload<'_>,
    ) -> Result<(), RegistryErrorCause> {
        let chunk = self.chunk_size().map(|chunk| session.chunk_len(chunk));
        if have == 0 && chunk.is_none_or(|chunk| chunk >= put.size) {
            let whole = UploadPart {
                method: "PUT",
                start: 0,
                end: put.size,
                range: ContentRange::Omitted,
                sent,
            };
            let response = self.send_part(&session.commit_url(put.digest), &whole, put)?;
            return match response.head.status {
                200..=204 => {
                    response.discard();
                    Ok(())
                }
                _ => Err(self.status_error(response)),
            };
        }
        let mut start = have;
        while start < put.size {
            let end = chunk.map_or(put.size, |chunk| (start + chunk).min(put.size));
            let part = UploadPart { method: "PATCH", start, end, range: ContentRange::Sent, sent };
            let response = self.send_part(&session.location, &part, put)?;
            if !matches!(response.head.status, 200..=204) {
                return Err(self.status_error(response));
            }
            // The range in the response is not always true (ECR, zot); the digest decides.
            *session = session.clone().follow_location(self, response)?;
            start = end;
        }
        self.commit_upload(session, put.digest, put.size).map_err(|error| error.cause)
    }

    /// Copies a blob from another repository; within one registry by a mount.
    pub(super) fn copy_blob(
        &self,
        digest: Digest,
        size: u64,
        from: &Repository<'_>,
    ) -> Result<TransferOutcome, RegistryError> {
        let source = super::read::RegistryBlob { repository: from, digest, size };
        let beside = from.shares_registry_with(self).then_some(from.name.as_str());
        self.put_blob(&BlobUpload {
            digest,
            size,
            source: &source,
            mount_from: beside,
            advanced: &|_| ControlFlow::Continue(()),
        })
    }
}
