//! A *stream* of bytes to a server, in the clear or through TLS, and the *connection* made of it.

use std::io::{self, BufReader, Read, Write};
use std::time::Duration;

use openssl::ssl::{ErrorCode, SslStream};

use super::HttpOrigin;
use super::socket::{ReadWait, Socket};

/// How much is read ahead, in bytes.
const READ_AHEAD: usize = 64 * 1024;

/// Bytes to and from a server. TLS may go through TLS: to a proxy, and through it.
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

    /// Tells whether the server has said something, or is gone.
    pub(super) fn has_input(&mut self) -> io::Result<bool> {
        if !self.socket().is_readable(Duration::ZERO)? {
            return Ok(matches!(self, Self::Tls(stream) if stream.ssl().pending() > 0));
        }
        let Self::Tls(stream) = self else { return Ok(true) };
        // What came may be a ticket for the next session and nothing for us.
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
                // One record for what is small: the headers of chunks and of stored data.
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

/// Writes the first slice that is long, or those before it together.
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

/// A stream to one origin on which requests follow one another.
#[derive(Debug)]
pub(super) struct HttpConnection {
    pub(super) origin: HttpOrigin,
    pub(super) reader: BufReader<HttpStream>,
    /// Sent to a proxy that passes on requests in the clear.
    pub(super) route: ConnectionRoute,
}

/// How requests on a connection are addressed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ConnectionRoute {
    /// To the origin, perhaps through a tunnel.
    Direct,
    /// To a proxy, with the whole URL and perhaps a credential for it.
    Proxy(Option<String>),
}

impl HttpConnection {
    pub(super) fn new(origin: HttpOrigin, stream: HttpStream, route: ConnectionRoute) -> Self {
        Self { origin, reader: BufReader::with_capacity(READ_AHEAD, stream), route }
    }

    pub(super) fn stream(&mut self) -> &mut HttpStream {
        self.reader.get_mut()
    }
}
