//! The *head* of a response: its status and headers.

use std::io::BufRead;
use std::time::Duration;

use super::{HttpError, NotHttp};

/// The longest head that is read, in bytes.
const HEAD_MAX: usize = 64 * 1024;

const HEADERS_MAX: usize = 128;

/// The most interim responses (1xx) before the response: `100 Continue`, `102 Processing`, hints.
pub(super) const INTERIM_MAX: usize = 100;

/// Status and headers of a response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ResponseHead {
    pub(crate) status: u16,
    /// The minor version: `1` for HTTP/1.1.
    pub(super) minor: u8,
    /// Names in lower case, and values.
    headers: Vec<(String, String)>,
}

impl ResponseHead {
    /// Returns the first header of a name, which is in lower case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(given, _)| given == name).map(|(_, value)| &**value)
    }

    /// Returns all headers of a name.
    pub(crate) fn headers_named(&self, name: &str) -> impl Iterator<Item = &str> {
        self.headers.iter().filter(move |(given, _)| given == name).map(|(_, value)| &**value)
    }

    /// Returns the length of the body in bytes, if it is declared.
    pub(crate) fn content_length(&self) -> Option<u64> {
        parse_decimal(self.header("content-length")?)
    }

    /// Returns whether the body is declared as a web page.
    pub(crate) fn is_web_page(&self) -> bool {
        let kind = self.header("content-type").unwrap_or_default().trim_start();
        kind.get(..9).is_some_and(|kind| kind.eq_ignore_ascii_case("text/html"))
    }

    /// Returns whether a header that is a list of words has this one.
    pub(super) fn header_lists(&self, name: &str, word: &str) -> bool {
        self.headers_named(name)
            .flat_map(|value| value.split(','))
            .any(|value| value.trim().eq_ignore_ascii_case(word))
    }

    /// Parses a head and returns it with its length in bytes; nothing if it is incomplete.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Option<(Self, usize)>, HttpError> {
        let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
        let mut response = httparse::Response::new(&mut headers);
        let parsed = response.parse(bytes).map_err(|error| {
            if bytes.starts_with(b"HTTP/") {
                HttpError::Protocol(error.to_string())
            } else {
                HttpError::NotHttp(NotHttp::classify(bytes))
            }
        })?;
        let httparse::Status::Complete(len) = parsed else { return Ok(None) };
        let headers = response.headers.iter().map(|header| {
            let value = String::from_utf8_lossy(header.value).trim().to_owned();
            (header.name.to_ascii_lowercase(), value)
        });
        let headers: Vec<_> = headers.collect();
        // Different lengths are a sign of request smuggling (RFC 9112, 11.2).
        let mut lengths = headers.iter().filter(|(name, _)| name == "content-length");
        if let Some((_, first)) = lengths.next()
            && (parse_decimal(first).is_none() || lengths.any(|(_, other)| other != first))
        {
            return Err(HttpError::Protocol("its length is invalid".into()));
        }
        let (status, minor) = (response.code.unwrap_or_default(), response.version.unwrap_or(0));
        // Neither an interim response nor a final one (RFC 9110, 15).
        if status < 100 {
            return Err(HttpError::Protocol("its status is invalid".into()));
        }
        Ok(Some((Self { status, minor, headers }, len)))
    }

    /// Reads the head of the response after interim ones (RFC 9110, 15.2), of which there may not
    /// be any number: a server could send them for ever, and no time without a byte would pass.
    pub(super) fn read_final(
        reader: &mut impl BufRead,
        waited: Duration,
    ) -> Result<Self, HttpError> {
        for _ in 0..=INTERIM_MAX {
            let head = Self::read(reader, waited)?;
            if head.status >= 200 {
                return Ok(head);
            }
        }
        Err(too_many_interim())
    }

    /// Reads a head.
    pub(super) fn read(reader: &mut impl BufRead, waited: Duration) -> Result<Self, HttpError> {
        let mut bytes = Vec::new();
        let mut parsed = 0;
        loop {
            let more = reader.fill_buf().map_err(|error| HttpError::from_io(error, waited))?;
            if more.is_empty() {
                return Err(HttpError::Closed);
            }
            let before = bytes.len();
            let count = more.len();
            bytes.extend_from_slice(more);
            // A head that comes a byte at a time is not parsed at every byte.
            if bytes.len() >= 2 * parsed || has_blank_line(&bytes, before) {
                if let Some((head, len)) = Self::parse(&bytes)? {
                    reader.consume(len - before);
                    return Ok(head);
                }
                parsed = bytes.len();
            }
            reader.consume(count);
            if bytes.len() > HEAD_MAX {
                return Err(HttpError::Protocol("its head does not end".into()));
            }
        }
    }
}

/// Returns whether a blank line ends in the bytes from `start` on.
fn has_blank_line(bytes: &[u8], start: usize) -> bool {
    let bytes = &bytes[start.saturating_sub(2)..];
    bytes.windows(2).any(|two| two == b"\n\n") || bytes.windows(3).any(|three| three == b"\n\r\n")
}

/// Parses a number of digits alone, as headers have them; `u64` would accept a sign.
pub(crate) fn parse_decimal(text: &str) -> Option<u64> {
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| is_number)
}

pub(super) fn too_many_interim() -> HttpError {
    HttpError::Protocol(format!("it sent more than {INTERIM_MAX} interim responses"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_are_read() {
        let check = |text: &str, expected: &str| {
            let mut bytes = text.as_bytes();
            let found = ResponseHead::read(&mut bytes, Duration::ZERO).map_or_else(
                |error| error.to_string(),
                |head| {
                    let rest = String::from_utf8_lossy(bytes);
                    format!("{} {:?} {rest}", head.status, head.headers)
                },
            );
            assert_eq!(found, expected);
        };
        check("HTTP/1.1 200 OK\r\n\r\nbody", "200 [] body");
        check("HTTP/1.1 200\r\nA-B:  c \r\n\r\n", r#"200 [("a-b", "c")] "#);
        check("HTTP/1.0 404 no\nx: y\n\n", r#"404 [("x", "y")] "#);
        check("", "the server closed the connection");
        check("HTTP/1.1 200 OK\r\n", "the server closed the connection");
        check("SSH-2.0-x\r\n\r\n", "the server does not speak HTTP: it sent `SSH-2.0-x`");
        check("\u{15}\u{3}\u{1}\0\u{2}\u{2}F", "the server does not speak HTTP: it speaks TLS");
        check("\0\u{1}\u{2}", "the server does not speak HTTP: it sent no text");
        for status in ["000", "051", "099"] {
            check(
                &format!("HTTP/1.1 {status} OK\r\n\r\n"),
                "the response of the server is malformed: its status is invalid",
            );
        }
        check(
            "HTTP/1.1 abc\r\n\r\n",
            "the response of the server is malformed: invalid response status",
        );
        check(
            "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
            "the response of the server is malformed: its length is invalid",
        );
        check(
            "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
            "the response of the server is malformed: its length is invalid",
        );
        check(
            "HTTP/1.1 200 OK\r\nContent-Length: +1\r\n\r\n",
            "the response of the server is malformed: its length is invalid",
        );
        let interim = |count: usize| {
            let text = "HTTP/1.1 100 Continue\r\n\r\n".repeat(count) + "HTTP/1.1 200 OK\r\n\r\n";
            let head = ResponseHead::read_final(&mut text.as_bytes(), Duration::ZERO);
            head.map(|head| head.status).map_err(|error| error.to_string())
        };
        assert_eq!(interim(0), Ok(200));
        assert_eq!(interim(INTERIM_MAX), Ok(200));
        let why = "the response of the server is malformed: it sent more than 100 interim \
             responses";
        assert_eq!(interim(INTERIM_MAX + 1), Err(why.into()));
        let long = format!("HTTP/1.1 200 OK\r\nA: {}", "x".repeat(HEAD_MAX));
        check(&long, "the response of the server is malformed: its head does not end");
    }
}
