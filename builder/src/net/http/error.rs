//! Errors of requests that got no response.

use std::io;
use std::time::Duration;

use thiserror::Error;

use super::alert::{TlsProblem, find_refusal};
use super::progress::{RATE_MIN, slow_time};
use super::socket::is_cancelled;
use super::socks::SocksFailure;
use super::words::printable;
use crate::net::proxy::ProxyError;

/// What a server sent that does not speak HTTP.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum NotHttp {
    /// A record of TLS.
    #[error("it speaks TLS")]
    Tls,
    /// This line, as far as it can be shown.
    #[error("it sent `{0}`")]
    Line(String),
    /// Bytes that are no text.
    #[error("it sent no text")]
    Bytes,
}

impl NotHttp {
    /// Classifies the first bytes of a response.
    pub(super) fn classify(bytes: &[u8]) -> Self {
        if matches!(bytes, [20..=23, 3, ..]) {
            return Self::Tls;
        }
        let line = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
        let line = std::str::from_utf8(line).ok().and_then(printable);
        line.map_or(Self::Bytes, |line| Self::Line(line.chars().take(80).collect()))
    }
}

/// Why a request failed. A response with an error status is no error here.
#[derive(Debug, Error)]
pub enum HttpError {
    /// The scheme of the URL is neither `http` nor `https`.
    #[error("`{0}` is neither http nor https")]
    Url(String),
    /// The host's name has no address.
    #[error("cannot find the host `{host}`: {source}")]
    Resolve {
        /// The name.
        host: String,
        /// The error of the resolver.
        source: io::Error,
    },
    /// The connection failed.
    #[error("cannot connect to {host}: {source}")]
    Connect {
        /// The host, or the proxy, with its port.
        host: String,
        /// The error of the system.
        source: io::Error,
        /// Whether a connection to it succeeded before.
        was_reached: bool,
    },
    /// The proxy refused the tunnel.
    #[error("the proxy {proxy} refused to connect: it answered {status}")]
    Proxy {
        /// The proxy's host and port.
        proxy: String,
        /// The status of its response.
        status: u16,
    },
    /// The variable that would name the proxy of the server names none.
    #[error(transparent)]
    ProxyVariable(#[from] ProxyError),
    /// The SOCKS proxy did not connect.
    #[error("the proxy {proxy} did not connect: {failure}")]
    Socks {
        /// The proxy's host and port.
        proxy: String,
        /// Why.
        failure: SocksFailure,
    },
    /// The server is not trusted, or TLS failed otherwise.
    #[error("cannot trust {host}: {reason}")]
    Tls {
        /// The host.
        host: String,
        /// The message of OpenSSL.
        reason: String,
        /// The kind of problem.
        problem: TlsProblem,
    },
    /// The server requires a client certificate, or refuses the one it got.
    #[error("the server requires a client certificate: {0}")]
    ClientCertificate(String),
    /// The certificates for a host cannot be used.
    #[error("cannot use the certificates for {host}: {reason}")]
    Certificates {
        /// The host they are for.
        host: String,
        /// The problem.
        reason: String,
    },
    /// The user cancelled the operation.
    #[error("cancelled")]
    Cancelled,
    /// The connection was lost.
    #[error("the connection was lost: {0}")]
    Lost(#[source] io::Error),
    /// The server closed the connection without a response.
    #[error("the server closed the connection")]
    Closed,
    /// No byte was transferred for this time.
    #[error("timed out: no data for {} s", .0.as_secs())]
    Stalled(Duration),
    /// Few bytes were transferred for this time.
    #[error("timed out: less than {RATE_MIN} bytes per second for {} s", .0.as_secs())]
    Slow(Duration),
    /// The server does not speak TLS.
    #[error("{0} does not speak TLS")]
    NotTls(String),
    /// The response is not one of HTTP.
    #[error("the server does not speak HTTP: {0}")]
    NotHttp(NotHttp),
    /// The response violates HTTP.
    #[error("the response of the server is malformed: {0}")]
    Protocol(String),
    /// The response is longer than this limit in bytes.
    #[error("the response is longer than {0} bytes")]
    TooLong(u64),
    /// A server that the requested one redirects to could not be asked.
    #[error("`{host}`, to which the server redirects: {error}")]
    RedirectTarget {
        /// The host of that server and, unless it is the default, its port.
        host: String,
        /// Why.
        #[source]
        error: Box<Self>,
    },
    /// The server sent a location that must not be followed.
    #[error("refusing the redirect to `{url}`: {reason}")]
    Redirect {
        /// The URL, without secrets.
        url: String,
        /// Why it is not followed.
        reason: &'static str,
    },
    /// The server sent a location that is nearer to this machine than the server itself; the URL is
    /// without secrets.
    #[error("refusing the redirect to `{0}`: a private or local address")]
    PrivateRedirect(String),
}

/// What the user can do about a location that is refused for being near.
pub(crate) const PRIVATE_REDIRECT_HELP: &str = "if that address is meant, use \
    `--allow-private-redirects`; for good, `allow-private-redirects = true` for the registry in \
    registries.conf";

impl HttpError {
    /// Converts the error of a read or write that had a deadline of `waited`.
    pub(crate) fn from_io(error: io::Error, waited: Duration) -> Self {
        if let Some(slow) = slow_time(&error) {
            return Self::Slow(slow);
        }
        match error.kind() {
            io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => Self::Stalled(waited),
            io::ErrorKind::UnexpectedEof => Self::Closed,
            io::ErrorKind::InvalidData => Self::Protocol(error.to_string()),
            _ if is_cancelled(&error) => Self::Cancelled,
            _ => find_refusal(&error).map_or(Self::Lost(error), Self::ClientCertificate),
        }
    }

    /// Returns whether the connection was closed before a response.
    pub(super) fn is_closed(&self) -> bool {
        matches!(self, Self::Closed | Self::Lost(_))
    }

    /// Returns whether the same request may succeed if it is sent again.
    pub(crate) fn is_transient(&self) -> bool {
        match self {
            // A server that was never reached is most likely down, or its name or port is wrong.
            Self::Connect { was_reached, .. } => *was_reached,
            Self::Lost(_)
            | Self::Closed
            | Self::Stalled(_)
            | Self::Slow(_)
            // Invalid HTTP often comes from something between, such as a gateway.
            | Self::Protocol(_) => true,
            Self::Proxy { status, .. } => *status >= 500 || *status == 429,
            Self::Socks { failure, .. } => failure.is_transient(),
            Self::RedirectTarget { error, .. } => error.is_transient(),
            Self::Url(_)
            | Self::ProxyVariable(_)
            | Self::Resolve { .. }
            | Self::Tls { .. }
            | Self::ClientCertificate(_)
            | Self::Certificates { .. }
            | Self::Cancelled
            | Self::TooLong(_)
            | Self::NotTls(_)
            | Self::NotHttp(_)
            | Self::Redirect { .. }
            | Self::PrivateRedirect(_) => false,
        }
    }

    /// Returns whether the same request may succeed at another time, which is too far off to wait
    /// for.
    pub(crate) fn is_temporary(&self) -> bool {
        match self {
            Self::Connect { .. } | Self::Resolve { .. } => true,
            Self::RedirectTarget { error, .. } => error.is_temporary(),
            _ => self.is_transient(),
        }
    }
}
