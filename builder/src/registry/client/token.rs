//! A *token* stands for a credential for some time, for some scopes.

use std::time::{Duration, Instant};

use crate::net::secret::Secret;

/// A token and its lifetime.
#[derive(Debug, Clone)]
pub(super) struct RegistryToken {
    pub(super) value: Secret,
    pub(super) since: Instant,
    pub(super) lifetime: Duration,
}
