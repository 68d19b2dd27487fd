//! A **trap** is a server that should not be told any secret: it asks everybody for one, and keeps
//! all that it is told.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// Whoever says nothing for so long has said all.
const SILENCE: Duration = Duration::from_millis(300);

/// A trap; its threads end with the test.
#[derive(Debug)]
pub struct Trap {
    address: SocketAddr,
    heard: Arc<Mutex<Vec<u8>>>,
}

impl Default for Trap {
    fn default() -> Self {
        Self::new()
    }
}

impl Trap {
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

    /// Returns all that was said to it.
    pub fn heard(&self) -> String {
        // What was said last may still be on its way.
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

/// Gives a token to whoever asks for one, and wants one from everybody else.
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
