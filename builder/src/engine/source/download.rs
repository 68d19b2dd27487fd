//! Why a *download* fails.

use std::time::Duration;

use thiserror::Error;

use crate::net::http::{HttpError, is_transient_status};

/// Why a download failed.
#[derive(Debug, Error)]
pub enum DownloadError {
    /// No answer came.
    #[error(transparent)]
    Http(HttpError),
    /// The server did not answer with the content.
    #[error("the server answered {status}")]
    Status {
        /// HTTP status.
        status: u16,
        /// Time that it asked to wait.
        pause: Option<Duration>,
    },
    /// The content has another size than is published.
    #[error("the server has {found} bytes, not the {expected} that are published")]
    Length {
        /// Published size in bytes.
        expected: u64,
        /// Size on the server in bytes.
        found: u64,
    },
    /// The content is a web page, where a disk is expected.
    #[error("the server sent a web page")]
    WebPage,
    /// The server compressed the content for the transfer.
    #[error("the server sent the content compressed with {0}, which was not requested")]
    Encoded(String),
    /// The file was replaced while it was downloaded.
    #[error("the file on the server changed while it was downloaded")]
    Changed,
    /// The user asked to stop.
    #[error("cancelled")]
    Cancelled,
}

impl From<HttpError> for DownloadError {
    fn from(error: HttpError) -> Self {
        match error {
            HttpError::Cancelled => Self::Cancelled,
            error => Self::Http(error),
        }
    }
}

impl DownloadError {
    /// Returns whether another attempt may succeed later.
    pub(crate) fn is_temporary(&self) -> bool {
        match self {
            Self::Http(error) => error.is_temporary(),
            Self::Status { status, .. } => is_transient_status(*status),
            // A mirror may not have the new file yet, or the list may be about to follow.
            Self::Length { .. } | Self::Changed => true,
            Self::WebPage | Self::Encoded(_) | Self::Cancelled => false,
        }
    }

    /// Returns whether an immediate retry with the same server may succeed.
    pub(super) fn is_transient(&self) -> bool {
        match self {
            Self::Http(error) => error.is_transient(),
            Self::Status { status, .. } => is_transient_status(*status),
            _ => false,
        }
    }

    /// Returns how long the server asked to wait.
    pub(super) fn pause(&self) -> Option<Duration> {
        match self {
            Self::Status { pause, .. } => *pause,
            _ => None,
        }
    }
}
