//! *quay*, the registry, keeps a description of each repository and whether everybody may read it
//! (<https://docs.quay.io/api/swagger/>).

use serde_json::json;
use thiserror::Error;
use url::Url;

use crate::net::http::{HttpClient, HttpError, HttpRequest};
use crate::net::secret::Secret;

/// No answer that is shown is longer, in bytes, nor shown with more characters.
const ANSWER_MAX: u64 = 64 * 1024;
const SHOWN_MAX: usize = 200;

/// quay's API, on one host.
#[derive(Debug)]
pub struct QuayClient<'a> {
    client: &'a HttpClient,
    base: Url,
    token: Secret,
}

/// Why a description could not be published.
#[derive(Debug, Error)]
pub enum QuayError {
    /// No answer came.
    #[error("cannot {act} {repository}: {error}")]
    Http {
        /// What was attempted.
        act: &'static str,
        /// Without the host.
        repository: String,
        /// Why not.
        error: HttpError,
    },
    /// It was refused.
    #[error("cannot {act} {repository}: the server answered {status}{said}")]
    Status {
        /// What was attempted.
        act: &'static str,
        /// Without the host.
        repository: String,
        /// HTTP status.
        status: u16,
        /// What the server said, after a colon.
        said: String,
    },
}

impl<'a> QuayClient<'a> {
    /// Returns the API at a base like `https://quay.io/`. The token is one of an OAuth application that
    /// may administer repositories.
    pub fn new(client: &'a HttpClient, base: Url, token: Secret) -> Self {
        Self { client, base, token }
    }

    /// Sets the description of a repository, e.g. `me/fedora`, and lets everybody read it.
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
        let said = answer.read_body(ANSWER_MAX).map_err(failed)?;
        if matches!(status, 200..=204) {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&said).replace(self.token.expose(), "…");
        let said: String = said.chars().filter(|c| !c.is_control()).take(SHOWN_MAX).collect();
        let said = if said.is_empty() { said } else { format!(": {said}") };
        Err(QuayError::Status { act, repository: repository.to_owned(), status, said })
    }
}
