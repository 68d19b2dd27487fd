//! *quay* keeps a description of each repository, and whether it is public
//! (<https://docs.quay.io/api/swagger/>).

use serde_json::json;
use thiserror::Error;
use url::Url;

use crate::net::http::{HttpClient, HttpError, HttpRequest, server_words};
use crate::net::secret::Secret;

/// The most bytes of a response that are read.
const ANSWER_MAX: u64 = 64 * 1024;

/// A client of quay's API on one host.
#[derive(Debug)]
pub struct QuayClient<'a> {
    client: &'a HttpClient,
    base: Url,
    token: Secret,
}

/// Why a description could not be published.
#[derive(Debug, Error)]
pub enum QuayError {
    /// There was no response.
    #[error("cannot {act} {repository}: {error}")]
    Http {
        /// The operation.
        act: &'static str,
        /// The repository without its host.
        repository: String,
        /// Why it failed.
        error: HttpError,
    },
    /// The server refused.
    #[error("cannot {act} {repository}: the server answered {status}{said}")]
    Status {
        /// The operation.
        act: &'static str,
        /// The repository without its host.
        repository: String,
        /// The HTTP status.
        status: u16,
        /// The words of the server after a colon, or nothing.
        said: String,
    },
}

impl<'a> QuayClient<'a> {
    /// Returns a client of the API at a base like `https://quay.io/`. The token belongs to an OAuth
    /// application that may administer repositories.
    pub fn new(client: &'a HttpClient, base: Url, token: Secret) -> Self {
        Self { client, base, token }
    }

    /// Sets the description of a repository, e.g. `me/fedora`, and makes it public.
    pub fn publish_description(
        &self,
        repository: &str,
        description: &str,
    ) -> Result<(), QuayError> {
        let body = json!({ "description": description }).to_string();
        self.send_request("describe", "PUT", repository, "", &body)?;
        let body = json!({ "visibility": "public" }).to_string();
        self.send_request("publish", "POST", repository, "/changevisibility", &body)
    }

    fn send_request(
        &self,
        act: &'static str,
        method: &'static str,
        repository: &str,
        end: &str,
        body: &str,
    ) -> Result<(), QuayError> {
        let failed = |error| QuayError::Http { act, repository: repository.to_owned(), error };
        let path = format!("api/v1/repository/{repository}{end}");
        let url = self.base.join(&path).map_err(|_| failed(HttpError::Url(path.clone())))?;
        let request = HttpRequest::new(method, &url)
            .header("Authorization", format!("Bearer {}", self.token.expose()))
            .header("Content-Type", "application/json");
        let answer = self.client.send(&request, body.as_bytes()).map_err(failed)?;
        let status = answer.head.status;
        let redirect = answer.redirect_words();
        let said = answer.read_start(ANSWER_MAX);
        if matches!(status, 200..=204) {
            return Ok(());
        }
        let said = redirect.or_else(|| server_words(&said)).map(|said| format!(": {said}"));
        let said = said.unwrap_or_default().replace(self.token.expose(), "…");
        Err(QuayError::Status { act, repository: repository.to_owned(), status, said })
    }
}
