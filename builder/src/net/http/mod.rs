//! An *HTTP* client for what libraries do badly: bodies of many gigabytes in both directions that
//! are sent without a copy, and servers that refuse in the middle of one. It speaks HTTP/1.1 and
//! blocks; every wait has a deadline. Its users decide what is retried, and which server gets which
//! credential.

mod address;
mod alert;
mod authority;
mod body;
mod connect;
mod error;
mod exchange;
pub(crate) mod fuzzing;
mod head;
mod limits;
mod options;
mod origin;
mod policy;
mod pool;
mod progress;
mod range;
mod reach;
mod redirect;
mod retry;
mod socket;
mod socks;
mod stream;
#[cfg(test)]
pub(crate) mod testing;
mod tls;
mod trust;
mod wire;
mod words;

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::net::SocketAddr;
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use openssl::ssl::SslConnector;
use url::Url;

pub(crate) use self::alert::TlsProblem;
pub(crate) use self::error::{HttpError, NotHttp, PRIVATE_REDIRECT_HELP};
pub(crate) use self::exchange::{HttpExchange, SendError};
pub(crate) use self::head::{ResponseHead, parse_decimal};
pub use self::limits::ServerLimits;
pub use self::options::{HttpOptions, HttpTrace, PrivateRedirects};
pub(crate) use self::origin::{HttpOrigin, redact_url, shown_url, url_origin};
pub(crate) use self::policy::ServerPolicy;
pub(crate) use self::range::ContentRange;
pub(crate) use self::socks::SocksFailure;
pub use self::trust::{
    ClientCertificate, ServerRole, ServerVerification, SystemRoots, TlsOptions, TlsTrust,
};
pub(crate) use self::wire::BodyFraming;
use crate::net::secret::Secret;

pub(crate) use self::body::HttpResponse;
use self::limits::ServerUse;
use self::reach::AddressReach;
pub(crate) use self::reach::is_loopback;
pub(crate) use self::retry::{RetryAttempts, is_transient_status, retry_after};
use self::stream::HttpConnection;
pub(crate) use self::words::{server_words, web_page_words};

/// A client that sends requests; clones share connections. Nothing is set up before the first
/// request: reading the system's certificates takes longer than a build that has nothing to do.
#[derive(Clone)]
pub struct HttpClient {
    shared: Arc<HttpClientState>,
}

struct HttpClientState {
    options: HttpOptions,
    idle: Mutex<Vec<(HttpConnection, Instant)>>,
    /// How TLS is set up, by host and by what is granted to it.
    connectors: Mutex<HashMap<(String, ServerPolicy), (SslConnector, ServerVerification)>>,
    /// The address that a connection was made to, by host and port.
    reached: Mutex<HashMap<(String, u16), SocketAddr>>,
    /// From where the servers can be reached that sent to these origins.
    senders: Mutex<HashMap<HttpOrigin, AddressReach>>,
    /// Servers that failed while others could be asked instead.
    down: Mutex<HashSet<HttpOrigin>>,
    /// What servers get at the moment.
    servers: Arc<ServerUse>,
}

/// A request without its body.
#[derive(Debug, Clone)]
pub(crate) struct HttpRequest<'a> {
    pub(crate) method: &'static str,
    pub(crate) url: &'a Url,
    /// Headers beside those that the client sets itself.
    pub(crate) headers: Vec<(&'static str, String)>,
    /// Headers for the server of `url` alone.
    pub(crate) secret_headers: Vec<(String, Secret)>,
    /// How long the response may take after the body is sent; without it, the stall time.
    pub(crate) timeout: Option<Duration>,
    /// What is granted to the server of `url`.
    pub(crate) policy: ServerPolicy,
}

impl<'a> HttpRequest<'a> {
    pub(crate) fn new(method: &'static str, url: &'a Url) -> Self {
        let (headers, secret_headers) = Default::default();
        let policy = ServerPolicy::default();
        Self { method, url, headers, secret_headers, timeout: None, policy }
    }

    /// Sets what is granted to the server of the URL.
    #[must_use]
    pub(crate) fn policy(mut self, policy: ServerPolicy) -> Self {
        self.policy = policy;
        self
    }

    #[must_use]
    pub(crate) fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}

impl HttpClient {
    /// Returns a client, which connects when needed.
    pub fn new(options: HttpOptions) -> Self {
        let shared = HttpClientState {
            options,
            idle: Mutex::default(),
            connectors: Mutex::default(),
            reached: Mutex::default(),
            senders: Mutex::default(),
            down: Mutex::default(),
            servers: Arc::default(),
        };
        Self { shared: Arc::new(shared) }
    }

    pub(crate) fn options(&self) -> &HttpOptions {
        &self.shared.options
    }

    /// Sends a request with a complete body, and returns the response whatever its status.
    pub(crate) fn send(
        &self,
        request: &HttpRequest<'_>,
        body: &[u8],
    ) -> Result<HttpResponse, HttpError> {
        let mut kept = true;
        loop {
            let (connection, reused) = self.obtain_connection(request, kept)?;
            match self.send_on(connection, request, body) {
                // The server had closed the idle connection, and never received the request.
                Err(error) if reused && error.is_closed() => kept = false,
                result => return result,
            }
        }
    }

    fn send_on(
        &self,
        connection: HttpConnection,
        request: &HttpRequest<'_>,
        body: &[u8],
    ) -> Result<HttpResponse, HttpError> {
        let mut exchange =
            HttpExchange::start(self, connection, request, BodyFraming::Whole(body))?;
        exchange.finish(request.timeout)
    }

    /// Starts a request whose body is still to be sent. It expects `100 Continue`, so that a body
    /// that the server refuses is not sent.
    pub(crate) fn start_exchange(
        &self,
        request: &HttpRequest<'_>,
        framing: BodyFraming<'_>,
    ) -> Result<HttpExchange, HttpError> {
        let mut kept = true;
        loop {
            let (connection, reused) = self.obtain_connection(request, kept)?;
            match HttpExchange::start(self, connection, request, framing) {
                Err(error) if reused && error.is_closed() => kept = false,
                result => return result,
            }
        }
    }

    /// Returns whether a registry has certificates besides the system's. Unusable ones count too.
    pub(crate) fn has_certificates(&self, origin: &HttpOrigin) -> bool {
        let options = self.options().trust.for_host(&origin.authority(), ServerRole::Registry);
        options.map_or(true, |options| {
            !options.authorities.is_empty() || options.certificate.is_some()
        })
    }

    /// Returns whether a server with this policy may send to private addresses.
    fn follows_private_redirects(&self, policy: ServerPolicy) -> bool {
        [self.options().private_redirects, policy.redirects].contains(&PrivateRedirects::Follow)
    }

    /// Returns the attempts that an operation has.
    pub(crate) fn attempts(&self) -> RetryAttempts {
        RetryAttempts::new(self.options().retries)
    }

    /// Sleeps; breaks if the user cancels.
    pub(crate) fn sleep(&self, pause: Duration) -> ControlFlow<()> {
        const STEP: Duration = Duration::from_millis(50);
        let mut left = pause;
        loop {
            if (self.options().cancelled)() {
                return ControlFlow::Break(());
            }
            if left.is_zero() {
                return ControlFlow::Continue(());
            }
            thread::sleep(left.min(STEP));
            left = left.saturating_sub(STEP);
        }
    }

    fn trace(&self, line: impl FnOnce() -> String) {
        if let Some(trace) = &self.shared.options.trace {
            trace(&line());
        }
    }
}

impl fmt::Debug for HttpClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpClient").finish_non_exhaustive()
    }
}
