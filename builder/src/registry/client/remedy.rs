//! A *remedy* is what may make a failed request or upload succeed.

use std::time::Duration;

use super::Repository;
use super::error::{RegistryErrorCause, Responder};
use super::host::CHUNK_LEAST;
use crate::net::http::{HttpError, RetryAttempts, is_transient_status};
use crate::oci::progress::ProgressEvent;

/// What may make a failed request or upload succeed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Remedy {
    None,
    /// Another attempt, after the time that the registry asked for.
    Wait(Option<Duration>),
    /// Another attempt, after a pause of all requests to the registry.
    PauseHost(Option<Duration>),
    /// Fewer bytes per request.
    SmallerChunks,
    /// A new session: the registry has dropped this one, or counts its bytes differently.
    NewSession,
    /// All bytes in one attempt: parts of two attempts resulted in a wrong digest.
    SingleAttempt,
}

impl Remedy {
    pub(super) fn for_cause(cause: &RegistryErrorCause) -> Self {
        match cause {
            // The status of a token server says nothing about the request that needs the token.
            RegistryErrorCause::Status { responder: Responder::TokenServer(_), pause, .. } => {
                if cause.is_transient() {
                    Self::Wait(*pause)
                } else {
                    Self::None
                }
            }
            RegistryErrorCause::Status { status: 413, .. } => Self::SmallerChunks,
            RegistryErrorCause::Status { status: 404 | 416, .. } => Self::NewSession,
            RegistryErrorCause::Status { status: 400, .. } => Self::SingleAttempt,
            RegistryErrorCause::Status { status: 429, pause, .. } => Self::PauseHost(*pause),
            RegistryErrorCause::Status { pause, .. } if cause.is_transient() => Self::Wait(*pause),
            _ if cause.is_transient() => Self::Wait(None),
            _ => Self::None,
        }
    }
}

impl Remedy {
    /// Returns the remedy for an upload that failed. GitHub's registry responds with 416 to chunks
    /// that are too long for it; else that means that its offset is another one.
    pub(super) fn for_upload(
        cause: &RegistryErrorCause,
        chunk: Option<u64>,
        is_resumed: bool,
    ) -> Self {
        match cause {
            RegistryErrorCause::Status { status: 416, .. }
                if !is_resumed && chunk.is_some_and(|chunk| chunk > CHUNK_LEAST) =>
            {
                Self::SmallerChunks
            }
            cause => Self::for_cause(cause),
        }
    }
}

/// Whether there is another attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Retry {
    Yes,
    No,
}

/// The shortest pause that the user is notified of.
const NOTED_PAUSE: Duration = Duration::from_secs(5);

impl Repository<'_> {
    /// Waits before the next attempt of a request that failed for `cause`, if there is one.
    pub(super) fn wait_for_retry(
        &self,
        attempts: &mut RetryAttempts,
        cause: &RegistryErrorCause,
    ) -> Result<Retry, RegistryErrorCause> {
        match Remedy::for_cause(cause) {
            remedy @ (Remedy::Wait(_) | Remedy::PauseHost(_)) => {
                self.apply_remedy(remedy, attempts)
            }
            _ => Ok(Retry::No),
        }
    }

    /// Waits before the next attempt of an upload, if there is one.
    pub(super) fn apply_remedy(
        &self,
        remedy: Remedy,
        attempts: &mut RetryAttempts,
    ) -> Result<Retry, RegistryErrorCause> {
        let asked = match remedy {
            Remedy::None | Remedy::SmallerChunks | Remedy::SingleAttempt => return Ok(Retry::No),
            Remedy::Wait(asked) | Remedy::PauseHost(asked) => asked,
            Remedy::NewSession => None,
        };
        let Some(pause) = attempts.next_pause(asked) else { return Ok(Retry::No) };
        if matches!(remedy, Remedy::PauseHost(_)) {
            self.host.pause_requests(pause);
        }
        if pause >= NOTED_PAUSE {
            let (location, seconds) = (&self.location, pause.as_secs());
            let note = format!("{location}: trying again in {seconds} s");
            self.registry.options.progress.report(ProgressEvent::Note(&note));
        }
        self.registry.sleep(pause)?;
        Ok(Retry::Yes)
    }
}

impl RegistryErrorCause {
    pub(super) fn is_transient(&self) -> bool {
        match self {
            Self::Http(error) => error.is_transient(),
            Self::Status { status, .. } => is_transient_status(*status),
            Self::Expired(_) => true,
            _ => false,
        }
    }

    /// Returns whether the operation may succeed at another time.
    pub(super) fn is_temporary(&self) -> bool {
        self.is_transient() || matches!(self, Self::Http(error) if error.is_temporary())
    }

    /// Returns whether the cause is the server as a whole, and not what was requested of it.
    pub(super) fn is_of_server(&self) -> bool {
        match self {
            Self::Http(
                HttpError::Redirect { .. } | HttpError::PrivateRedirect(_) | HttpError::TooLong(_),
            ) => false,
            Self::Http(_) => true,
            Self::Status { .. } => self.is_transient(),
            _ => false,
        }
    }
}
