//! A **trap** is a server that must not receive any secret: it asks every client for one, and keeps
//! what it receives.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// A client that is silent for this long has sent everything.
const SILENCE: Duration = Duration::from_millis(300);

/// A trap; its threads end with the test.
#[derive(Debug)]
pub struct SecretTrap {
    address: SocketAddr,
    heard: Arc<Mutex<Vec<u8>>>,
}

impl Default for SecretTrap {
    fn default() -> Self {
        Self::new()
    }
}

impl SecretTrap {
    /// Sets a trap.
    pub fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let heard = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&heard);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let log = Arc::clone(&log);
                thread::spawn(move || drop(listen(&stream.unwrap(), address, &log)));
            }
        });
        Self { address, heard }
    }

    /// Returns a URL at the trap.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Returns everything that was sent to it.
    pub fn received_text(&self) -> String {
        // The last bytes may still be on their way.
        thread::sleep(Duration::from_millis(50));
        String::from_utf8_lossy(&self.heard.lock().unwrap()).into_owned()
    }
}

fn listen(
    mut stream: &TcpStream,
    address: SocketAddr,
    heard: &Mutex<Vec<u8>>,
) -> std::io::Result<()> {
    stream.set_read_timeout(Some(SILENCE))?;
    let mut said = Vec::new();
    let mut space = [0; 1 << 14];
    let mut answered = false;
    loop {
        let len = match stream.read(&mut space) {
            Err(error) if error.kind() != ErrorKind::WouldBlock => return Err(error),
            Ok(0) | Err(_) => return Ok(()),
            Ok(len) => len,
        };
        heard.lock().unwrap().extend_from_slice(&space[..len]);
        said.extend_from_slice(&space[..len]);
        if !answered && said.windows(4).any(|window| window == b"\r\n\r\n") {
            answered = true;
            stream.write_all(answer(&said, address).as_bytes())?;
        }
    }
}

/// Returns a response: a token if one is requested, else a challenge.
fn answer(said: &[u8], address: SocketAddr) -> String {
    let body = r#"{"token": "bait", "expires_in": 300}"#;
    let (status, challenge) = if said.starts_with(b"GET /token") || said.starts_with(b"POST /token")
    {
        ("200 OK", String::new())
    } else {
        let bearer = format!("Bearer realm=\"http://{address}/token\",service=\"trap\"");
        let both =
            format!("WWW-Authenticate: {bearer}\r\nWWW-Authenticate: Basic realm=\"trap\"\r\n");
        ("401 Unauthorized", both)
    };
    let len = body.len();
    format!(
        "HTTP/1.1 {status}\r\n{challenge}Content-Length: {len}\r\nConnection: close\r\n\r\n{body}"
    )
}
