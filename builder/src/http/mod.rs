//! An *HTTP* client for what libraries do badly: bodies of many gigabytes in both directions that
//! are written from where they lie, and servers that refuse in the middle of one. It speaks
//! HTTP/1.1 and blocks; every wait has a deadline. What is retried, and who may see which
//! credential, is for those to say who use it.

mod body;
mod connect;
mod error;
mod exchange;
mod head;
mod redirect;
mod socket;
mod stream;
mod tls;

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use openssl::ssl::SslConnector;
use url::Url;

pub use self::error::HttpError;
pub(crate) use self::exchange::{Exchange, Framing, SendError};
pub(crate) use self::head::Head;
pub use self::socket::Cancelled;
pub use self::tls::{ClientCertificate, SystemRoots, TlsOptions, TlsProblem, Trust, Verify};

pub(crate) use self::body::Response;
pub(crate) use self::redirect::{is_loopback, next};
use self::stream::Connection;
use crate::proxy::Proxies;

/// What clients are set up with; nothing is read from the environment.
pub struct HttpOptions {
    /// Which requests go through which proxy.
    pub proxies: Proxies,
    /// The certificates of authorities that the system trusts.
    pub roots: SystemRoots,
    /// What is trusted beyond that, host by host.
    pub trust: Box<dyn Trust>,
    /// A server that has not answered or moved a byte for this long is given up.
    pub stall: Duration,
    /// Ends all waiting.
    pub cancelled: Cancelled,
    /// Is told of each request and answer, without secrets.
    pub trace: Option<Trace>,
}

/// Listens to requests and answers.
pub type Trace = Box<dyn Fn(&str) + Send + Sync>;

/// Sends requests; clones share connections. Nothing is set up before the first request: reading
/// the system's certificates takes longer than a build that has nothing to do.
#[derive(Clone)]
pub struct Client {
    shared: Arc<Shared>,
}

struct Shared {
    options: HttpOptions,
    idle: Mutex<Vec<(Origin, Connection, Instant)>>,
    connectors: Mutex<HashMap<String, (SslConnector, Verify)>>,
    unverified: Mutex<HashSet<String>>,
}

/// Connections that are kept open, and for how long without use: servers close theirs after a
/// minute or so, and one that is closed under a request costs another round.
const IDLE_MAX: usize = 8;
const IDLE_FOR: Duration = Duration::from_secs(15);

/// Where a connection leads: what may be sent to one must not be sent to another.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Origin {
    pub(crate) scheme: String,
    pub(crate) host: String,
    pub(crate) port: u16,
}

/// A request without its body.
#[derive(Debug, Clone)]
pub(crate) struct Request<'a> {
    pub(crate) method: &'static str,
    pub(crate) url: &'a Url,
    /// Beside those that the client sets itself.
    pub(crate) headers: Vec<(&'static str, String)>,
    /// How long the answer may take once all is sent; the stall time if nothing is said.
    pub(crate) patience: Option<Duration>,
}

impl<'a> Request<'a> {
    pub(crate) fn new(method: &'static str, url: &'a Url) -> Self {
        Self { method, url, headers: Vec::new(), patience: None }
    }

    #[must_use]
    pub(crate) fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}

impl Client {
    /// Returns a client; connections are made when needed.
    pub fn new(options: HttpOptions) -> Self {
        let (idle, connectors) = (Mutex::default(), Mutex::default());
        let shared = Shared { options, idle, connectors, unverified: Mutex::default() };
        Self { shared: Arc::new(shared) }
    }

    pub(crate) fn options(&self) -> &HttpOptions {
        &self.shared.options
    }

    /// Sends a request with a body that is at hand, and returns the answer, whatever its status.
    pub(crate) fn send(&self, request: &Request<'_>, body: &[u8]) -> Result<Response, HttpError> {
        let mut kept = true;
        loop {
            let (connection, reused) = self.connection(request.url, kept)?;
            match self.send_on(connection, request, body) {
                // The server had closed a connection that was kept; it never saw the request.
                Err(error) if reused && error.is_closed() => kept = false,
                result => return result,
            }
        }
    }

    fn send_on(
        &self,
        connection: Connection,
        request: &Request<'_>,
        body: &[u8],
    ) -> Result<Response, HttpError> {
        let mut exchange = Exchange::start(self, connection, request, Framing::Whole(body))?;
        exchange.answer(request.patience)
    }

    /// Starts a request whose body is still to come. The server is asked whether it wants it: what
    /// it refuses is not sent.
    pub(crate) fn begin(
        &self,
        request: &Request<'_>,
        framing: Framing<'_>,
    ) -> Result<Exchange, HttpError> {
        let mut kept = true;
        loop {
            let (connection, reused) = self.connection(request.url, kept)?;
            match Exchange::start(self, connection, request, framing) {
                Err(error) if reused && error.is_closed() => kept = false,
                result => return result,
            }
        }
    }

    /// Tells whether there are certificates for a server, besides the system's. Where they cannot
    /// be used there are some.
    pub(crate) fn has_certificates(&self, origin: &Origin) -> bool {
        let options = self.options().trust.for_host(&origin.authority());
        options.map_or(true, |options| {
            !options.authorities.is_empty() || options.certificate.is_some()
        })
    }

    /// Accepts any certificate of a server from now on.
    pub(crate) fn trust_any(&self, origin: &Origin) {
        let mut unverified = self.shared.unverified.lock().unwrap_or_else(PoisonError::into_inner);
        unverified.insert(origin.authority());
    }

    fn connection(&self, url: &Url, kept: bool) -> Result<(Connection, bool), HttpError> {
        let origin = origin(url)?;
        let idle = if kept { self.take_idle(&origin) } else { None };
        match idle {
            Some(connection) => Ok((connection, true)),
            None => Ok((connect::connect(self, &origin)?, false)),
        }
    }

    fn take_idle(&self, origin: &Origin) -> Option<Connection> {
        let mut idle = self.shared.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.retain(|(_, _, since)| since.elapsed() < IDLE_FOR);
        let found = idle.iter().rposition(|(kept, _, _)| kept == origin)?;
        Some(idle.swap_remove(found).1)
    }

    /// Takes back a connection on which nothing is under way.
    fn keep(&self, connection: Connection) {
        let mut idle = self.shared.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < IDLE_MAX {
            idle.push((connection.origin.clone(), connection, Instant::now()));
        }
    }

    fn trace(&self, line: impl FnOnce() -> String) {
        if let Some(trace) = &self.shared.options.trace {
            trace(&line());
        }
    }
}

/// Returns where a URL leads.
pub(crate) fn origin(url: &Url) -> Result<Origin, HttpError> {
    let scheme = url.scheme();
    match (scheme, url.host_str(), url.port_or_known_default()) {
        ("http" | "https", Some(host), Some(port)) => {
            Ok(Origin { scheme: scheme.into(), host: host.into(), port })
        }
        _ => Err(HttpError::Url(redacted(url))),
    }
}

impl Origin {
    /// Returns the host and, unless it is the scheme's own, the port.
    pub(crate) fn authority(&self) -> String {
        match (self.scheme.as_str(), self.port) {
            ("http", 80) | ("https", 443) => self.host.clone(),
            (_, port) => format!("{}:{port}", self.host),
        }
    }

    pub(crate) fn is_tls(&self) -> bool {
        self.scheme == "https"
    }
}

/// Returns a URL that can be shown: the values of its query are often signatures, and before an `@`
/// stands a password.
pub(crate) fn redacted(url: &Url) -> String {
    let mut url = url.clone();
    // Only a URL without a host refuses, and that has neither.
    url.set_username("").and_then(|()| url.set_password(None)).unwrap_or_default();
    let query = url.query_pairs().map(|(name, value)| match &*name {
        // A digest tells nothing that is secret.
        "digest" | "mount" | "from" | "scope" | "service" | "n" | "last" => {
            format!("{name}={value}")
        }
        _ => format!("{name}=…"),
    });
    let query = query.collect::<Vec<_>>().join("&");
    url.set_query(None);
    url.set_fragment(None);
    if query.is_empty() { url.to_string() } else { format!("{url}?{query}") }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").finish_non_exhaustive()
    }
}

impl fmt::Debug for HttpOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpOptions").field("stall", &self.stall).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shown_urls_hold_no_secret() {
        let check = |url: &str, expected: &str| {
            assert_eq!(redacted(&Url::parse(url).unwrap()), expected);
        };
        check("https://q.io/v2/", "https://q.io/v2/");
        check("https://me:pass@q.io/v2/", "https://q.io/v2/");
        check(
            "https://q.io/u?_state=abc&digest=sha256:1",
            "https://q.io/u?_state=…&digest=sha256:1",
        );
        check("https://s3.x/b?X-Amz-Signature=1#f", "https://s3.x/b?X-Amz-Signature=…");
    }

    #[test]
    fn origins_have_a_scheme_a_host_and_a_port() {
        let check = |url: &str, expected: &str| {
            let found = origin(&Url::parse(url).unwrap());
            let found = found.map_or_else(
                |error| error.to_string(),
                |origin| format!("{} {} {}", origin.scheme, origin.authority(), origin.port),
            );
            assert_eq!(found, expected);
        };
        check("https://Q.io/x", "https q.io 443");
        check("https://q.io:443/x", "https q.io 443");
        check("http://q.io:5000/x", "http q.io:5000 5000");
        check("http://[::1]:5000/x", "http [::1]:5000 5000");
        check("ftp://q.io/x", "`ftp://q.io/x` is neither http nor https");
    }
}
