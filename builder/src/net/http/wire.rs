//! A request on the *wire*: its head, and the framing of its body (RFC 9112).

use std::io::{self, IoSlice, Write};

use super::HttpRequest;
use super::stream::{ConnectionRoute, HttpConnection};

/// How the length of a request body is declared.
#[derive(Debug, Clone, Copy)]
pub(crate) enum BodyFraming<'a> {
    /// The body is complete, and sent with the head.
    Whole(&'a [u8]),
    /// The body has this many bytes.
    Length(u64),
    /// The length is not known yet.
    Chunked,
}

/// Returns the head of a request.
pub(super) fn request_head(
    connection: &HttpConnection,
    request: &HttpRequest<'_>,
    framing: BodyFraming<'_>,
) -> String {
    let url = request.url;
    let target = match &connection.route {
        ConnectionRoute::Direct => &url[url::Position::BeforePath..url::Position::AfterQuery],
        ConnectionRoute::Proxy(_) => &url[..url::Position::AfterQuery],
    };
    let mut head = format!("{} {target} HTTP/1.1\r\n", request.method);
    let mut line = |name: &str, value: &str| {
        head.extend([name, ": ", value, "\r\n"]);
    };
    line("Host", &connection.origin.authority());
    line("User-Agent", concat!("diskette/", env!("CARGO_PKG_VERSION")));
    line("Accept-Encoding", "identity");
    if let ConnectionRoute::Proxy(Some(credential)) = &connection.route {
        line("Proxy-Authorization", credential);
    }
    match framing {
        BodyFraming::Whole([]) if matches!(request.method, "GET" | "HEAD" | "DELETE") => {}
        BodyFraming::Whole(body) => line("Content-Length", &body.len().to_string()),
        BodyFraming::Length(len) => line("Content-Length", &len.to_string()),
        BodyFraming::Chunked => line("Transfer-Encoding", "chunked"),
    }
    if !matches!(framing, BodyFraming::Whole(_)) {
        line("Expect", "100-continue");
    }
    for (name, value) in &request.headers {
        // A line break in a value would be another header.
        let value: String = value.chars().filter(|char| !char.is_control()).collect();
        line(name, &value);
    }
    for (name, value) in &request.secret_headers {
        let value: String = value.expose().chars().filter(|char| !char.is_control()).collect();
        line(name, &value);
    }
    head.push_str("\r\n");
    head
}

pub(super) fn write_request(
    connection: &mut HttpConnection,
    head: &[u8],
    body: &[u8],
) -> io::Result<()> {
    write_slices(connection, &mut [IoSlice::new(head), IoSlice::new(body)])
}

pub(super) fn write_chunk(
    connection: &mut HttpConnection,
    slices: &mut [IoSlice<'_>],
    len: usize,
) -> io::Result<()> {
    let head = format!("{len:x}\r\n");
    let head = [IoSlice::new(head.as_bytes())];
    let mut all: Vec<IoSlice<'_>> = head.into_iter().chain(slices.iter().copied()).collect();
    all.push(IoSlice::new(b"\r\n"));
    write_slices(connection, &mut all)
}

pub(super) fn write_slices(
    connection: &mut HttpConnection,
    slices: &mut [IoSlice<'_>],
) -> io::Result<()> {
    let mut left = slices;
    IoSlice::advance_slices(&mut left, 0);
    while !left.is_empty() {
        match connection.stream().write_vectored(left) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(count) => IoSlice::advance_slices(&mut left, count),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
