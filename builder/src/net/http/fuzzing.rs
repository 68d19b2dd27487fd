//! A request on a connection that exists already, for a fuzz target.

use std::io::IoSlice;
use std::net::TcpStream;
use std::sync::Arc;

use url::Url;

use super::socket::Socket;
use super::stream::{ConnectionRoute, HttpConnection, HttpStream};
use super::{
    BodyFraming, HttpClient, HttpError, HttpExchange, HttpRequest, HttpResponse, SendError,
    ServerPolicy, url_origin,
};

/// Sends a request and returns the response. With a body the request waits for `100 Continue`, and sends
/// the body in chunks.
pub(crate) fn exchange_on(
    client: &HttpClient,
    tcp: TcpStream,
    request: &HttpRequest<'_>,
    body: &[u8],
) -> Result<HttpResponse, HttpError> {
    let options = client.options();
    let socket = Socket::new(tcp, options.stall, Arc::clone(&options.cancelled))
        .map_err(|error| HttpError::from_io(error, options.stall))?;
    let connection = HttpConnection::new(
        url_origin(request.url)?,
        ServerPolicy::default(),
        HttpStream::Plain(socket),
        ConnectionRoute::Direct,
    );
    if body.is_empty() {
        return client.send_on(connection, request, body);
    }
    let mut exchange = HttpExchange::start(client, connection, request, BodyFraming::Chunked)?;
    match exchange.send(&mut [IoSlice::new(body)]) {
        Ok(()) | Err(SendError::Answered) => exchange.finish(request.timeout),
        Err(SendError::Http(error)) => Err(error),
    }
}

/// Returns the URL of the server in a fuzz target.
pub(crate) fn server_url() -> Result<Url, HttpError> {
    Url::parse("http://127.0.0.1/").map_err(|error| HttpError::Url(error.to_string()))
}
