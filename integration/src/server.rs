//! A **server** of files over HTTP on this machine, which imitates faults of real servers and logs
//! its requests.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// The response for a path.
#[derive(Debug, Clone)]
pub enum ServerAnswer {
    /// The content, with support for ranges.
    Content(Vec<u8>),
    /// The content, without support for ranges.
    Whole(Vec<u8>),
    /// The content, without its length.
    Unsized(Vec<u8>),
    /// The content is announced, and the connection closed after so many bytes.
    Cut(Vec<u8>, usize),
    /// The content, and a link to the next page.
    Page(Vec<u8>, &'static str),
    /// A redirect.
    Redirect(String),
    /// An error.
    Status(u16),
    /// Another response with more headers, one per line.
    With(&'static str, Box<ServerAnswer>),
    /// One response after the other; the last is repeated.
    Then(Vec<ServerAnswer>),
    /// Ranges are answered with another range than the one in the request.
    Elsewhere(Vec<u8>),
}

/// Responses by path.
type Answers = BTreeMap<String, ServerAnswer>;

/// A server; it ends with the test.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    answers: Arc<Mutex<Answers>>,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Server {
    /// Starts a server with these answers; any other path is not found.
    pub fn start<P: Into<String>>(answers: impl IntoIterator<Item = (P, ServerAnswer)>) -> Self {
        let answers = answers.into_iter().map(|(path, answer)| (path.into(), answer));
        let answers = Arc::new(Mutex::new(answers.collect::<Answers>()));
        let all = Arc::clone(&answers);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&requests);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (answers, log) = (Arc::clone(&all), Arc::clone(&log));
                // A client that disconnects is not an error of the server.
                thread::spawn(move || drop(serve(&stream.unwrap(), &answers, &log)));
            }
        });
        Self { address, answers, requests }
    }

    /// Sets the response for a path.
    pub fn set_answer(&self, path: impl Into<String>, answer: ServerAnswer) {
        self.answers.lock().unwrap().insert(path.into(), answer);
    }

    /// Returns the URL of a path.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Returns the requests since the last call: path, and range if there was one.
    pub fn take_requests(&self) -> Vec<String> {
        std::mem::take(&mut *self.requests.lock().unwrap())
    }
}

fn serve(
    mut stream: &TcpStream,
    answers: &Mutex<Answers>,
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
    let (head, body) = response(&next_answer(answers, &path), range.as_deref());
    write!(stream, "HTTP/1.1 {head}\r\nConnection: close\r\n\r\n")?;
    stream.write_all(&body)
}

/// Returns the next response for a path.
fn next_answer(answers: &Mutex<Answers>, path: &str) -> ServerAnswer {
    let mut answers = answers.lock().unwrap();
    match answers.get_mut(path) {
        None => ServerAnswer::Status(404),
        Some(ServerAnswer::Then(all)) if all.len() > 1 => all.remove(0),
        Some(ServerAnswer::Then(all)) => all[0].clone(),
        Some(answer) => answer.clone(),
    }
}

/// Returns status and headers, and the body.
fn response(answer: &ServerAnswer, range: Option<&str>) -> (String, Vec<u8>) {
    match (answer, range.and_then(parse_range)) {
        (ServerAnswer::Content(bytes), Some((first, last))) if first < bytes.len() => {
            let last = last.min(bytes.len() - 1);
            let part = &bytes[first..=last];
            let range = format!("Content-Range: bytes {first}-{last}/{}", bytes.len());
            (format!("206 Partial\r\n{range}\r\nContent-Length: {}", part.len()), part.to_vec())
        }
        (ServerAnswer::Elsewhere(bytes), Some(_)) => {
            let range = format!("Content-Range: bytes 0-9/{}", bytes.len());
            (format!("206 Partial\r\n{range}\r\nContent-Length: 10"), bytes[..10].to_vec())
        }
        (
            ServerAnswer::Content(bytes)
            | ServerAnswer::Whole(bytes)
            | ServerAnswer::Elsewhere(bytes),
            _,
        ) => (ok(bytes), bytes.clone()),
        (ServerAnswer::Unsized(bytes), _) => ("200 OK".into(), bytes.clone()),
        (ServerAnswer::Cut(bytes, len), _) => (ok(bytes), bytes[..*len].to_vec()),
        (ServerAnswer::Page(bytes, next), _) => {
            (format!("{}\r\nLink: <{next}>; rel=\"next\"", ok(bytes)), bytes.clone())
        }
        (ServerAnswer::Redirect(url), _) => {
            (format!("302 Found\r\nLocation: {url}\r\nContent-Length: 0"), Vec::new())
        }
        (ServerAnswer::Status(status), _) => {
            (format!("{status} No\r\nContent-Length: 0"), Vec::new())
        }
        (ServerAnswer::With(headers, inner), _) => {
            let (head, body) = self::response(inner, range);
            (format!("{head}\r\n{headers}"), body)
        }
        (ServerAnswer::Then(all), _) => self::response(&all[0], range),
    }
}

fn ok(bytes: &[u8]) -> String {
    format!("200 OK\r\nContent-Length: {}", bytes.len())
}

fn parse_range(range: &str) -> Option<(usize, usize)> {
    let (first, last) = range.split_once('-')?;
    let last = if last.is_empty() { Some(usize::MAX) } else { last.parse().ok() };
    Some((first.parse().ok()?, last?))
}
