//! How a *connection* is made: to the server itself, or through a proxy.

use std::io::{self, BufReader, Write};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use super::head::ResponseHead;
use super::socket::Socket;
use super::stream::{Connection, Stream, Via};
use super::{HttpClient, HttpError, Origin, tls};
use crate::net::proxy::{ProxyAddress, ProxyScheme, RequestScheme};

/// A host that does not answer at all is given up sooner than one that is slow.
const CONNECT: Duration = Duration::from_secs(30);

/// Connects to a server.
pub(super) fn connect(client: &HttpClient, origin: &Origin) -> Result<Connection, HttpError> {
    let proxies = &client.options().proxies;
    let scheme = if origin.is_tls() { RequestScheme::Https } else { RequestScheme::Http };
    let Some(proxy) = proxies.for_url(scheme, &origin.host, origin.port) else {
        let stream = dial(client, &origin.host, origin.port)?;
        return finish(client, origin, stream, Via::Direct);
    };
    let stream = dial(client, proxy.host(), proxy.port());
    let mut stream = stream.map_err(|error| match error {
        HttpError::Connect { host, source } => {
            HttpError::Connect { host: format!("the proxy {host}"), source }
        }
        error => error,
    })?;
    if proxy.scheme() == ProxyScheme::Https {
        let (host, port) = (proxy.host().to_owned(), proxy.port());
        let to = Origin { scheme: "https".into(), host, port };
        stream = tls::wrap(client, &to, stream)?;
    }
    if !origin.is_tls() {
        return finish(client, origin, stream, Via::Proxy(authorization(proxy)));
    }
    let stream = tunnel(client, origin, proxy, stream)?;
    finish(client, origin, stream, Via::Direct)
}

fn finish(
    client: &HttpClient,
    origin: &Origin,
    stream: Stream,
    via: Via,
) -> Result<Connection, HttpError> {
    let stream = if origin.is_tls() { tls::wrap(client, origin, stream)? } else { stream };
    Ok(Connection::new(origin.clone(), stream, via))
}

fn dial(client: &HttpClient, host: &str, port: u16) -> Result<Stream, HttpError> {
    let name = host.trim_start_matches('[').trim_end_matches(']');
    let resolve = |source| HttpError::Resolve { host: host.into(), source };
    let addresses: Vec<SocketAddr> = (name, port).to_socket_addrs().map_err(resolve)?.collect();
    let stall = client.options().stall;
    let mut failed = io::Error::from(io::ErrorKind::AddrNotAvailable);
    for address in addresses {
        let connected = TcpStream::connect_timeout(&address, CONNECT.min(stall));
        let cancelled = Arc::clone(&client.options().cancelled);
        match connected.and_then(|tcp| Socket::new(tcp, stall, cancelled)) {
            Ok(socket) => return Ok(Stream::Plain(socket)),
            Err(error) => failed = error,
        }
    }
    Err(HttpError::Connect { host: format!("{host}:{port}"), source: failed })
}

/// Asks a proxy for a way through it (RFC 9110, 9.3.6).
fn tunnel(
    client: &HttpClient,
    origin: &Origin,
    proxy: &ProxyAddress,
    mut stream: Stream,
) -> Result<Stream, HttpError> {
    let stall = client.options().stall;
    let target = format!("{}:{}", origin.host, origin.port);
    client.trace(|| format!("> CONNECT {target} through {}:{}", proxy.host(), proxy.port()));
    let authorization = authorization(proxy);
    let authorization =
        authorization.iter().map(|value| format!("Proxy-Authorization: {value}\r\n"));
    let authorization: String = authorization.collect();
    let request = format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n{authorization}\r\n");
    let lost = |error| HttpError::io(error, stall);
    stream.write_all(request.as_bytes()).map_err(lost)?;
    // The server behind it says nothing before we do, so nothing is read too far.
    let mut reader = BufReader::new(stream);
    let head = ResponseHead::read(&mut reader, stall)?;
    client.trace(|| format!("< {}", head.status));
    if !(200..300).contains(&head.status) {
        let proxy = format!("{}:{}", proxy.host(), proxy.port());
        return Err(HttpError::Proxy { proxy, status: head.status });
    }
    Ok(reader.into_inner())
}

/// Returns what is shown to the proxy, and to nobody else.
fn authorization(proxy: &ProxyAddress) -> Option<String> {
    let user = proxy.user()?;
    let pair = format!("{}:{}", user.name, user.password.expose());
    Some(format!("Basic {}", BASE64_STANDARD.encode(pair)))
}
