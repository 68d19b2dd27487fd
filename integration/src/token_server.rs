//! A *token server*, as large registries have one: it looks at the password and signs what its owner
//! may do (<https://distribution.github.io/distribution/spec/auth/jwt/>).

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::SystemTime;

use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use crate::certificates::{Authority, KeyPair};
use crate::docker_registry::USER;
use crate::peer::{self, Peer};

/// Name of the service in tokens; registry and server must agree.
const SERVICE: &str = "registry of the test";
const ISSUER: &str = "token server of the test";

/// A server; it ends with the test.
#[derive(Debug)]
pub struct TokenServer {
    address: SocketAddr,
    certificate: PathBuf,
    requests: Arc<Mutex<Vec<String>>>,
}

/// Key and certificate that sign tokens.
struct Signer {
    openssl: Peer,
    pair: KeyPair,
    /// The certificate, in DER and base64.
    chain: String,
    anonymous: AnonymousAccess,
}

/// Rights of clients without credentials.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AnonymousAccess {
    /// Read everything.
    Pull,
    /// Nothing: they get no token.
    Nothing,
}

impl TokenServer {
    /// Starts a server that allows [`USER`] everything.
    pub fn start(authority: &Authority, anonymous: AnonymousAccess) -> Option<Self> {
        let openssl = peer::find("openssl")?;
        let pair = authority.issue_rsa("tokens");
        let text = std::fs::read_to_string(&pair.certificate).unwrap();
        let chain = text.lines().filter(|line| !line.starts_with('-')).collect();
        let certificate = pair.certificate.clone();
        let signer = Arc::new(Signer { openssl, pair, chain, anonymous });
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&requests);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (signer, log) = (Arc::clone(&signer), Arc::clone(&log));
                // A client that disconnects is not an error of the server.
                thread::spawn(move || drop(serve(&stream.unwrap(), &signer, &log)));
            }
        });
        Some(Self { address, certificate, requests })
    }

    /// Returns the settings of a registry that accepts the tokens of this server.
    pub fn registry_settings(&self) -> (&'static str, Value) {
        let realm = format!("http://{}/token", self.address);
        let bundle = &self.certificate;
        let token = json!({
            "realm": realm, "service": SERVICE, "issuer": ISSUER, "rootcertbundle": bundle,
        });
        ("/auth", json!({ "token": token }))
    }

    /// Returns the requested scopes since the last call.
    pub fn take_scopes(&self) -> Vec<String> {
        std::mem::take(&mut *self.requests.lock().unwrap())
    }
}

fn serve(mut stream: &TcpStream, signer: &Signer, log: &Mutex<Vec<String>>) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream).lines();
    let path = lines.next().unwrap_or_else(|| Ok(String::new()))?;
    let path = path.split(' ').nth(1).unwrap_or_default().to_owned();
    let mut credential = None;
    for line in lines {
        let line = line?;
        if line.is_empty() {
            break;
        }
        credential = credential.or(line.strip_prefix("Authorization: Basic ").map(str::to_owned));
    }
    let scopes = scopes(&path);
    log.lock().unwrap().extend(scopes.clone());
    let known = credential.map(|given| given == BASE64_STANDARD.encode(USER));
    let (status, body) = match (known, signer.anonymous) {
        (Some(true), _) => ("200 OK", signer.token(&scopes, "pull,push,delete")),
        (None, AnonymousAccess::Pull) => ("200 OK", signer.token(&scopes, "pull")),
        _ => ("401 Unauthorized", json!({ "details": "incorrect username or password" })),
    };
    let body = body.to_string();
    let len = body.len();
    write!(stream, "HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {len}\r\n\r\n{body}")
}

/// Returns the scopes of a request: `scope=repository%3Avm%3Apull` and the like.
fn scopes(path: &str) -> Vec<String> {
    let query = path.split_once('?').map(|(_, query)| query).unwrap_or_default();
    let scopes = query.split('&').filter_map(|pair| pair.strip_prefix("scope="));
    scopes.map(|scope| scope.replace("%3A", ":").replace("%2C", ",").replace("%2F", "/")).collect()
}

impl Signer {
    /// Signs a token for the requested scopes that are allowed.
    fn token(&self, scopes: &[String], allowed: &str) -> Value {
        let access = scopes.iter().filter_map(|scope| {
            let (resource, actions) = scope.rsplit_once(':')?;
            let (kind, name) = resource.split_once(':')?;
            let allowed: Vec<&str> = allowed.split(',').collect();
            let actions: Vec<&str> =
                actions.split(',').filter(|action| allowed.contains(action)).collect();
            Some(json!({ "type": kind, "name": name, "actions": actions }))
        });
        let now = SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs();
        let head = json!({ "typ": "JWT", "alg": "RS256", "x5c": [self.chain] });
        let claims = json!({
            "iss": ISSUER, "sub": "me", "aud": SERVICE, "jti": "1",
            "exp": now + 300, "nbf": now - 10, "iat": now, "access": access.collect::<Vec<_>>(),
        });
        let parts = [head, claims].map(|part| BASE64_URL_SAFE_NO_PAD.encode(part.to_string()));
        let text = parts.join(".");
        let signature = BASE64_URL_SAFE_NO_PAD.encode(self.sign(&text, &self.pair.key));
        json!({ "token": format!("{text}.{signature}"), "expires_in": 300 })
    }

    fn sign(&self, text: &str, key: &Path) -> Vec<u8> {
        let mut command = self.openssl.command();
        command.args(["dgst", "-sha256", "-sign"]).arg(key);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
        child.wait_with_output().unwrap().stdout
    }
}
