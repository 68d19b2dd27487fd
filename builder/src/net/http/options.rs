//! The *options* of a client.

use std::fmt;
use std::time::Duration;

use super::limits::ServerLimits;
use super::socket::CancelCheck;
use super::trust::{SystemRoots, TlsTrust};
use crate::net::proxy::Proxies;

/// Options of a client; nothing is read from the environment.
pub struct HttpOptions {
    /// Which requests go through which proxy.
    pub proxies: Proxies,
    /// The certificates of authorities that the system trusts.
    pub roots: SystemRoots,
    /// The certificates that are trusted beyond that, by host.
    pub trust: Box<dyn TlsTrust>,
    /// A request fails if the server has not responded or transferred a byte for this long.
    pub stall: Duration,
    /// The number of attempts after the first one.
    pub retries: u32,
    /// What one server gets at a time.
    pub limits: ServerLimits,
    /// Whether servers may send to addresses that are nearer than their own.
    pub private_redirects: PrivateRedirects,
    /// Ends all waiting when the user cancels.
    pub cancelled: CancelCheck,
    /// Receives a line for each request and response, without secrets.
    pub trace: Option<HttpTrace>,
}

/// Whether redirects, upload locations and the like are followed to private addresses from a server
/// that is not there itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash, PartialOrd, Ord)]
pub enum PrivateRedirects {
    /// They are refused: this machine may reach what the server could not.
    #[default]
    Refuse,
    /// They are followed.
    Follow,
}

/// Receives lines that describe requests and responses.
pub type HttpTrace = Box<dyn Fn(&str) + Send + Sync>;

impl fmt::Debug for HttpOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpOptions").field("stall", &self.stall).finish_non_exhaustive()
    }
}
