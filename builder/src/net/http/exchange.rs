//! An *exchange* is a request that is being sent, and its response. The server may respond before
//! the body is complete; then the rest is not sent.

use std::io::{IoSlice, Write};
use std::time::Duration;

use super::body::{ConnectionReuse, HttpResponse};
use super::head::{INTERIM_MAX, ResponseHead, too_many_interim};
use super::stream::HttpConnection;
use super::wire::{self, BodyFraming};
use super::{HttpClient, HttpError, HttpRequest, redact_url};

/// A request that is being sent.
pub(crate) struct HttpExchange {
    client: HttpClient,
    method: &'static str,
    /// Moves to the response.
    connection: Option<HttpConnection>,
    body: BodyProgress,
    early_response: Option<HttpResponse>,
    /// Bytes that were sent since the last check for a response.
    sent_unchecked: usize,
}

/// What is still to be sent of a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum BodyProgress {
    Done,
    Length(u64),
    Chunked,
}

/// Why the rest of a body is not sent.
#[derive(Debug)]
pub(crate) enum SendError {
    /// The server has responded already: see [`HttpExchange::finish`].
    Answered,
    /// The connection failed.
    Http(HttpError),
}

/// How long to wait for `100 Continue`; after that the body is sent, as some servers never send it.
const CONTINUE_TIMEOUT: Duration = Duration::from_secs(1);

/// Bytes of a body between checks for an early response.
const CHECK_INTERVAL: usize = 1 << 20;

/// How long to wait for the response of a server that has stopped reading.
const LAST_RESPONSE_TIMEOUT: Duration = Duration::from_secs(2);

impl HttpExchange {
    pub(super) fn start(
        client: &HttpClient,
        mut connection: HttpConnection,
        request: &HttpRequest<'_>,
        framing: BodyFraming<'_>,
    ) -> Result<Self, HttpError> {
        client.trace(|| format!("> {} {}", request.method, redact_url(request.url)));
        let stall = client.options().stall;
        let lost = |error| HttpError::from_io(error, stall);
        connection.stream().socket().set_deadline(stall);
        let head = wire::request_head(&connection, request, framing);
        let sent = match framing {
            BodyFraming::Whole(body) => wire::write_request(&mut connection, head.as_bytes(), body),
            _ => connection.stream().write_all(head.as_bytes()),
        };
        let body = match framing {
            BodyFraming::Whole(_) => BodyProgress::Done,
            BodyFraming::Length(len) => BodyProgress::Length(len),
            BodyFraming::Chunked => BodyProgress::Chunked,
        };
        let mut exchange = Self {
            client: client.clone(),
            method: request.method,
            connection: Some(connection),
            body,
            early_response: None,
            sent_unchecked: 0,
        };
        if let Err(error) = sent {
            exchange.read_last_response(lost(error))?;
        }
        if body != BodyProgress::Done {
            exchange.wait_for_continue()?;
        }
        Ok(exchange)
    }

    /// Waits for `100 Continue`, or for the response that the server sends instead.
    fn wait_for_continue(&mut self) -> Result<(), HttpError> {
        let stall = self.client.options().stall;
        let Some(connection) = &mut self.connection else { return Ok(()) };
        for _ in 0..=INTERIM_MAX {
            let socket = connection.reader.get_ref().socket();
            let spoken = !connection.reader.buffer().is_empty()
                || socket
                    .is_readable(CONTINUE_TIMEOUT)
                    .map_err(|error| HttpError::from_io(error, stall))?;
            if !spoken
                || !connection.stream().has_input().map_err(|e| HttpError::from_io(e, stall))?
            {
                return Ok(());
            }
            let head = ResponseHead::read(&mut connection.reader, stall)?;
            match head.status {
                100 => return Ok(()),
                101..200 => {}
                _ => {
                    self.accept_early_response(head);
                    return Ok(());
                }
            }
        }
        Err(too_many_interim())
    }

    /// Returns whether the server has responded already.
    pub(crate) fn has_response(&self) -> bool {
        self.early_response.is_some()
    }

    /// Sends more of the body.
    pub(crate) fn send(&mut self, slices: &mut [IoSlice<'_>]) -> Result<(), SendError> {
        if self.early_response.is_some() {
            return Err(SendError::Answered);
        }
        let len: usize = slices.iter().map(|slice| slice.len()).sum();
        if len == 0 {
            return Ok(());
        }
        self.sent_unchecked += len;
        if self.sent_unchecked >= CHECK_INTERVAL {
            self.sent_unchecked = 0;
            self.check_for_response()?;
        }
        let Some(connection) = &mut self.connection else { return Err(SendError::Answered) };
        let sent = match &mut self.body {
            BodyProgress::Chunked => wire::write_chunk(connection, slices, len),
            BodyProgress::Length(left) => {
                *left = left.saturating_sub(len as u64);
                wire::write_slices(connection, slices)
            }
            BodyProgress::Done => Ok(()),
        };
        sent.or_else(|error| {
            let error = HttpError::from_io(error, self.client.options().stall);
            self.read_last_response(error).map_err(SendError::Http)?;
            Err(SendError::Answered)
        })
    }

    /// Accepts a response that has arrived already.
    fn check_for_response(&mut self) -> Result<(), SendError> {
        let stall = self.client.options().stall;
        let lost = |error| SendError::Http(HttpError::from_io(error, stall));
        let Some(connection) = &mut self.connection else { return Err(SendError::Answered) };
        if connection.reader.buffer().is_empty()
            && !connection.stream().has_input().map_err(lost)?
        {
            return Ok(());
        }
        let head = ResponseHead::read(&mut connection.reader, stall).map_err(SendError::Http)?;
        // A late `100 Continue` is ignored.
        if head.status < 200 {
            return Ok(());
        }
        self.accept_early_response(head);
        Err(SendError::Answered)
    }

    /// Waits for the response of a server that has stopped reading; without one, returns `error`.
    fn read_last_response(&mut self, error: HttpError) -> Result<(), HttpError> {
        let Some(connection) = &mut self.connection else { return Err(error) };
        let socket = connection.reader.get_ref().socket();
        if !socket.is_readable(LAST_RESPONSE_TIMEOUT).unwrap_or(false) {
            return Err(error);
        }
        socket.set_deadline(LAST_RESPONSE_TIMEOUT);
        match ResponseHead::read_final(&mut connection.reader, LAST_RESPONSE_TIMEOUT) {
            Ok(head) => {
                self.accept_early_response(head);
                Ok(())
            }
            // An alert of TLS explains the end of the connection.
            Err(alert @ HttpError::ClientCertificate(_)) => Err(alert),
            Err(_) => Err(error),
        }
    }

    fn accept_early_response(&mut self, head: ResponseHead) {
        let Some(connection) = self.connection.take() else { return };
        self.client.trace(|| format!("< {} before the body was sent", head.status));
        let reuse = ConnectionReuse::Impossible;
        self.early_response =
            Some(HttpResponse::new(&self.client, connection, head, self.method, reuse));
    }

    /// Ends the body and returns the response; waits for `timeout`, or the stall time.
    pub(crate) fn finish(&mut self, timeout: Option<Duration>) -> Result<HttpResponse, HttpError> {
        let stall = self.client.options().stall;
        if let Some(early) = self.early_response.take() {
            return Ok(early);
        }
        let Some(mut connection) = self.connection.take() else { return Err(HttpError::Closed) };
        if self.body == BodyProgress::Chunked
            && let Err(error) = connection.stream().write_all(b"0\r\n\r\n")
        {
            self.connection = Some(connection);
            self.read_last_response(HttpError::from_io(error, stall))?;
            return self.early_response.take().ok_or(HttpError::Closed);
        }
        let timeout = timeout.unwrap_or(stall);
        connection.stream().socket().set_deadline(timeout);
        let head = ResponseHead::read_final(&mut connection.reader, timeout)?;
        connection.stream().socket().set_deadline(stall);
        self.client.trace(|| format!("< {}", head.status));
        let reuse = match self.body {
            BodyProgress::Length(1..) => ConnectionReuse::Impossible,
            _ => ConnectionReuse::Possible,
        };
        Ok(HttpResponse::new(&self.client, connection, head, self.method, reuse))
    }
}
