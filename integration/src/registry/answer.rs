//! An **answer** is a response before it is sent: status, headers and body.

use std::fmt::Write as _;

use serde_json::json;

use super::wire::RequestHead;

/// Response of the registry to a request.
#[derive(Debug, Clone)]
pub(super) struct RegistryAnswer {
    pub(super) status: u16,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
    /// Value of `Content-Length`, if it is not the length of the body.
    len: Option<u64>,
}

/// What happens to the connection after an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NextStep {
    /// It stays open for the next request.
    Next,
    /// It is closed.
    Close,
}

impl RegistryAnswer {
    pub(super) fn new(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: Vec::new(), len: None }
    }

    pub(super) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    pub(super) fn body(mut self, media_type: &str, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self.with("Content-Type", media_type)
    }

    /// Returns the response to `HEAD` for a content of this length.
    pub(super) fn length(len: u64, media_type: &str) -> Self {
        Self { len: Some(len), ..Self::new(200).body(media_type, []) }
    }

    /// Returns an error in the form of the distribution specification.
    pub(super) fn error(status: u16, code: &str, message: &str) -> Self {
        let error = json!({ "errors": [{ "code": code, "message": message }] });
        Self::new(status).body("application/json", error.to_string())
    }

    /// Returns the content, or the requested range of it (RFC 9110, 14.2).
    pub(super) fn content(head: &RequestHead, media_type: &str, bytes: &[u8]) -> Self {
        let range = head.header("range").and_then(|range| range.strip_prefix("bytes="));
        let Some((first, last)) = range.and_then(|range| range.split_once('-')) else {
            return Self::new(200).body(media_type, bytes);
        };
        let first = first.parse::<usize>().unwrap_or(usize::MAX);
        let last = last.parse().unwrap_or(usize::MAX).min(bytes.len().saturating_sub(1));
        let total = bytes.len();
        if first > last || first >= total {
            return Self::new(416).with("Content-Range", format!("bytes */{total}"));
        }
        let range = format!("bytes {first}-{last}/{total}");
        Self::new(206).with("Content-Range", range).body(media_type, &bytes[first..=last])
    }

    /// Returns the bytes that are sent.
    pub(super) fn to_bytes(&self, method: &str, then: NextStep) -> Vec<u8> {
        let mut head = format!("HTTP/1.1 {} {}\r\n", self.status, phrase(self.status));
        for (name, value) in &self.headers {
            write!(head, "{name}: {value}\r\n").unwrap();
        }
        head.push_str("Docker-Distribution-Api-Version: registry/2.0\r\n");
        if self.status != 204 {
            write!(head, "Content-Length: {}\r\n", self.len.unwrap_or(self.body.len() as u64))
                .unwrap();
        }
        if then == NextStep::Close {
            head.push_str("Connection: close\r\n");
        }
        head.push_str("\r\n");
        let mut bytes = head.into_bytes();
        if method != "HEAD" {
            bytes.extend_from_slice(&self.body);
        }
        bytes
    }
}

fn phrase(status: u16) -> &'static str {
    match status {
        200 => "OK",
        201 => "Created",
        202 => "Accepted",
        204 => "No Content",
        206 => "Partial Content",
        307 => "Temporary Redirect",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        408 => "Request Timeout",
        413 => "Content Too Large",
        416 => "Range Not Satisfiable",
        429 => "Too Many Requests",
        500 => "Internal Server Error",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        507 => "Insufficient Storage",
        _ => "Other",
    }
}
