//! *Downloads*: one request, read as a stream. Redirects are followed, but never from https to http.

use std::io::{self, Read};

use thiserror::Error;
use url::Url;

use crate::http::{self, Client, HttpError, Request};

/// Why a download failed.
#[derive(Debug, Error)]
pub enum DownloadError {
    /// No answer came.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// The server answered with something else than the content.
    #[error("the server answered {0}")]
    Status(u16),
}

/// A body that is being received.
pub(crate) struct Response {
    body: http::Response,
    url: Url,
    client: Client,
}

impl Response {
    /// Asks for a URL.
    pub(crate) fn get(client: &Client, url: &str) -> Result<Self, DownloadError> {
        let url = Url::parse(url).map_err(|_| HttpError::Url(url.into()))?;
        let body = client.follow(&Request::new("GET", &url))?;
        if body.head.status != 200 {
            return Err(DownloadError::Status(body.head.status));
        }
        Ok(Self { body, url, client: client.clone() })
    }

    /// Returns the announced length.
    pub(crate) fn len(&self) -> Option<u64> {
        self.body.head.content_length()
    }

    /// Reads some other part of the same URL, if the server can send parts.
    pub(crate) fn read_at(&self, space: &mut [u8], at: u64) -> io::Result<()> {
        let range = format!("bytes={at}-{}", at + space.len() as u64 - 1);
        let request = Request::new("GET", &self.url).header("Range", range);
        let mut response = self.client.follow(&request).map_err(io::Error::other)?;
        if response.head.status != 206 {
            return Err(io::Error::other(DownloadError::Status(response.head.status)));
        }
        response.read_exact(space)
    }
}

impl Read for Response {
    fn read(&mut self, space: &mut [u8]) -> io::Result<usize> {
        self.body.read(space)
    }
}
