//! A **recorder** is a registry that speaks HTTP and HTTPS at one port, wants a credential, and records every
//! request: what came to it, in which scheme, and with which secrets.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use openssl::ssl::{SslAcceptor, SslFiletype, SslMethod, SslVerifyMode};
use serde_json::json;

use crate::certificates::KeyPair;
use crate::disk::sha256;

/// A client that is silent for this long has sent everything.
const SILENCE: Duration = Duration::from_secs(5);

/// The first byte of a handshake of TLS.
const HANDSHAKE: u8 = 22;

/// A request.
#[derive(Debug, Clone)]
pub struct RecordedRequest {
    /// `http` or `https`.
    pub scheme: &'static str,
    /// Its head and body.
    pub text: String,
    /// Whether the client showed a certificate.
    pub has_certificate: bool,
}

/// What a recorder wants before it answers.
#[derive(Debug, Clone)]
pub enum Wanted {
    /// User and password.
    Basic,
    /// A token of the server with this URL.
    Token(String),
}

/// A recorder; it ends with the test.
#[derive(Debug)]
pub struct Recorder {
    state: Arc<State>,
}

struct State {
    address: SocketAddr,
    acceptor: SslAcceptor,
    wanted: Mutex<Wanted>,
    /// Status and headers, and a body, by `METHOD PATH` without query; for who has shown a credential.
    answers: Mutex<BTreeMap<String, (String, String)>>,
    requests: Mutex<Vec<RecordedRequest>>,
}

impl Recorder {
    /// Starts a recorder with a certificate; it asks clients for one if their authority is given.
    pub fn start(pair: &KeyPair, clients: Option<&Path>) -> Self {
        let mut acceptor = SslAcceptor::mozilla_intermediate_v5(SslMethod::tls_server()).unwrap();
        acceptor.set_certificate_file(&pair.certificate, SslFiletype::PEM).unwrap();
        acceptor.set_private_key_file(&pair.key, SslFiletype::PEM).unwrap();
        if let Some(authority) = clients {
            acceptor.set_ca_file(authority).unwrap();
            acceptor.set_verify(SslVerifyMode::PEER);
        }
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let state = Arc::new(State {
            address: listener.local_addr().unwrap(),
            acceptor: acceptor.build(),
            wanted: Mutex::new(Wanted::Basic),
            answers: Mutex::default(),
            requests: Mutex::default(),
        });
        let all = Arc::clone(&state);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let state = Arc::clone(&all);
                // A client that disconnects is not an error of the server.
                thread::spawn(move || drop(state.serve(stream.unwrap())));
            }
        });
        Self { state }
    }

    /// Returns `HOST:PORT`.
    pub fn address(&self) -> String {
        self.state.address.to_string()
    }

    /// Sets what it wants.
    pub fn want(&self, wanted: Wanted) {
        *self.state.wanted.lock().unwrap() = wanted;
    }

    /// Sets status and headers of the answer to `METHOD PATH`.
    pub fn set_answer(&self, request: &str, head: impl Into<String>) {
        self.set_content(request, head, "");
    }

    /// Sets status and headers, and the body, of the answer to `METHOD PATH`.
    pub fn set_content(&self, request: &str, head: impl Into<String>, body: impl Into<String>) {
        let answer = (head.into(), body.into());
        self.state.answers.lock().unwrap().insert(request.into(), answer);
    }

    /// Returns the requests since the last call.
    pub fn take_requests(&self) -> Vec<RecordedRequest> {
        std::mem::take(&mut *self.state.requests.lock().unwrap())
    }
}

impl State {
    fn serve(&self, stream: TcpStream) -> io::Result<()> {
        stream.set_read_timeout(Some(SILENCE))?;
        let mut first = [0];
        if stream.peek(&mut first)? == 0 {
            return Ok(());
        }
        if first[0] != HANDSHAKE {
            return self.exchange(stream, "http", false);
        }
        let stream = self.acceptor.accept(stream).map_err(io::Error::other)?;
        let has_certificate = stream.ssl().peer_certificate().is_some();
        self.exchange(stream, "https", has_certificate)
    }

    /// Records one request and answers it.
    fn exchange(
        &self,
        mut stream: impl Read + Write,
        scheme: &'static str,
        has_certificate: bool,
    ) -> io::Result<()> {
        let text = read_request(&mut stream)?;
        self.requests.lock().unwrap().push(RecordedRequest {
            scheme,
            text: text.clone(),
            has_certificate,
        });
        let (head, body) = self.answer(&text);
        let len = body.len();
        write!(stream, "HTTP/1.1 {head}\r\nContent-Length: {len}\r\nConnection: close\r\n\r\n")?;
        let is_head = text.starts_with("HEAD ");
        stream.write_all(if is_head { b"" } else { body.as_bytes() })
    }

    /// Returns status and headers, and a body.
    fn answer(&self, text: &str) -> (String, String) {
        let mut words = text.split(' ');
        let (method, target) = (words.next().unwrap_or(""), words.next().unwrap_or(""));
        let path = target.split('?').next().unwrap_or("");
        let is_known = text.to_lowercase().contains("\r\nauthorization: ");
        let is_token = path == "/token";
        if !is_known && !is_token {
            let challenge = match &*self.wanted.lock().unwrap() {
                Wanted::Basic => "Basic realm=\"recorder\"".to_owned(),
                Wanted::Token(realm) => format!("Bearer realm=\"{realm}\",service=\"recorder\""),
            };
            return (format!("401 No\r\nWWW-Authenticate: {challenge}"), String::new());
        }
        if let Some(answer) = self.answers.lock().unwrap().get(&format!("{method} {path}")) {
            return answer.clone();
        }
        if is_token {
            let token = token_of(&self.address.to_string());
            return ("200 OK".into(), json!({ "token": token, "access_token": token }).to_string());
        }
        match method {
            "POST" => (format!("202 Accepted\r\nLocation: {path}1"), String::new()),
            "PUT" | "PATCH" => ("201 Created".into(), String::new()),
            "GET" if path == "/v2/" => ("200 OK".into(), "{}".into()),
            "GET" if path.ends_with("/tags/list") => ("200 OK".into(), r#"{"tags":["1"]}"#.into()),
            _ => ("404 No".into(), String::new()),
        }
    }
}

/// Returns the token that the recorder with this address issues.
pub fn token_of(address: &str) -> String {
    format!("token-{}", &sha256(address.as_bytes())[..16])
}

/// Reads a request with its body, which is complete at its declared length or its last chunk.
fn read_request(stream: &mut (impl Read + Write)) -> io::Result<String> {
    let mut bytes = Vec::new();
    let mut asked = false;
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let head = head.to_lowercase();
            let is_whole = match head.split("content-length: ").nth(1) {
                Some(rest) => {
                    let len = rest.lines().next().and_then(|len| len.parse().ok()).unwrap_or(0);
                    let start = bytes.windows(4).position(|four| four == b"\r\n\r\n").unwrap() + 4;
                    bytes.len() >= start + len
                }
                None => !head.contains("chunked") || body.ends_with("0\r\n\r\n"),
            };
            if is_whole {
                return Ok(text);
            }
            if head.contains("100-continue") && !asked {
                asked = true;
                stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
            }
        }
        let mut space = vec![0; 1 << 16];
        let len = stream.read(&mut space)?;
        if len == 0 {
            return Ok(text);
        }
        bytes.extend_from_slice(&space[..len]);
    }
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("State").field("address", &self.address).finish_non_exhaustive()
    }
}
