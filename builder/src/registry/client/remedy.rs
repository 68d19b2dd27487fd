//! A *remedy* is what can be done about something that failed.

use std::time::Duration;

use super::Repository;
use super::error::RegistryErrorCause;
use crate::net::http::{RetryAttempts, is_transient_status};
use crate::oci::progress::ProgressEvent;

/// What can be done about a request that failed, or an upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Remedy {
    None,
    /// Trying again, after what the registry asked to wait.
    Wait(Option<Duration>),
    /// Trying again, when the registry is no longer as busy.
    PauseHost(Option<Duration>),
    /// Sending less at once.
    SmallerChunks,
    /// A new session: the registry has forgotten this one, or counts otherwise than we do.
    NewSession,
    /// All bytes in one attempt: parts of two have come to a wrong digest.
    SingleAttempt,
}

impl Remedy {
    pub(super) fn for_cause(cause: &RegistryErrorCause) -> Self {
        match cause {
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

/// Whether something is tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Retry {
    Yes,
    No,
}

/// A pause that the user wonders about.
const NOTED_PAUSE: Duration = Duration::from_secs(5);

impl Repository<'_> {
    /// Waits before the next attempt after one that failed of `cause`, if there is to be one.
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

    /// Waits before an upload is tried again, if it is to be.
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
}
