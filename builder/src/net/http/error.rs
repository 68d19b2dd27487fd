//! Why a request did not come to an answer.

use std::io;
use std::time::Duration;

use thiserror::Error;

use super::alert::{TlsProblem, find_refusal};

/// Why a request failed; an answer with an error status is an answer.
#[derive(Debug, Error)]
pub enum HttpError {
    /// The URL has another scheme, or none.
    #[error("`{0}` is neither http nor https")]
    Url(String),
    /// The host's name has no address.
    #[error("cannot find the host `{host}`: {source}")]
    Resolve {
        /// The name.
        host: String,
        /// What the resolver said.
        source: io::Error,
    },
    /// No connection could be made.
    #[error("cannot connect to {host}: {source}")]
    Connect {
        /// The host, or the proxy, with its port.
        host: String,
        /// What the system said.
        source: io::Error,
    },
    /// The proxy would not lead further.
    #[error("the proxy {proxy} refused to connect: it answered {status}")]
    Proxy {
        /// The proxy's host and port.
        proxy: String,
        /// The status of its answer.
        status: u16,
    },
    /// The server could not be trusted, or TLS failed otherwise.
    #[error("cannot trust {host}: {reason}")]
    Tls {
        /// The host.
        host: String,
        /// What OpenSSL said.
        reason: String,
        /// What kind of problem that is.
        problem: TlsProblem,
    },
    /// The server wants to know who we are, or does not like what it is shown.
    #[error("the server does not let us in without a certificate that it knows: {0}")]
    ClientCertificate(String),
    /// The certificates that should be trusted could not be read.
    #[error("cannot use the certificates for {host}: {reason}")]
    Certificates {
        /// The host they are for.
        host: String,
        /// What is wrong with them.
        reason: String,
    },
    /// The connection was lost.
    #[error("the connection was lost: {0}")]
    Lost(#[source] io::Error),
    /// The server closed the connection without an answer.
    #[error("the server closed the connection")]
    Closed,
    /// Nothing moved for too long.
    #[error("timed out: nothing moved for {} s", .0.as_secs())]
    Stalled(Duration),
    /// What came is not HTTP.
    #[error("the server does not speak HTTP: {0}")]
    Protocol(String),
    /// The answer is longer than what was asked for can be.
    #[error("the answer is longer than {0} bytes")]
    TooLong(u64),
    /// The server sent somewhere where this request must not go.
    #[error("refusing to follow to `{url}`: {reason}")]
    Redirect {
        /// The URL, without secrets.
        url: String,
        /// Why not.
        reason: &'static str,
    },
}

impl HttpError {
    /// Returns what a read or write that failed means.
    pub(crate) fn from_io(error: io::Error, waited: Duration) -> Self {
        match error.kind() {
            io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => Self::Stalled(waited),
            io::ErrorKind::UnexpectedEof => Self::Closed,
            _ => find_refusal(&error).map_or(Self::Lost(error), Self::ClientCertificate),
        }
    }

    /// Tells whether the server closed the connection before it said anything.
    pub(super) fn is_closed(&self) -> bool {
        matches!(self, Self::Closed | Self::Lost(_))
    }

    /// Tells whether the same request may come through if it is sent again.
    pub(crate) fn is_transient(&self) -> bool {
        match self {
            // What is not HTTP comes from something in between.
            Self::Connect { .. }
            | Self::Lost(_)
            | Self::Closed
            | Self::Stalled(_)
            | Self::Protocol(_) => true,
            Self::Proxy { status, .. } => *status >= 500 || *status == 429,
            Self::Url(_)
            | Self::Resolve { .. }
            | Self::Tls { .. }
            | Self::ClientCertificate(_)
            | Self::Certificates { .. }
            | Self::TooLong(_)
            | Self::Redirect { .. } => false,
        }
    }
}
