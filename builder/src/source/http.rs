//! Downloads over HTTP: one request, read as a stream, with deadlines. Redirects are followed, but
//! never from https to http.

use std::fmt;
use std::io::{self, Read};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use thiserror::Error;
use ureq::Agent;
use ureq::tls::{RootCerts, TlsConfig, TlsProvider};

/// A server that has not answered or sent a byte for this long is given up.
const STALL: Duration = Duration::from_secs(60);

/// What clients are set up with; nothing is read from the environment.
#[derive(Debug, Clone, Default)]
pub struct HttpOptions {
    /// `http://HOST:PORT` of a proxy for all requests.
    pub proxy: Option<String>,
}

/// Sends requests; clones share connections. Nothing is set up before the first request: reading
/// the system's certificates takes longer than a build that has nothing to do.
#[derive(Clone)]
pub struct Client {
    options: HttpOptions,
    agent: Arc<OnceLock<Agent>>,
}

/// Why a download failed.
#[derive(Debug, Error)]
pub enum HttpError {
    /// The proxy's address cannot be used.
    #[error("the proxy cannot be used")]
    Proxy(#[source] Box<ureq::Error>),
    /// The request failed before an answer came.
    #[error("{0}")]
    Request(Box<ureq::Error>),
    /// The server answered with something else than the content.
    #[error("the server answered {0}")]
    Status(ureq::http::StatusCode),
}

impl Client {
    /// Returns a client; connections are made when needed.
    pub fn new(options: HttpOptions) -> Self {
        Self { options, agent: Arc::default() }
    }

    fn agent(&self) -> Result<&Agent, HttpError> {
        if let Some(agent) = self.agent.get() {
            return Ok(agent);
        }
        let proxy = self.options.proxy.as_deref().map(ureq::Proxy::new).transpose();
        let tls = TlsConfig::builder()
            .provider(TlsProvider::NativeTls)
            .root_certs(RootCerts::PlatformVerifier)
            .build();
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_connect(Some(STALL))
            .timeout_recv_response(Some(STALL))
            .timeout_per_read(Some(STALL))
            .proxy(proxy.map_err(|error| HttpError::Proxy(Box::new(error)))?)
            .tls_config(tls)
            .user_agent(concat!("diskette/", env!("CARGO_PKG_VERSION")))
            .accept_encoding("identity")
            .build();
        Ok(self.agent.get_or_init(|| config.new_agent()))
    }

    /// Asks for a URL and returns its body.
    pub(crate) fn get(&self, url: &str) -> Result<Response, HttpError> {
        let request = self.agent()?.get(url).config().https_only(is_https(url)).build();
        let response = request.call().map_err(|error| HttpError::Request(Box::new(error)))?;
        if response.status() != 200 {
            return Err(HttpError::Status(response.status()));
        }
        let body = response.into_body();
        let len = body.content_length();
        let reader = body.into_with_config().limit(u64::MAX).reader();
        Ok(Response { reader: Box::new(reader), len, url: url.into(), client: self.clone() })
    }

    /// Fills `space` with the bytes from `at` on, if the server can send parts.
    fn get_range(&self, url: &str, space: &mut [u8], at: u64) -> Result<(), io::Error> {
        let range = format!("bytes={at}-{}", at + space.len() as u64 - 1);
        let agent = self.agent().map_err(io::Error::other)?;
        let request = agent.get(url).header("Range", range);
        let request = request.config().https_only(is_https(url)).build();
        let mut response = request.call().map_err(io::Error::other)?;
        if response.status() != 206 {
            return Err(io::Error::other(HttpError::Status(response.status())));
        }
        response.body_mut().as_reader().read_exact(space)
    }
}

/// What starts with https stays with it.
fn is_https(url: &str) -> bool {
    url.starts_with("https:")
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").finish_non_exhaustive()
    }
}

/// A body that is being received.
pub(crate) struct Response {
    reader: Box<dyn Read + Send>,
    len: Option<u64>,
    url: String,
    client: Client,
}

impl Response {
    /// Returns the announced length.
    pub(crate) fn len(&self) -> Option<u64> {
        self.len
    }

    /// Reads some other part of the same URL.
    pub(crate) fn read_at(&self, space: &mut [u8], at: u64) -> io::Result<()> {
        self.client.get_range(&self.url, space, at)
    }
}

impl Read for Response {
    fn read(&mut self, space: &mut [u8]) -> io::Result<usize> {
        self.reader.read(space)
    }
}
