//! An *exchange* is a request that is being sent, and its answer. The server may answer before all
//! is sent; then the rest is not sent.

use std::io::{IoSlice, Write};
use std::time::Duration;

use super::body::{HttpResponse, Reuse};
use super::head::ResponseHead;
use super::stream::Connection;
use super::wire::{self, BodyFraming};
use super::{HttpClient, HttpError, HttpRequest, redacted};

/// A request that is being sent.
pub(crate) struct HttpExchange {
    client: HttpClient,
    method: &'static str,
    /// Until the answer takes it.
    connection: Option<Connection>,
    body: Sending,
    early: Option<HttpResponse>,
    /// Sent since the server was last listened to, in bytes.
    unheard: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sending {
    Done,
    Length(u64),
    Chunked,
}

/// Why the rest of a body should not be sent.
#[derive(Debug)]
pub(crate) enum SendError {
    /// The server has answered already: see [`HttpExchange::answer`].
    Answered,
    /// It could not be sent.
    Http(HttpError),
}

/// How long a server may take to ask for a body; those that do not know how are sent it anyway.
const EXPECT: Duration = Duration::from_secs(1);

/// How much is sent without looking whether the server has answered, in bytes.
const LISTEN: usize = 1 << 20;

/// How long the answer of a server that has stopped reading may take to arrive.
const LAST_WORDS: Duration = Duration::from_secs(2);

impl HttpExchange {
    pub(super) fn start(
        client: &HttpClient,
        mut connection: Connection,
        request: &HttpRequest<'_>,
        framing: BodyFraming<'_>,
    ) -> Result<Self, HttpError> {
        client.trace(|| format!("> {} {}", request.method, redacted(request.url)));
        let stall = client.options().stall;
        let lost = |error| HttpError::io(error, stall);
        connection.stream().socket().set_deadline(stall);
        let head = wire::head(&connection, request, framing);
        let sent = match framing {
            BodyFraming::Whole(body) => wire::write_both(&mut connection, head.as_bytes(), body),
            _ => connection.stream().write_all(head.as_bytes()),
        };
        let body = match framing {
            BodyFraming::Whole(_) => Sending::Done,
            BodyFraming::Length(len) => Sending::Length(len),
            BodyFraming::Chunked => Sending::Chunked,
        };
        let mut exchange = Self {
            client: client.clone(),
            method: request.method,
            connection: Some(connection),
            body,
            early: None,
            unheard: 0,
        };
        if let Err(error) = sent {
            exchange.listen_last(lost(error))?;
        }
        if body != Sending::Done {
            exchange.wait_for_leave()?;
        }
        Ok(exchange)
    }

    /// Waits for `100 Continue`, or for what the server says instead.
    fn wait_for_leave(&mut self) -> Result<(), HttpError> {
        let stall = self.client.options().stall;
        let Some(connection) = &mut self.connection else { return Ok(()) };
        loop {
            let socket = connection.reader.get_ref().socket();
            let spoken = !connection.reader.buffer().is_empty()
                || socket.is_readable(EXPECT).map_err(|error| HttpError::io(error, stall))?;
            if !spoken || !connection.stream().has_input().map_err(|e| HttpError::io(e, stall))? {
                return Ok(());
            }
            let head = ResponseHead::read(&mut connection.reader, stall)?;
            match head.status {
                100 => return Ok(()),
                101..200 => {}
                _ => {
                    self.answered(head);
                    return Ok(());
                }
            }
        }
    }

    /// Tells whether the server has answered already.
    pub(crate) fn is_answered(&self) -> bool {
        self.early.is_some()
    }

    /// Sends more of the body.
    pub(crate) fn send(&mut self, slices: &mut [IoSlice<'_>]) -> Result<(), SendError> {
        if self.early.is_some() {
            return Err(SendError::Answered);
        }
        let len: usize = slices.iter().map(|slice| slice.len()).sum();
        if len == 0 {
            return Ok(());
        }
        self.unheard += len;
        if self.unheard >= LISTEN {
            self.unheard = 0;
            self.listen()?;
        }
        let Some(connection) = &mut self.connection else { return Err(SendError::Answered) };
        let sent = match &mut self.body {
            Sending::Chunked => wire::write_chunk(connection, slices, len),
            Sending::Length(left) => {
                *left = left.saturating_sub(len as u64);
                wire::write_slices(connection, slices)
            }
            Sending::Done => Ok(()),
        };
        sent.or_else(|error| {
            let error = HttpError::io(error, self.client.options().stall);
            self.listen_last(error).map_err(SendError::Http)?;
            Err(SendError::Answered)
        })
    }

    /// Takes an answer that is there already.
    fn listen(&mut self) -> Result<(), SendError> {
        let stall = self.client.options().stall;
        let lost = |error| SendError::Http(HttpError::io(error, stall));
        let Some(connection) = &mut self.connection else { return Err(SendError::Answered) };
        if connection.reader.buffer().is_empty()
            && !connection.stream().has_input().map_err(lost)?
        {
            return Ok(());
        }
        let head = ResponseHead::read(&mut connection.reader, stall).map_err(SendError::Http)?;
        // A late `100 Continue` changes nothing.
        if head.status < 200 {
            return Ok(());
        }
        self.answered(head);
        Err(SendError::Answered)
    }

    /// Looks for an answer of a server that has stopped reading; without one, `error` it is.
    fn listen_last(&mut self, error: HttpError) -> Result<(), HttpError> {
        let Some(connection) = &mut self.connection else { return Err(error) };
        let socket = connection.reader.get_ref().socket();
        if !socket.is_readable(LAST_WORDS).unwrap_or(false) {
            return Err(error);
        }
        socket.set_deadline(LAST_WORDS);
        loop {
            match ResponseHead::read(&mut connection.reader, LAST_WORDS) {
                Ok(head) if head.status < 200 => {}
                Ok(head) => {
                    self.answered(head);
                    return Ok(());
                }
                // An alert of TLS is its last word too.
                Err(alert @ HttpError::Alert(_)) => return Err(alert),
                Err(_) => return Err(error),
            }
        }
    }

    fn answered(&mut self, head: ResponseHead) {
        let Some(connection) = self.connection.take() else { return };
        self.client.trace(|| format!("< {} before the body was sent", head.status));
        let reuse = Reuse::Impossible;
        self.early = Some(HttpResponse::new(&self.client, connection, head, self.method, reuse));
    }

    /// Ends the body and returns the answer; waits `patience` for it, or the stall time.
    pub(crate) fn answer(&mut self, patience: Option<Duration>) -> Result<HttpResponse, HttpError> {
        let stall = self.client.options().stall;
        if let Some(early) = self.early.take() {
            return Ok(early);
        }
        let Some(mut connection) = self.connection.take() else { return Err(HttpError::Closed) };
        if self.body == Sending::Chunked
            && let Err(error) = connection.stream().write_all(b"0\r\n\r\n")
        {
            self.connection = Some(connection);
            self.listen_last(HttpError::io(error, stall))?;
            return self.early.take().ok_or(HttpError::Closed);
        }
        let patience = patience.unwrap_or(stall);
        connection.stream().socket().set_deadline(patience);
        let head = loop {
            let head = ResponseHead::read(&mut connection.reader, patience)?;
            if head.status >= 200 {
                break head;
            }
        };
        connection.stream().socket().set_deadline(stall);
        self.client.trace(|| format!("< {}", head.status));
        let reuse = match self.body {
            Sending::Length(1..) => Reuse::Impossible,
            _ => Reuse::Possible,
        };
        Ok(HttpResponse::new(&self.client, connection, head, self.method, reuse))
    }
}
