//! A *remedy* is what can be done about something that failed.

use std::time::Duration;

use super::Repository;
use super::error::RegistryErrorCause;
use crate::net::http::{Attempts, is_transient};
use crate::oci::progress::ProgressEvent;

/// What can be done about a request that failed, or an upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Remedy {
    None,
    /// Trying again, after what the registry asked to wait.
    Wait(Option<Duration>),
    /// Trying again, when the registry is no longer as busy.
    Pause(Option<Duration>),
    /// Sending less at once.
    Parts,
    /// A new session: the registry has forgotten this one, or counts otherwise than we do.
    Session,
    /// All bytes in one attempt: parts of two have come to a wrong digest.
    Whole,
}

impl Remedy {
    pub(super) fn of(cause: &RegistryErrorCause) -> Self {
        match cause {
            RegistryErrorCause::Status { status: 413, .. } => Self::Parts,
            RegistryErrorCause::Status { status: 404 | 416, .. } => Self::Session,
            RegistryErrorCause::Status { status: 400, .. } => Self::Whole,
            RegistryErrorCause::Status { status: 429, pause, .. } => Self::Pause(*pause),
            RegistryErrorCause::Status { pause, .. } if cause.is_transient() => Self::Wait(*pause),
            _ if cause.is_transient() => Self::Wait(None),
            _ => Self::None,
        }
    }
}

/// Whether something is tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Again {
    Yes,
    No,
}

/// A pause that the user wonders about.
const LONG: Duration = Duration::from_secs(5);

impl Repository<'_> {
    /// Waits before the next attempt after one that failed of `cause`, if there is to be one.
    pub(super) fn wait(
        &self,
        attempts: &mut Attempts,
        cause: &RegistryErrorCause,
    ) -> Result<Again, RegistryErrorCause> {
        match Remedy::of(cause) {
            remedy @ (Remedy::Wait(_) | Remedy::Pause(_)) => self.remedy(remedy, attempts),
            _ => Ok(Again::No),
        }
    }

    /// Waits before an upload is tried again, if it is to be.
    pub(super) fn remedy(
        &self,
        remedy: Remedy,
        attempts: &mut Attempts,
    ) -> Result<Again, RegistryErrorCause> {
        let asked = match remedy {
            Remedy::None | Remedy::Parts | Remedy::Whole => return Ok(Again::No),
            Remedy::Wait(asked) | Remedy::Pause(asked) => asked,
            Remedy::Session => None,
        };
        let Some(pause) = attempts.next(asked) else { return Ok(Again::No) };
        if matches!(remedy, Remedy::Pause(_)) {
            self.host.pause(pause);
        }
        if pause >= LONG {
            let (place, seconds) = (&self.place, pause.as_secs());
            let note = format!("{place}: trying again in {seconds} s");
            self.registry.options.progress.report(ProgressEvent::Note(&note));
        }
        self.registry.sleep(pause)?;
        Ok(Again::Yes)
    }
}

impl RegistryErrorCause {
    pub(super) fn is_transient(&self) -> bool {
        match self {
            Self::Http(error) => error.is_transient(),
            Self::Status { status, .. } => is_transient(*status),
            Self::Expired(_) => true,
            _ => false,
        }
    }
}
