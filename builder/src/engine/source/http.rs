//! *Downloads*: a file on a server, read as a stream. Redirects are followed, but never from https to
//! http. A download that breaks off is resumed, there or at a mirror, if the file is still the same.

use std::io::{self, Read};
use std::ops::ControlFlow;

use url::Url;

use super::download::DownloadError;
use crate::net::http::{
    self, Attempts, HttpClient, HttpError, HttpRequest, ResponseHead, retry_after,
};
use crate::recipe::{DownloadDetails, SourceRole};

/// After so many more bytes a server has all its attempts again.
const PROGRESS: u64 = 1 << 20;

/// A file on a server.
pub(super) struct DownloadSource<'a> {
    pub(super) url: &'a str,
    pub(super) client: HttpClient,
    /// What else is known of it.
    pub(super) details: Option<&'a DownloadDetails>,
    pub(super) role: SourceRole,
}

impl DownloadSource<'_> {
    /// Asks for the file until a server begins to send it.
    pub(super) fn request(&self) -> Result<Response, DownloadError> {
        Response::get(&self.client, self.url, self.details, self.role)
    }
}

impl std::fmt::Debug for DownloadSource<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DownloadSource").field("url", &self.url).finish_non_exhaustive()
    }
}

/// A file that is being received.
pub(super) struct Response {
    client: HttpClient,
    role: SourceRole,
    /// URLs of the file; those that do not have it are removed.
    urls: Vec<Url>,
    /// Number of the URL that is requested.
    current: usize,
    body: Option<http::HttpResponse>,
    /// Size of the whole file in bytes, as the servers or the publisher declare it.
    len: Option<u64>,
    published: Option<u64>,
    /// Validator of this state of the file: a strong `ETag`, or `Last-Modified`.
    state: Option<String>,
    /// Number of bytes that were read.
    at: u64,
    attempts: Attempts,
    /// Offset from which a server has all its attempts again.
    renewed_at: u64,
}

impl Response {
    fn get(
        client: &HttpClient,
        url: &str,
        download: Option<&DownloadDetails>,
        role: SourceRole,
    ) -> Result<Self, DownloadError> {
        let mirrors = download.into_iter().flat_map(|download| &download.mirrors);
        let all = std::iter::once(url).chain(mirrors.map(String::as_str));
        let published = download.and_then(|download| download.size);
        let parse = |url: &str| Url::parse(url).map_err(|_| HttpError::Url(url.into()));
        let mut response = Self {
            client: client.clone(),
            role,
            urls: all.map(parse).collect::<Result<Vec<_>, _>>()?,
            current: 0,
            body: None,
            len: published,
            published,
            state: None,
            at: 0,
            attempts: client.attempts(),
            renewed_at: PROGRESS,
        };
        response.connect()?;
        Ok(response)
    }

    /// Returns the size of the file in bytes, if it is declared.
    pub(super) fn len(&self) -> Option<u64> {
        self.len
    }

    /// Reads some other part of the same file, if the server can send parts.
    pub(super) fn read_at(&self, space: &mut [u8], at: u64) -> io::Result<()> {
        let range = format!("bytes={at}-{}", at + space.len() as u64 - 1);
        let url = self.urls.get(self.current).ok_or(io::ErrorKind::NotFound)?;
        let request = HttpRequest::new("GET", url).header("Range", range);
        let mut response = self.client.follow(&request).map_err(io::Error::other)?;
        if response.head.status != 206 {
            return Err(io::Error::other(status(&response.head)));
        }
        response.read_exact(space)
    }

    fn connect(&mut self) -> Result<(), DownloadError> {
        loop {
            let Err(error) = self.ask() else { return Ok(()) };
            self.failed(error)?;
        }
    }

    /// Requests the rest of the file from one server.
    fn ask(&mut self) -> Result<(), DownloadError> {
        let Some(url) = self.urls.get(self.current) else { return Err(DownloadError::Changed) };
        let mut request = HttpRequest::new("GET", url);
        if self.at > 0 {
            request = request.header("Range", format!("bytes={}-", self.at));
            if let Some(state) = &self.state {
                request = request.header("If-Range", state);
            }
        }
        let mut body = self.client.follow(&request)?;
        let len = match body.head.status {
            200 => body.head.content_length(),
            206 if self.at > 0 => Some(part(&body.head, self.at).ok_or(DownloadError::Changed)?),
            416 if self.at > 0 => return Err(DownloadError::Changed),
            _ => return Err(status(&body.head)),
        };
        self.check(&body.head, len)?;
        if body.head.status == 200 {
            // A server that cannot send parts sends it all again.
            let skipped = io::copy(&mut (&mut body).take(self.at), &mut io::sink());
            if skipped.map_err(|error| self.broken(error))? < self.at {
                return Err(DownloadError::Changed);
            }
        }
        self.len = len.or(self.len);
        self.state = state(&body.head);
        self.body = Some(body);
        Ok(())
    }

    /// Fails if what a server is about to send cannot be the file.
    fn check(&self, head: &ResponseHead, len: Option<u64>) -> Result<(), DownloadError> {
        let is_identity = |value: &&str| value.trim().is_empty() || *value == "identity";
        if let Some(encoding) = head.header("content-encoding").filter(|it| !is_identity(it)) {
            return Err(DownloadError::Encoded(encoding.into()));
        }
        let kind = head.header("content-type").unwrap_or_default().to_ascii_lowercase();
        if self.role == SourceRole::Disk && kind.starts_with("text/html") {
            return Err(DownloadError::Page);
        }
        match (self.published, len) {
            (Some(expected), Some(found)) if expected != found => {
                return Err(DownloadError::Len { expected, found });
            }
            _ => {}
        }
        let is_other = |old: &Option<String>| old.is_some() && *old != state(head);
        let has_changed = self.len.is_some() && len.is_some() && self.len != len;
        if self.at > 0 && (has_changed || is_other(&self.state)) {
            return Err(DownloadError::Changed);
        }
        Ok(())
    }

    /// Prepares for the next attempt, if there is one: with the next server that has the file, or, when
    /// all were asked, after a pause.
    fn failed(&mut self, error: DownloadError) -> Result<(), DownloadError> {
        self.body = None;
        if error.is_passing() {
            self.current += 1;
        } else {
            self.urls.remove(self.current);
        }
        // Servers have names of their own for the same state.
        if self.urls.len() > 1 || !error.is_passing() {
            self.state = None;
        }
        if self.urls.is_empty() {
            return Err(error);
        }
        if self.current < self.urls.len() {
            return Ok(());
        }
        self.current = 0;
        let Some(pause) = self.attempts.next(error.pause()) else { return Err(error) };
        match self.client.sleep(pause) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(DownloadError::Cancelled),
        }
    }

    fn broken(&self, error: io::Error) -> DownloadError {
        DownloadError::Http(HttpError::io(error, self.client.options().stall))
    }

    fn read_body(&mut self, space: &mut [u8]) -> Result<usize, DownloadError> {
        let Some(body) = &mut self.body else { return Err(HttpError::Closed.into()) };
        match body.read(space) {
            Ok(0) if self.len.is_some_and(|len| self.at < len) => Err(HttpError::Closed.into()),
            Ok(count) => Ok(count),
            Err(error) => Err(self.broken(error)),
        }
    }
}

impl Read for Response {
    fn read(&mut self, space: &mut [u8]) -> io::Result<usize> {
        if space.is_empty() {
            return Ok(0);
        }
        loop {
            let error = match self.read_body(space) {
                Ok(count) => {
                    self.at += count as u64;
                    if self.at >= self.renewed_at {
                        self.attempts = self.client.attempts();
                        self.renewed_at = self.at + PROGRESS;
                    }
                    return Ok(count);
                }
                Err(error) => error,
            };
            self.failed(error).and_then(|()| self.connect()).map_err(io::Error::other)?;
        }
    }
}

fn status(head: &ResponseHead) -> DownloadError {
    DownloadError::Status { status: head.status, pause: retry_after(head) }
}

/// Returns how long the whole is of which a server sends the end, if it begins where it should.
fn part(head: &ResponseHead, at: u64) -> Option<u64> {
    let range = head.header("content-range")?.strip_prefix("bytes ")?;
    let (range, len) = range.split_once('/')?;
    let (first, last) = range.split_once('-')?;
    let (first, last, len): (u64, u64, u64) =
        (first.parse().ok()?, last.parse().ok()?, len.parse().ok()?);
    (first == at && last.checked_add(1) == Some(len)).then_some(len)
}

/// Returns what can be said with `If-Range` (RFC 9110, 13.1.5): a weak validator cannot.
fn state(head: &ResponseHead) -> Option<String> {
    let strong = head.header("etag").filter(|etag| etag.starts_with('"'));
    strong.or(head.header("last-modified")).map(str::to_owned)
}
