//! The *policy* of a request: what is granted to the server that it goes to, and to no other.

use super::options::PrivateRedirects;
use super::trust::{ServerRole, ServerVerification};

/// What is granted to a server. It belongs to the request and not to the client, so that what is
/// granted for one path of a server does not hold for its other paths.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct ServerPolicy {
    pub(crate) verification: ServerVerification,
    pub(crate) redirects: PrivateRedirects,
    pub(crate) role: ServerRole,
}
