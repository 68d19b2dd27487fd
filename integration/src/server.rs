//! A **server** of files over HTTP on this machine, which can do what real servers do now and then
//! and counts what it is asked.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// What is answered for a path.
#[derive(Debug, Clone)]
pub enum Answer {
    /// The content, and parts of it when asked.
    Content(Vec<u8>),
    /// The content, always all of it.
    Whole(Vec<u8>),
    /// The content, without saying how long it is.
    Unsized(Vec<u8>),
    /// The first bytes of what was announced; then the connection is closed.
    Cut(Vec<u8>, usize),
    /// The content, and where the next page of it is.
    Page(Vec<u8>, &'static str),
    /// Somewhere else.
    Redirect(String),
    /// An error.
    Status(u16),
}

/// A server; it ends with the test.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Server {
    /// Starts a server with these answers; any other path is not found.
    pub fn start(answers: impl IntoIterator<Item = (&'static str, Answer)>) -> Self {
        let answers: Arc<BTreeMap<_, _>> = Arc::new(answers.into_iter().collect());
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&requests);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (answers, log) = (Arc::clone(&answers), Arc::clone(&log));
                // A client that goes away is no concern of the server's.
                thread::spawn(move || drop(serve(&stream.unwrap(), &answers, &log)));
            }
        });
        Self { address, requests }
    }

    /// Returns the URL of a path.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Returns what was asked since this was last asked: path, and range if there was one.
    pub fn requests(&self) -> Vec<String> {
        std::mem::take(&mut *self.requests.lock().unwrap())
    }
}

fn serve(
    mut stream: &TcpStream,
    answers: &BTreeMap<&'static str, Answer>,
    log: &Mutex<Vec<String>>,
) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream).lines();
    let path = lines.next().unwrap_or_else(|| Ok(String::new()))?;
    let path = path.split(' ').nth(1).unwrap_or_default().to_owned();
    let mut range = None;
    for line in lines {
        let line = line?.to_ascii_lowercase();
        if line.is_empty() {
            break;
        }
        range = range.or(line.strip_prefix("range: bytes=").map(str::to_owned));
    }
    let asked = range.iter().fold(path.clone(), |asked, range| format!("{asked} {range}"));
    log.lock().unwrap().push(asked);
    let missing = Answer::Status(404);
    let (head, body) = answer(answers.get(&path[..]).unwrap_or(&missing), range.as_deref());
    write!(stream, "HTTP/1.1 {head}\r\nConnection: close\r\n\r\n")?;
    stream.write_all(body)
}

/// Returns status and headers, and the body.
fn answer<'a>(answer: &'a Answer, range: Option<&str>) -> (String, &'a [u8]) {
    match (answer, range.and_then(parse_range)) {
        (Answer::Content(bytes), Some((first, last))) => {
            let part = &bytes[first..=last];
            let range = format!("Content-Range: bytes {first}-{last}/{}", bytes.len());
            (format!("206 Partial\r\n{range}\r\nContent-Length: {}", part.len()), part)
        }
        (Answer::Content(bytes) | Answer::Whole(bytes), _) => (ok(bytes), bytes),
        (Answer::Unsized(bytes), _) => ("200 OK".into(), bytes),
        (Answer::Cut(bytes, len), _) => (ok(bytes), &bytes[..*len]),
        (Answer::Page(bytes, next), _) => {
            (format!("{}\r\nLink: <{next}>; rel=\"next\"", ok(bytes)), bytes)
        }
        (Answer::Redirect(url), _) => {
            (format!("302 Found\r\nLocation: {url}\r\nContent-Length: 0"), &[])
        }
        (Answer::Status(status), _) => (format!("{status} No\r\nContent-Length: 0"), &[]),
    }
}

fn ok(bytes: &[u8]) -> String {
    format!("200 OK\r\nContent-Length: {}", bytes.len())
}

fn parse_range(range: &str) -> Option<(usize, usize)> {
    let (first, last) = range.split_once('-')?;
    Some((first.parse().ok()?, last.parse().ok()?))
}
