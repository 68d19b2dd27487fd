//! A *repository* is one path in one registry.

use std::fmt;
use std::sync::Arc;

use super::RegistryClient;
use super::error::{RegistryError, RegistryErrorCause};
use super::host::RegistryHost;
use crate::net::http::RetryAttempts;

/// One path in one registry.
#[derive(Clone)]
pub struct Repository<'a> {
    pub(super) registry: &'a RegistryClient,
    pub(super) host: Arc<RegistryHost>,
    /// The path, e.g. `me/fedora`.
    pub(super) name: String,
    /// Host and path as the user writes them.
    pub(super) location: String,
    pub(super) patience: Patience,
}

/// What happens after a failure that may pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Patience {
    /// The request is repeated after a pause.
    Retry,
    /// The next repository is asked.
    AskNext,
}

impl Repository<'_> {
    pub(super) fn is_same_as(&self, other: &Self) -> bool {
        self.name == other.name && self.shares_registry_with(other)
    }

    /// Returns the bytes of a blob per request, if there is a limit: what the user wants, or less
    /// where the registry refused that.
    pub(super) fn chunk_size(&self) -> Option<u64> {
        let limits = [self.registry.options.chunk_size, self.host.chunk_size()];
        limits.into_iter().flatten().min()
    }

    /// Reduces the bytes per request after a blob of `len` bytes was refused in requests of `used`
    /// bytes; returns whether a smaller size can be tried.
    pub(super) fn shrink_chunks(&self, used: Option<u64>, len: u64) -> bool {
        let now = self.chunk_size();
        // Another upload may have reduced it meanwhile.
        now != used || self.host.shrink_chunks(now.unwrap_or(u64::MAX).min(len))
    }

    /// Returns the attempts that a request has: one where another repository can be asked instead.
    pub(super) fn attempts(&self) -> RetryAttempts {
        match self.patience {
            Patience::Retry => self.registry.client.attempts(),
            Patience::AskNext => RetryAttempts::new(0),
        }
    }

    /// Returns whether both repositories are in the same registry, which is contacted in the same way.
    pub(super) fn shares_registry_with(&self, other: &Self) -> bool {
        self.host.server.base_url == other.host.server.base_url
            && self.host.server.policy == other.host.server.policy
    }

    pub(super) fn registry_error(
        &self,
        act: &'static str,
        cause: impl Into<RegistryErrorCause>,
    ) -> RegistryError {
        RegistryError { act, location: self.location.clone(), cause: cause.into() }
    }
}

impl fmt::Debug for Repository<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Repository").field("location", &self.location).finish_non_exhaustive()
    }
}
