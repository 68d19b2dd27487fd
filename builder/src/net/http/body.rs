//! A *response* and its body, which is read as a stream. Read to the end, it returns its connection
//! to the client; dropped before, it closes it.

use std::io::{self, BufRead, Read};

use url::Url;

use super::head::ResponseHead;
use super::stream::HttpConnection;
use super::{HttpClient, HttpError, HttpOrigin, url_origin};

/// A response: its head, and its body for reading.
pub(crate) struct HttpResponse {
    pub(crate) head: ResponseHead,
    origin: HttpOrigin,
    body: ResponseBody,
}

struct ResponseBody {
    client: HttpClient,
    connection: Option<HttpConnection>,
    left: BodyRemainder,
    reuse: ConnectionReuse,
}

/// What is still to be read of a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum BodyRemainder {
    Nothing,
    Bytes(u64),
    /// Bytes of a chunk, then more chunks.
    Chunk(u64),
    /// A chunk's length, after the end of the one before it.
    ChunkLength,
    UntilClosed,
}

/// Whether the connection can be used for another request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ConnectionReuse {
    Possible,
    /// The request is incomplete, or the server closes the connection.
    Impossible,
}

/// The most bytes that are read of a discarded body, to keep its connection.
const DRAIN_MAX: u64 = 64 * 1024;

/// The longest line between chunks, in bytes.
const LINE_MAX: u64 = 4096;

impl HttpResponse {
    pub(super) fn new(
        client: &HttpClient,
        connection: HttpConnection,
        head: ResponseHead,
        method: &str,
        reuse: ConnectionReuse,
    ) -> Self {
        let left = body_remainder(&head, method);
        let lasts = match head.minor {
            0 => head.header_lists("connection", "keep-alive"),
            _ => !head.header_lists("connection", "close"),
        };
        let reuse = if lasts && left != BodyRemainder::UntilClosed {
            reuse
        } else {
            ConnectionReuse::Impossible
        };
        let origin = connection.origin.clone();
        let connection = Some(connection);
        let mut body = ResponseBody { client: client.clone(), connection, left, reuse };
        body.release();
        Self { head, origin, body }
    }

    /// Reads the whole body; fails if it is longer than `limit` bytes.
    pub(crate) fn read_body(mut self, limit: u64) -> Result<Vec<u8>, HttpError> {
        let mut bytes = Vec::new();
        let waited = self.body.client.options().stall;
        let read = (&mut self.body).take(limit + 1).read_to_end(&mut bytes);
        read.map_err(|error| HttpError::from_io(error, waited))?;
        if bytes.len() as u64 > limit {
            return Err(HttpError::TooLong(limit));
        }
        Ok(bytes)
    }

    /// Reads at most `limit` bytes of the body, fewer if the connection is lost.
    pub(crate) fn read_start(mut self, limit: u64) -> Vec<u8> {
        let mut bytes = Vec::new();
        // What came before an error is kept.
        drop((&mut self.body).take(limit).read_to_end(&mut bytes));
        bytes
    }

    /// Reads the rest of a short body, so that the connection can be reused.
    pub(crate) fn discard(mut self) {
        if matches!(self.body.left, BodyRemainder::Bytes(len) if len > DRAIN_MAX) {
            return;
        }
        // A connection that fails here is closed, and the next request opens another.
        drop(io::copy(&mut (&mut self.body).take(DRAIN_MAX), &mut io::sink()));
    }
}

/// Returns what the body of a response consists of (RFC 9112, 6.3).
fn body_remainder(head: &ResponseHead, method: &str) -> BodyRemainder {
    if method == "HEAD" || matches!(head.status, 100..200 | 204 | 304) {
        return BodyRemainder::Nothing;
    }
    if head.header_lists("transfer-encoding", "chunked") {
        return BodyRemainder::ChunkLength;
    }
    match head.content_length() {
        Some(0) => BodyRemainder::Nothing,
        Some(len) => BodyRemainder::Bytes(len),
        None => BodyRemainder::UntilClosed,
    }
}

impl ResponseBody {
    /// Returns the connection to the client when the body has been read.
    fn release(&mut self) {
        if self.left != BodyRemainder::Nothing {
            return;
        }
        if let Some(connection) = self.connection.take()
            && self.reuse == ConnectionReuse::Possible
        {
            self.client.keep_idle(connection);
        }
    }

    fn read_some(&mut self, space: &mut [u8], limit: u64) -> io::Result<usize> {
        let Some(connection) = &mut self.connection else { return Ok(0) };
        let len = space.len().min(usize::try_from(limit).unwrap_or(usize::MAX));
        connection.reader.read(&mut space[..len])
    }

    /// Reads the length of the next chunk; after the last chunk, the trailers too.
    fn read_chunk_len(&mut self) -> io::Result<BodyRemainder> {
        let line = self.read_line()?;
        let digits = line.split(';').next().unwrap_or_default().trim();
        let is_number = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
        let Some(len) = u64::from_str_radix(digits, 16).ok().filter(|_| is_number) else {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "a chunk without a length"));
        };
        if len > 0 {
            return Ok(BodyRemainder::Chunk(len));
        }
        for _ in 0..64 {
            if self.read_line()?.is_empty() {
                return Ok(BodyRemainder::Nothing);
            }
        }
        Err(io::Error::new(io::ErrorKind::InvalidData, "too many trailers"))
    }

    fn read_line(&mut self) -> io::Result<String> {
        let Some(connection) = &mut self.connection else { return Ok(String::new()) };
        let mut line = Vec::new();
        (&mut connection.reader).take(LINE_MAX).read_until(b'\n', &mut line)?;
        if line.pop() != Some(b'\n') {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        line.pop_if(|last| *last == b'\r');
        Ok(String::from_utf8_lossy(&line).into_owned())
    }
}

impl Read for ResponseBody {
    fn read(&mut self, space: &mut [u8]) -> io::Result<usize> {
        if space.is_empty() {
            return Ok(0);
        }
        if self.left == BodyRemainder::ChunkLength {
            self.left = self.read_chunk_len()?;
        }
        let count = match self.left {
            BodyRemainder::Nothing | BodyRemainder::ChunkLength => 0,
            BodyRemainder::UntilClosed => {
                let count = self.read_some(space, u64::MAX)?;
                if count == 0 {
                    self.left = BodyRemainder::Nothing;
                }
                count
            }
            BodyRemainder::Bytes(len) | BodyRemainder::Chunk(len) => {
                let count = self.read_some(space, len)?;
                if count == 0 {
                    let why = "the server closed the connection in the middle";
                    return Err(io::Error::new(io::ErrorKind::UnexpectedEof, why));
                }
                self.advance(len - count as u64)?;
                count
            }
        };
        self.release();
        Ok(count)
    }
}

impl ResponseBody {
    fn advance(&mut self, left: u64) -> io::Result<()> {
        self.left = match self.left {
            BodyRemainder::Chunk(_) if left == 0 => {
                self.read_line()?;
                // The next length is read at once: after the last chunk the connection is free.
                self.read_chunk_len()?
            }
            BodyRemainder::Chunk(_) => BodyRemainder::Chunk(left),
            _ if left == 0 => BodyRemainder::Nothing,
            _ => BodyRemainder::Bytes(left),
        };
        Ok(())
    }
}

impl Read for HttpResponse {
    fn read(&mut self, space: &mut [u8]) -> io::Result<usize> {
        self.body.read(space)
    }
}

impl HttpResponse {
    /// Returns whether the response comes from the origin of `url`, and not from a redirect's target.
    pub(crate) fn is_from(&self, url: &Url) -> bool {
        url_origin(url).is_ok_and(|origin| origin == self.origin)
    }

    /// Returns the server that the response comes from.
    pub(crate) fn origin(&self) -> &HttpOrigin {
        &self.origin
    }
}
