//! The **wire** is an HTTP/1.1 connection from the server's side: it reads heads, and ends as a test
//! demands.

use std::io::{self, BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rustix::net::sockopt::set_socket_linger;

/// Maximum length of a head in bytes.
const HEAD_LIMIT: u64 = 64 << 10;

/// Interval at which a waiting thread checks whether the server ends.
const TICK: Duration = Duration::from_millis(100);

/// Time for a client that still sends to read the answer, as in Go's servers.
const LINGER: Duration = Duration::from_millis(500);

/// A connection with a client.
pub(super) struct Wire {
    pub(super) reader: BufReader<PatientReader>,
}

/// Reader without a timeout, except that it ends with the server.
pub(super) struct PatientReader {
    stream: TcpStream,
    stopped: Arc<AtomicBool>,
}

/// Request line and headers of a request.
#[derive(Debug, Clone)]
pub(super) struct RequestHead {
    pub(super) method: String,
    pub(super) path: String,
    /// Names and values of the query, decoded.
    pub(super) query: Vec<(String, String)>,
    pub(super) headers: Vec<(String, String)>,
}

/// Length of a body, or that it is sent in chunks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BodyLength {
    Bytes(u64),
    Chunked,
}

impl Read for PatientReader {
    fn read(&mut self, space: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.stream.read(space) {
                Err(error)
                    if error.kind() == ErrorKind::WouldBlock
                        && !self.stopped.load(Ordering::Relaxed) => {}
                result => return result,
            }
        }
    }
}

impl Wire {
    pub(super) fn new(stream: TcpStream, stopped: &Arc<AtomicBool>) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(TICK))?;
        let stopped = Arc::clone(stopped);
        Ok(Self { reader: BufReader::with_capacity(256 << 10, PatientReader { stream, stopped }) })
    }

    /// Reads the head of the next request; `None` if the client has closed the connection.
    pub(super) fn head(&mut self) -> io::Result<Option<RequestHead>> {
        // A client that tries TLS first would wait for an answer.
        if !self.reader.fill_buf()?.first().is_some_and(u8::is_ascii_uppercase) {
            return Ok(None);
        }
        let mut bytes = Vec::new();
        let mut limited = (&mut self.reader).take(HEAD_LIMIT);
        while !bytes.ends_with(b"\r\n\r\n") {
            if limited.read_until(b'\n', &mut bytes)? == 0 {
                return Ok(None);
            }
        }
        RequestHead::parse(&bytes).map(Some).ok_or_else(|| io::Error::from(ErrorKind::InvalidData))
    }

    fn stream(&self) -> &TcpStream {
        &self.reader.get_ref().stream
    }

    pub(super) fn write(&self, bytes: &[u8]) -> io::Result<()> {
        self.stream().write_all(bytes)
    }

    /// Makes the end of this connection a reset, which loses data in transit.
    pub(super) fn reset(&self) -> io::Result<()> {
        Ok(set_socket_linger(self.stream(), Some(Duration::ZERO))?)
    }

    /// Closes the sending side, and reads for a while: closing at once would reset the connection, and
    /// the client might lose the answer.
    pub(super) fn close(&mut self) -> io::Result<()> {
        self.stream().shutdown(Shutdown::Write)?;
        let end = Instant::now() + LINGER;
        let mut space = [0; 1 << 14];
        while Instant::now() < end {
            match self.reader.get_mut().stream.read(&mut space) {
                Ok(0) => break,
                Err(error) if error.kind() != ErrorKind::WouldBlock => break,
                _ => {}
            }
        }
        Ok(())
    }

    /// Waits for `most`, or until the server ends.
    pub(super) fn wait(&self, most: Duration) {
        let end = Instant::now() + most;
        while Instant::now() < end && !self.reader.get_ref().stopped.load(Ordering::Relaxed) {
            std::thread::sleep(TICK.min(end.saturating_duration_since(Instant::now())));
        }
    }
}

impl RequestHead {
    fn parse(bytes: &[u8]) -> Option<Self> {
        let mut headers = [httparse::EMPTY_HEADER; 100];
        let mut request = httparse::Request::new(&mut headers);
        request.parse(bytes).ok()?.is_complete().then_some(())?;
        // Requests to a proxy have absolute URLs.
        let target = request.path?;
        let target = target
            .strip_prefix("http://")
            .map_or(target, |rest| rest.find('/').map_or("/", |at| &rest[at..]));
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let header = |header: &httparse::Header<'_>| {
            (header.name.to_owned(), String::from_utf8_lossy(header.value).into_owned())
        };
        Some(Self {
            method: request.method?.to_owned(),
            path: path.to_owned(),
            query: pairs(query),
            headers: request.headers.iter().map(header).collect(),
        })
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let header = self.headers.iter().find(|(found, _)| found.eq_ignore_ascii_case(name));
        header.map(|(_, value)| value.as_str())
    }

    pub(super) fn query(&self, name: &str) -> Option<&str> {
        value(&self.query, name)
    }

    pub(super) fn length(&self) -> BodyLength {
        if self.header("transfer-encoding").is_some() {
            return BodyLength::Chunked;
        }
        let length = self.header("content-length").and_then(|length| length.parse().ok());
        BodyLength::Bytes(length.unwrap_or(0))
    }
}

/// Returns the first value with a name.
pub(super) fn value<'a>(pairs: &'a [(String, String)], name: &str) -> Option<&'a str> {
    pairs.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
}

/// Parses a query, or a form.
pub(super) fn pairs(query: &str) -> Vec<(String, String)> {
    let parts = query.split('&').filter(|part| !part.is_empty());
    let pair = |part: &str| {
        let (name, value) = part.split_once('=').unwrap_or((part, ""));
        (decoded(name), decoded(value))
    };
    parts.map(pair).collect()
}

fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        rest = tail;
        let escaped = tail.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        match (first, escaped.and_then(|digits| u8::from_str_radix(digits, 16).ok())) {
            (b'%', Some(byte)) => {
                bytes.push(byte);
                rest = &tail[2..];
            }
            (b'+', _) => bytes.push(b' '),
            _ => bytes.push(*first),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
