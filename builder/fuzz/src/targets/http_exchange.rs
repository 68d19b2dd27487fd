//! Any bytes are what a server answers: heads, interim responses, chunked bodies, bodies that end early. The
//! first byte chooses the request. The response ends in time, and is not longer than was asked for.

use std::io::Write as _;
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use diskette_builder::fuzzing::{exchange, parse_head};
use diskette_builder::net::http::{
    HttpClient, HttpOptions, PrivateRedirects, ServerLimits, ServerRole, SystemRoots, TlsOptions,
    TlsTrust,
};
use diskette_builder::net::proxy::Proxies;

/// The most bytes of a body that are read.
const BODY_MAX: u64 = 4096;

/// Less than the buffers of a socket, which the answer must fit into.
const ANSWER_MAX: usize = 48 << 10;

/// Nothing is trusted: no connection has TLS.
struct NoTrust;

impl TlsTrust for NoTrust {
    fn for_host(&self, _: &str, _: ServerRole) -> Result<TlsOptions, String> {
        Ok(TlsOptions::default())
    }
}

/// Returns a client that waits for nothing.
pub(crate) fn client() -> HttpClient {
    HttpClient::new(HttpOptions {
        proxies: Proxies::default(),
        roots: SystemRoots::default(),
        trust: Box::new(NoTrust),
        stall: Duration::from_millis(200),
        retries: 0,
        limits: ServerLimits::default(),
        private_redirects: PrivateRedirects::Refuse,
        cancelled: Arc::new(|| false),
        trace: None,
    })
}

/// Returns both ends of a connection.
fn connect() -> (TcpStream, TcpStream) {
    static LISTENER: OnceLock<TcpListener> = OnceLock::new();
    let listener = LISTENER.get_or_init(|| TcpListener::bind("127.0.0.1:0").expect("a port"));
    let address = listener.local_addr().expect("the address of the port");
    let client = TcpStream::connect(address).expect("a connection");
    let (server, _) = listener.accept().expect("the other end");
    (client, server)
}

/// Runs the target.
pub fn run(bytes: &[u8]) {
    let Some((first, answer)) = bytes.split_first() else { return };
    if answer.len() > ANSWER_MAX {
        return;
    }
    if let Ok(Some(len)) = parse_head(answer) {
        assert!(len <= answer.len());
        assert_eq!(parse_head(&answer[..len]), Ok(Some(len)), "a head depends on what follows it");
    }
    let (ours, mut server) = connect();
    server.write_all(answer).expect("space in a buffer");
    server.shutdown(Shutdown::Write).expect("a connection");
    let (method, body): (_, &[u8]) = match first % 3 {
        0 => ("GET", b""),
        1 => ("HEAD", b""),
        _ => ("PUT", b"body"),
    };
    let answer = match exchange(&client(), ours, method, body, BODY_MAX) {
        Ok(answer) => answer,
        Err(error) => return assert!(!error.is_empty()),
    };
    assert!(answer.status >= 200, "an interim response is taken for the last one");
    match answer.body {
        Ok(body) if method == "HEAD" => assert!(body.is_empty()),
        Ok(body) => assert!(body.len() as u64 <= BODY_MAX),
        Err(error) => assert!(!error.is_empty()),
    }
}
