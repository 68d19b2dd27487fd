//! A *stream* of bytes to a server, with or without TLS, and the *connection* made of it.

use std::io::{self, BufReader, Read, Write};
use std::time::Duration;

use openssl::ssl::{ErrorCode, SslStream};

use super::limits::ConnectionSlot;
use super::socket::{ReadWait, Socket};
use super::{HttpOrigin, ServerPolicy};

/// Size of the read buffer in bytes.
const READ_AHEAD: usize = 64 * 1024;

/// A stream of bytes to and from a server. TLS can be nested: to a proxy, and through it.
#[derive(Debug)]
pub(super) enum HttpStream {
    Plain(Socket),
    Tls(Box<SslStream<HttpStream>>),
}

impl HttpStream {
    pub(super) fn socket(&self) -> &Socket {
        match self {
            Self::Plain(socket) => socket,
            Self::Tls(stream) => stream.get_ref().socket(),
        }
    }

    /// Returns whether the server has sent something or closed the connection.
    pub(super) fn has_input(&mut self) -> io::Result<bool> {
        if !self.socket().is_readable(Duration::ZERO)? {
            return Ok(matches!(self, Self::Tls(stream) if stream.ssl().pending() > 0));
        }
        let Self::Tls(stream) = self else { return Ok(true) };
        // The bytes may be a session ticket, without any data.
        stream.get_ref().socket().set_read_wait(ReadWait::Never);
        let peeked = stream.ssl_peek(&mut [0]);
        stream.get_ref().socket().set_read_wait(ReadWait::Deadline);
        Ok(!matches!(peeked, Err(error) if error.code() == ErrorCode::WANT_READ))
    }
}

impl Read for HttpStream {
    fn read(&mut self, space: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(stream) => stream.read(space),
            Self::Tls(stream) => stream.read(space),
        }
    }
}

impl Write for HttpStream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(stream) => stream.write(bytes),
            Self::Tls(stream) => stream.write(bytes),
        }
    }

    fn write_vectored(&mut self, slices: &[io::IoSlice<'_>]) -> io::Result<usize> {
        match self {
            Self::Plain(stream) => stream.write_vectored(slices),
            Self::Tls(stream) => {
                // Small slices, such as the heads of chunks, share one record.
                let small: usize = slices.iter().map(|slice| slice.len()).sum();
                if small > TLS_RECORD || slices.len() == 1 {
                    return write_start(stream, slices);
                }
                let bytes: Vec<u8> =
                    slices.iter().flat_map(|slice| slice.iter().copied()).collect();
                stream.write(&bytes)
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(stream) => stream.flush(),
            Self::Tls(stream) => stream.flush(),
        }
    }
}

/// The longest record of TLS, in bytes.
const TLS_RECORD: usize = 16 * 1024;

/// Writes the slices that fit one record together, or the first one if it is longer.
fn write_start(
    stream: &mut SslStream<HttpStream>,
    slices: &[io::IoSlice<'_>],
) -> io::Result<usize> {
    let mut record = Vec::new();
    for slice in slices {
        if record.len() + slice.len() > TLS_RECORD {
            break;
        }
        record.extend_from_slice(slice);
    }
    match slices.first() {
        Some(first) if record.is_empty() => stream.write(first),
        _ => stream.write(&record),
    }
}

/// A stream to one origin, which is used for one request after another.
#[derive(Debug)]
pub(super) struct HttpConnection {
    pub(super) origin: HttpOrigin,
    pub(super) policy: ServerPolicy,
    pub(super) reader: BufReader<HttpStream>,
    /// How requests are addressed.
    pub(super) route: ConnectionRoute,
    /// Its place among the connections to the server, if it is counted.
    pub(super) slot: Option<ConnectionSlot>,
}

/// How requests on a connection are addressed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ConnectionRoute {
    /// To the origin, perhaps through a tunnel.
    Direct,
    /// To a proxy, with the whole URL and perhaps the value of `Proxy-Authorization`.
    Proxy(Option<String>),
}

impl HttpConnection {
    pub(super) fn new(
        origin: HttpOrigin,
        policy: ServerPolicy,
        stream: HttpStream,
        route: ConnectionRoute,
    ) -> Self {
        let reader = BufReader::with_capacity(READ_AHEAD, stream);
        Self { origin, policy, reader, route, slot: None }
    }

    pub(super) fn stream(&mut self) -> &mut HttpStream {
        self.reader.get_mut()
    }
}
