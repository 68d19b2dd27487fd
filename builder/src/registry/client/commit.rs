//! The *commit* of an upload: the registry compares the digest and keeps the blob.

use std::time::Duration;

use super::Repository;
use super::error::RegistryError;
use super::remedy::Retry;
use super::session::{UPLOAD_ACT, UploadSession, upload_call};
use crate::oci::image::digest::Digest;

/// The time that a registry may take to assemble and verify a blob at the end of an upload, beside a
/// second for each [`COMMIT_SPEED`] bytes.
const COMMIT_TIMEOUT: Duration = Duration::from_secs(300);
const COMMIT_SPEED: u64 = 20 << 20;

impl Repository<'_> {
    /// Ends an upload: the registry compares the digest and keeps the blob. A commit whose response
    /// is lost may have succeeded, so the registry is asked whether the blob exists.
    pub(super) fn commit_upload(
        &self,
        session: &UploadSession,
        digest: Digest,
        size: u64,
    ) -> Result<(), RegistryError> {
        let mut call = upload_call("PUT", session.commit_url(digest), self.push_scope());
        call.timeout = Some(commit_timeout(&self.registry.client.options().stall, size));
        let mut attempts = self.registry.client.attempts();
        loop {
            let cause = match self.send_call_once(&call) {
                Ok(response) if matches!(response.head.status, 201 | 202 | 204) => {
                    response.discard();
                    return Ok(());
                }
                Ok(response) => self.status_error(response),
                Err(cause) => cause,
            };
            if self.has_blob(digest, size).unwrap_or(false) {
                return Ok(());
            }
            let again = self.wait_for_retry(&mut attempts, &cause);
            if again.map_err(|cause| self.registry_error(UPLOAD_ACT, cause))? == Retry::No {
                return Err(self.registry_error(UPLOAD_ACT, cause));
            }
        }
    }
}

/// Returns how long the end of an upload may take. A short stall time of the user has precedence.
pub(super) fn commit_timeout(stall: &Duration, size: u64) -> Duration {
    let commit = COMMIT_TIMEOUT + Duration::from_secs(size / COMMIT_SPEED);
    if *stall < Duration::from_secs(30) { *stall } else { commit.max(*stall) }
}
