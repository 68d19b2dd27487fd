//! A *retry* of an upload: what the registry already has is kept where it can be resumed.

use super::StreamedUpload;
use crate::registry::client::error::{RegistryError, RegistryErrorCause};
use crate::registry::client::put::PROGRESS_MIN;
use crate::registry::client::remedy::{Remedy, Retry};
use crate::registry::client::session::UPLOAD_ACT;

/// Whether an upload continues an earlier attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Resumption {
    No,
    Yes,
    /// Not again: the result had a wrong digest.
    Never,
}

impl StreamedUpload<'_> {
    /// Records the remedy for a failure, and returns it as an error.
    pub(super) fn record_failure(&mut self, cause: RegistryErrorCause) -> RegistryError {
        self.exchange = None;
        self.remedy = Remedy::for_upload(&cause, self.chunk, self.resumption == Resumption::Yes);
        // Without a session, the 404 is about the repository, which a new session does not create.
        if self.remedy == Remedy::NewSession && self.session.is_none() {
            self.remedy = Remedy::None;
        }
        self.repository.registry_error(UPLOAD_ACT, cause)
    }

    /// Prepares for the same bytes again, if another attempt may succeed.
    pub(super) fn prepare_retry(&mut self) -> Result<Retry, RegistryErrorCause> {
        let remedy = std::mem::replace(&mut self.remedy, Remedy::None);
        let (session, sent) = (self.session.take(), self.offset);
        self.part.clear();
        (self.offset, self.skip) = (0, 0);
        match remedy {
            Remedy::SmallerChunks => {
                let is_shrunk = self.repository.shrink_chunks(self.chunk, u64::MAX);
                self.chunk = self.repository.chunk_size();
                if let Some(session) = session {
                    self.repository.cancel_upload(&session);
                }
                return Ok(if is_shrunk { Retry::Yes } else { Retry::No });
            }
            Remedy::SingleAttempt if self.resumption == Resumption::Yes => {
                self.resumption = Resumption::Never;
                return Ok(Retry::Yes);
            }
            _ => {}
        }
        if self.repository.apply_remedy(remedy, &mut self.attempts)? == Retry::No {
            if let Some(session) = session {
                self.repository.cancel_upload(&session);
            }
            return Ok(Retry::No);
        }
        if let Some(mut session) = session
            && self.resumption != Resumption::Never
            && let Some(have) = self.repository.find_resume_offset(&mut session, sent)
        {
            if have >= self.resumed_at + PROGRESS_MIN {
                self.attempts = self.repository.registry.client.attempts();
            }
            (self.session, self.resumption, self.resumed_at) =
                (Some(session), Resumption::Yes, have);
            (self.offset, self.skip) = (have, have);
        }
        Ok(Retry::Yes)
    }
}
