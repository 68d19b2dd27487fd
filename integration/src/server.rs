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
    /// The same with more headers, each a line.
    With(&'static str, Box<Answer>),
    /// Another answer each time; the last stays.
    Then(Vec<Answer>),
    /// Whatever is asked for is another part than that.
    Elsewhere(Vec<u8>),
}

/// What is answered for which path.
type Answers = BTreeMap<String, Answer>;

/// A server; it ends with the test.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    answers: Arc<Mutex<Answers>>,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Server {
    /// Starts a server with these answers; any other path is not found.
    pub fn start<P: Into<String>>(answers: impl IntoIterator<Item = (P, Answer)>) -> Self {
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
                // A client that goes away is no concern of the server's.
                thread::spawn(move || drop(serve(&stream.unwrap(), &answers, &log)));
            }
        });
        Self { address, answers, requests }
    }

    /// Answers so from now on.
    pub fn set(&self, path: impl Into<String>, answer: Answer) {
        self.answers.lock().unwrap().insert(path.into(), answer);
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
    let (head, body) = answer(&next(answers, &path), range.as_deref());
    write!(stream, "HTTP/1.1 {head}\r\nConnection: close\r\n\r\n")?;
    stream.write_all(&body)
}

/// Returns what is answered this time.
fn next(answers: &Mutex<Answers>, path: &str) -> Answer {
    let mut answers = answers.lock().unwrap();
    match answers.get_mut(path) {
        None => Answer::Status(404),
        Some(Answer::Then(all)) if all.len() > 1 => all.remove(0),
        Some(Answer::Then(all)) => all[0].clone(),
        Some(answer) => answer.clone(),
    }
}

/// Returns status and headers, and the body.
fn answer(answer: &Answer, range: Option<&str>) -> (String, Vec<u8>) {
    match (answer, range.and_then(parse_range)) {
        (Answer::Content(bytes), Some((first, last))) if first < bytes.len() => {
            let last = last.min(bytes.len() - 1);
            let part = &bytes[first..=last];
            let range = format!("Content-Range: bytes {first}-{last}/{}", bytes.len());
            (format!("206 Partial\r\n{range}\r\nContent-Length: {}", part.len()), part.to_vec())
        }
        (Answer::Elsewhere(bytes), Some(_)) => {
            let range = format!("Content-Range: bytes 0-9/{}", bytes.len());
            (format!("206 Partial\r\n{range}\r\nContent-Length: 10"), bytes[..10].to_vec())
        }
        (Answer::Content(bytes) | Answer::Whole(bytes) | Answer::Elsewhere(bytes), _) => {
            (ok(bytes), bytes.clone())
        }
        (Answer::Unsized(bytes), _) => ("200 OK".into(), bytes.clone()),
        (Answer::Cut(bytes, len), _) => (ok(bytes), bytes[..*len].to_vec()),
        (Answer::Page(bytes, next), _) => {
            (format!("{}\r\nLink: <{next}>; rel=\"next\"", ok(bytes)), bytes.clone())
        }
        (Answer::Redirect(url), _) => {
            (format!("302 Found\r\nLocation: {url}\r\nContent-Length: 0"), Vec::new())
        }
        (Answer::Status(status), _) => (format!("{status} No\r\nContent-Length: 0"), Vec::new()),
        (Answer::With(headers, inner), _) => {
            let (head, body) = self::answer(inner, range);
            (format!("{head}\r\n{headers}"), body)
        }
        (Answer::Then(all), _) => self::answer(&all[0], range),
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
