//! *Connecting* to a server, directly or through a proxy.

use std::io::{BufReader, Write};
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use super::head::ResponseHead;
use super::socket::{Socket, is_cancelled};
use super::socks::{SocksError, connect_socks};
use super::stream::{ConnectionRoute, HttpConnection, HttpStream};
use super::{HttpClient, HttpError, HttpOrigin, ServerPolicy, address, tls};
use crate::net::proxy::{ProxyAddress, ProxyScheme, RequestScheme};

/// The longest time for a TCP connection, which is shorter than the default stall time.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);

/// Connects to a server.
pub(super) fn connect(
    client: &HttpClient,
    origin: &HttpOrigin,
    policy: ServerPolicy,
) -> Result<HttpConnection, HttpError> {
    let to = (origin, policy);
    let proxies = &client.options().proxies;
    let scheme = if origin.is_tls() { RequestScheme::Https } else { RequestScheme::Http };
    let Some(proxy) = proxies.for_server(scheme, &origin.host, origin.port)? else {
        let addresses = resolve_host(&origin.host, origin.port)?;
        client.check_addresses(origin, &addresses)?;
        let stream = connect_tcp(client, &origin.host, origin.port, addresses)?;
        return make_connection(client, to, stream, ConnectionRoute::Direct);
    };
    let addresses = resolve_host(proxy.host(), proxy.port())?;
    let stream = connect_tcp(client, proxy.host(), proxy.port(), addresses);
    let mut stream = stream.map_err(|error| match error {
        HttpError::Connect { host, source, was_reached } => {
            HttpError::Connect { host: format!("the proxy {host}"), source, was_reached }
        }
        error => error,
    })?;
    if proxy.scheme() == ProxyScheme::Socks5 {
        ask_socks_proxy(client, origin, proxy, &mut stream)?;
        return make_connection(client, to, stream, ConnectionRoute::Direct);
    }
    if proxy.scheme() == ProxyScheme::Https {
        let (host, port) = (proxy.host().to_owned(), proxy.port());
        let at = HttpOrigin { scheme: "https".into(), host, port };
        stream = tls::connect_tls(client, &at, ServerPolicy::default(), stream)?;
    }
    if !origin.is_tls() {
        return make_connection(
            client,
            to,
            stream,
            ConnectionRoute::Proxy(proxy_authorization(proxy)),
        );
    }
    let stream = open_tunnel(client, origin, proxy, stream)?;
    make_connection(client, to, stream, ConnectionRoute::Direct)
}

fn make_connection(
    client: &HttpClient,
    (origin, policy): (&HttpOrigin, ServerPolicy),
    stream: HttpStream,
    via: ConnectionRoute,
) -> Result<HttpConnection, HttpError> {
    let stream =
        if origin.is_tls() { tls::connect_tls(client, origin, policy, stream)? } else { stream };
    Ok(HttpConnection::new(origin.clone(), policy, stream, via))
}

/// Returns the addresses of a host. An IPv6 address may have its brackets.
pub(super) fn resolve_host(host: &str, port: u16) -> Result<Vec<SocketAddr>, HttpError> {
    let name = host.trim_start_matches('[').trim_end_matches(']');
    let failed = |source| HttpError::Resolve { host: host.into(), source };
    Ok((name, port).to_socket_addrs().map_err(failed)?.collect())
}

fn connect_tcp(
    client: &HttpClient,
    host: &str,
    port: u16,
    mut addresses: Vec<SocketAddr>,
) -> Result<HttpStream, HttpError> {
    let reached = client.reached_address(host, port);
    // The address that worked before is tried first.
    addresses.sort_by_key(|address| Some(*address) != reached);
    let stall = client.options().stall;
    let cancelled = Arc::clone(&client.options().cancelled);
    let connected = address::connect_any(&addresses, CONNECT_TIMEOUT.min(stall), &*cancelled);
    let opened = connected
        .and_then(|(address, tcp)| Ok((address, Socket::new(tcp, stall, Arc::clone(&cancelled))?)));
    match opened {
        Ok((address, socket)) => {
            client.remember_address(host, port, address);
            Ok(HttpStream::Plain(socket))
        }
        Err(error) if is_cancelled(&error) => Err(HttpError::Cancelled),
        Err(source) => {
            let host = format!("{host}:{port}");
            Err(HttpError::Connect { host, source, was_reached: reached.is_some() })
        }
    }
}

/// Asks a SOCKS proxy to connect to the server.
fn ask_socks_proxy(
    client: &HttpClient,
    origin: &HttpOrigin,
    proxy: &ProxyAddress,
    stream: &mut HttpStream,
) -> Result<(), HttpError> {
    let named = format!("{}:{}", proxy.host(), proxy.port());
    client.trace(|| format!("> SOCKS5 {}:{} through {named}", origin.host, origin.port));
    let asked = connect_socks(stream, proxy.user(), &origin.host, origin.port);
    asked.map_err(|error| match error {
        SocksError::Io(error) => HttpError::from_io(error, client.options().stall),
        SocksError::Failure(failure) => HttpError::Socks { proxy: named, failure },
    })
}

/// Opens a tunnel through a proxy with `CONNECT` (RFC 9110, 9.3.6).
fn open_tunnel(
    client: &HttpClient,
    origin: &HttpOrigin,
    proxy: &ProxyAddress,
    mut stream: HttpStream,
) -> Result<HttpStream, HttpError> {
    let stall = client.options().stall;
    let target = format!("{}:{}", origin.host, origin.port);
    client.trace(|| format!("> CONNECT {target} through {}:{}", proxy.host(), proxy.port()));
    let authorization = proxy_authorization(proxy);
    let authorization =
        authorization.iter().map(|value| format!("Proxy-Authorization: {value}\r\n"));
    let authorization: String = authorization.collect();
    let request = format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n{authorization}\r\n");
    let lost = |error| HttpError::from_io(error, stall);
    stream.write_all(request.as_bytes()).map_err(lost)?;
    // The server sends nothing before the client does, so the reader holds no bytes of it.
    let mut reader = BufReader::new(stream);
    let head = ResponseHead::read(&mut reader, stall)?;
    client.trace(|| format!("< {}", head.status));
    if !(200..300).contains(&head.status) {
        let proxy = format!("{}:{}", proxy.host(), proxy.port());
        return Err(HttpError::Proxy { proxy, status: head.status });
    }
    Ok(reader.into_inner())
}

/// Returns the value of `Proxy-Authorization`, which only the proxy may get.
fn proxy_authorization(proxy: &ProxyAddress) -> Option<String> {
    let user = proxy.user()?;
    let pair = format!("{}:{}", user.name, user.password.expose());
    Some(format!("Basic {}", BASE64_STANDARD.encode(pair)))
}
