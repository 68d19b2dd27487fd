//! *Downloads*: a file on a server, read as a stream. Redirects are followed, but never from https
//! to http. An interrupted download is resumed, at the same server or at a mirror, if the file is
//! unchanged.

use std::io::{self, Read};
use std::ops::ControlFlow;
use std::sync::Arc;

use url::Url;

use super::claim::{ExpectedContent, HeaderClaim, START_LEN};
use super::download::DownloadError;
use super::request_files::SecretHeaders;
use super::resume::{partial_len, validator};
use crate::net::http::{
    self, HttpClient, HttpError, HttpRequest, ResponseHead, RetryAttempts, retry_after,
};
use crate::recipe::DownloadDetails;

/// Number of bytes after which the attempts are renewed.
const PROGRESS: u64 = 1 << 20;

/// A file on a server.
pub(super) struct DownloadSource<'a> {
    pub(super) url: &'a str,
    pub(super) client: HttpClient,
    /// What is published about the file: mirrors, size.
    pub(super) details: Option<&'a DownloadDetails>,
    pub(super) expected: ExpectedContent,
    /// Headers for the server of the URL.
    pub(super) headers: SecretHeaders,
}

impl DownloadSource<'_> {
    /// Requests the file until a server begins to send it.
    pub(super) fn start(&self) -> Result<DownloadStream, DownloadError> {
        DownloadStream::start(self)
    }
}

impl std::fmt::Debug for DownloadSource<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DownloadSource").field("url", &self.url).finish_non_exhaustive()
    }
}

/// A download in progress.
pub(super) struct DownloadStream {
    client: HttpClient,
    expected: ExpectedContent,
    /// Headers for the origin of a URL, the owner: mirrors do not get them.
    headers: SecretHeaders,
    owner: Option<Url>,
    /// URLs of the file; those that do not have it are removed.
    urls: Vec<Url>,
    /// Index in `urls` of the URL that is requested.
    current: usize,
    body: Option<http::HttpResponse>,
    /// Size of the whole file in bytes, as the servers or the publisher declare it.
    len: Option<u64>,
    published: Option<u64>,
    /// Validator of the file: a strong `ETag`, or `Last-Modified`.
    validator: Option<String>,
    /// The first bytes of the body where they had to be looked at.
    start: io::Cursor<Vec<u8>>,
    /// What a header says of the content, if that was not believed.
    claim: Option<HeaderClaim>,
    /// Number of bytes that have been read.
    at: u64,
    attempts: RetryAttempts,
    /// Offset in bytes at which the attempts are renewed.
    renewed_at: u64,
}

impl DownloadStream {
    fn start(source: &DownloadSource<'_>) -> Result<Self, DownloadError> {
        let DownloadSource { url, client, details: download, expected, headers } = source;
        let mirrors = download.iter().flat_map(|download| &download.mirrors);
        let all = std::iter::once(*url).chain(mirrors.map(String::as_str));
        let published = download.and_then(|download| download.size);
        let parse = |url: &str| Url::parse(url).map_err(|_| HttpError::Url(url.into()));
        let mut urls = all.map(parse).collect::<Result<Vec<_>, _>>()?;
        let owner = urls.first().cloned();
        // A server that failed in this run is asked after the others.
        urls.sort_by_key(|url| client.is_down(url));
        let mut response = Self {
            client: client.clone(),
            expected: *expected,
            headers: Arc::clone(headers),
            owner,
            urls,
            current: 0,
            body: None,
            len: published,
            published,
            validator: None,
            start: io::Cursor::default(),
            claim: None,
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

    /// Reads another part of the same file, if the server supports ranges.
    pub(super) fn read_at(&self, space: &mut [u8], at: u64) -> io::Result<()> {
        let range = format!("bytes={at}-{}", at + space.len() as u64 - 1);
        let url = self.urls.get(self.current).ok_or(io::ErrorKind::NotFound)?;
        let request = self.new_request(url).header("Range", range);
        let mut response =
            self.client.send_following_redirects(&request).map_err(io::Error::other)?;
        if response.head.status != 206 {
            return Err(io::Error::other(status_error(&response.head)));
        }
        response.read_exact(space)
    }

    fn connect(&mut self) -> Result<(), DownloadError> {
        loop {
            let Err(error) = self.request_rest() else { return Ok(()) };
            self.prepare_retry(error)?;
        }
    }

    /// Returns a request for the file at one of its URLs.
    fn new_request<'u>(&self, url: &'u Url) -> HttpRequest<'u> {
        let mut request = HttpRequest::new("GET", url);
        if self.owner.as_ref().is_some_and(|owner| owner.origin() == url.origin()) {
            request.secret_headers = self.headers.to_vec();
        }
        request
    }

    /// Requests the rest of the file from one server.
    fn request_rest(&mut self) -> Result<(), DownloadError> {
        let Some(url) = self.urls.get(self.current) else { return Err(DownloadError::Changed) };
        let mut request = self.new_request(url);
        if self.at > 0 {
            request = request.header("Range", format!("bytes={}-", self.at));
            if let Some(validator) = &self.validator {
                request = request.header("If-Range", validator);
            }
        }
        let mut body = self.client.send_following_redirects(&request)?;
        let len = match body.head.status {
            200 => body.head.content_length(),
            206 if self.at > 0 => {
                Some(partial_len(&body.head, self.at).ok_or(DownloadError::Changed)?)
            }
            416 if self.at > 0 => return Err(DownloadError::Changed),
            _ => return Err(status_error(&body.head)),
        };
        self.check_head(&body.head, len)?;
        if self.at == 0 {
            self.look_at_start(&mut body)?;
        }
        if body.head.status == 200 {
            // A server that does not support ranges sends the whole file again.
            let skipped = io::copy(&mut (&mut body).take(self.at), &mut io::sink());
            if skipped.map_err(|error| self.read_error(error))? < self.at {
                return Err(DownloadError::Changed);
            }
        }
        self.len = len.or(self.len);
        self.validator = validator(&body.head);
        self.body = Some(body);
        Ok(())
    }

    /// Looks at the first bytes where a header says that they are not the file: the header may be wrong.
    fn look_at_start(&mut self, body: &mut http::HttpResponse) -> Result<(), DownloadError> {
        (self.start, self.claim) = (io::Cursor::default(), None);
        let name = self.urls.get(self.current).map_or("", Url::path);
        let Some(claim) = HeaderClaim::find(&body.head) else { return Ok(()) };
        let mut start = Vec::new();
        body.take(START_LEN).read_to_end(&mut start).map_err(|error| self.read_error(error))?;
        self.claim = claim.judge(&start, name, self.expected)?;
        self.start = io::Cursor::new(start);
        Ok(())
    }

    /// Returns what a header said of the content, where it was not believed.
    pub(super) fn take_claim(&mut self) -> Option<DownloadError> {
        self.claim.take().map(DownloadError::from)
    }

    /// Fails if the response cannot be the file.
    fn check_head(&self, head: &ResponseHead, len: Option<u64>) -> Result<(), DownloadError> {
        match (self.published, len) {
            (Some(expected), Some(found)) if expected != found => {
                return Err(DownloadError::Length { expected, found });
            }
            _ => {}
        }
        let is_other = |old: &Option<String>| old.is_some() && *old != validator(head);
        let has_changed = self.len.is_some() && len.is_some() && self.len != len;
        if self.at > 0 && (has_changed || is_other(&self.validator)) {
            return Err(DownloadError::Changed);
        }
        Ok(())
    }

    /// Prepares for the next attempt, if there is one: with the next server that has the file, or, when
    /// all were asked, after a pause.
    fn prepare_retry(&mut self, error: DownloadError) -> Result<(), DownloadError> {
        self.body = None;
        if let (DownloadError::Http(_), Some(url)) = (&error, self.urls.get(self.current)) {
            self.client.mark_down(url);
        }
        if error.is_transient() {
            self.current += 1;
        } else {
            self.urls.remove(self.current);
        }
        // Each server has validators of its own.
        if self.urls.len() > 1 || !error.is_transient() {
            self.validator = None;
        }
        if self.urls.is_empty() {
            return Err(error);
        }
        if self.current < self.urls.len() {
            return Ok(());
        }
        self.current = 0;
        let Some(pause) = self.attempts.next_pause(error.pause()) else { return Err(error) };
        match self.client.sleep(pause) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(DownloadError::Cancelled),
        }
    }

    fn read_error(&self, error: io::Error) -> DownloadError {
        HttpError::from_io(error, self.client.options().stall).into()
    }

    fn read_body(&mut self, space: &mut [u8]) -> Result<usize, DownloadError> {
        let Some(body) = &mut self.body else { return Err(HttpError::Closed.into()) };
        let read = match self.start.read(space) {
            Ok(0) => body.read(space),
            read => read,
        };
        match read {
            Ok(0) if self.len.is_some_and(|len| self.at < len) => Err(HttpError::Closed.into()),
            Ok(count) => Ok(count),
            Err(error) => Err(self.read_error(error)),
        }
    }
}

impl Read for DownloadStream {
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
            self.prepare_retry(error).and_then(|()| self.connect()).map_err(io::Error::other)?;
        }
    }
}

pub(super) fn status_error(head: &ResponseHead) -> DownloadError {
    DownloadError::Status { status: head.status, pause: retry_after(head) }
}
