//! An HTTP *proxy* that connects every host name to one server, and logs requests and headers. It
//! supports tunnels (`CONNECT`) and plain requests.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// A proxy; it ends with the test.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    requests: Arc<Mutex<Vec<Vec<String>>>>,
}

/// Clients that may use a proxy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProxyAccess {
    /// All clients.
    All,
    /// Clients with this value of `Proxy-Authorization`.
    Only(&'static str),
}

impl Proxy {
    /// Starts a proxy in front of a server.
    pub fn start(server: SocketAddr, access: ProxyAccess) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&requests);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let log = Arc::clone(&log);
                // A client that disconnects is not an error of the proxy.
                thread::spawn(move || drop(serve(stream.unwrap(), server, access, &log)));
            }
        });
        Self { address, requests }
    }

    /// Returns host and port.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns the request lines and headers since the last call.
    pub fn take_requests(&self) -> Vec<Vec<String>> {
        std::mem::take(&mut *self.requests.lock().unwrap())
    }
}

fn serve(
    client: TcpStream,
    server: SocketAddr,
    access: ProxyAccess,
    log: &Mutex<Vec<Vec<String>>>,
) -> io::Result<()> {
    let mut reader = BufReader::new(client.try_clone()?);
    let mut head = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        if line.trim_end().is_empty() {
            break;
        }
        head.push(line.trim_end().to_owned());
    }
    let Some(first) = head.first().cloned() else { return Ok(()) };
    log.lock().unwrap().push(head.clone());
    let shown = head.iter().find_map(|line| line.strip_prefix("Proxy-Authorization: "));
    let mut answer = &client;
    if matches!(access, ProxyAccess::Only(value) if shown != Some(value)) {
        return answer.write_all(b"HTTP/1.1 407 No\r\nContent-Length: 0\r\n\r\n");
    }
    let mut back = TcpStream::connect(server)?;
    if first.starts_with("CONNECT ") {
        answer.write_all(b"HTTP/1.1 200 OK\r\n\r\n")?;
    } else {
        back.write_all(passed_on(&head).as_bytes())?;
    }
    let answers = back.try_clone()?;
    thread::spawn(move || pass(answers, client));
    pass(reader, back);
    Ok(())
}

/// Returns a request as the server wants it: without the host in front of the path, and as the last
/// one on its connection.
fn passed_on(head: &[String]) -> String {
    let first = head[0].replacen("http://", "", 1);
    let (method, rest) = first.split_once(' ').unwrap();
    let path = rest.find('/').map_or("/", |at| &rest[at..]);
    let headers = head[1..].iter().filter(|line| !line.starts_with("Proxy-"));
    let headers: String = headers.flat_map(|line| [line, "\r\n"]).collect();
    format!("{method} {path}\r\n{headers}Connection: close\r\n\r\n")
}

fn pass(mut from: impl Read, mut to: TcpStream) {
    // Either end may disconnect at any time.
    io::copy(&mut from, &mut to).unwrap_or_default();
    to.shutdown(Shutdown::Write).unwrap_or_default();
}
