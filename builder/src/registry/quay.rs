//! *quay* keeps a description of each repository, and whether it is public
//! (<https://docs.quay.io/api/swagger/>).

use serde_json::json;
use thiserror::Error;

use super::client::{RegistryClient, RegistryError};
use crate::net::http::{HttpError, server_words};
use crate::net::secret::Secret;
use crate::oci::image::reference::Reference;

/// The most bytes of a response that are read.
const ANSWER_MAX: u64 = 64 * 1024;

/// A client of quay's API, with a token for one registry.
#[derive(Debug)]
pub struct QuayClient<'a> {
    client: &'a RegistryClient,
    registry: String,
    token: Secret,
}

/// Why a description could not be published.
#[derive(Debug, Error)]
pub enum QuayError {
    /// The registry must not be contacted.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// The token is for another registry.
    #[error("the token is for `{registry}`, and `{name}` is not in it")]
    OtherRegistry {
        /// The registry of the token.
        registry: String,
        /// The image.
        name: String,
    },
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
    /// Returns a client with a token of an OAuth application that may administer the repositories of
    /// a registry, e.g. `quay.io`. The token is sent to no other, and as images are: with TLS unless
    /// options or registries.conf allow something else for the repository.
    pub fn new(client: &'a RegistryClient, registry: &str, token: Secret) -> Self {
        Self { client, registry: registry.to_owned(), token }
    }

    /// Sets the description of a repository, and makes it public.
    pub fn publish_description(
        &self,
        name: &Reference,
        description: &str,
    ) -> Result<(), QuayError> {
        let body = json!({ "description": description }).to_string();
        self.send_request("describe", "PUT", name, "", &body)?;
        let body = json!({ "visibility": "public" }).to_string();
        self.send_request("publish", "POST", name, "/changevisibility", &body)
    }

    fn send_request(
        &self,
        act: &'static str,
        method: &'static str,
        name: &Reference,
        end: &str,
        body: &str,
    ) -> Result<(), QuayError> {
        if name.registry() != self.registry {
            let (registry, name) = (self.registry.clone(), name.full_repository());
            return Err(QuayError::OtherRegistry { registry, name });
        }
        let repository = name.repository();
        let failed = |error| QuayError::Http { act, repository: repository.to_owned(), error };
        let path = format!("/api/v1/repository/{repository}{end}");
        let (client, server) = self.client.target_server(name)?;
        let url = server.base_url.join(&path).map_err(|_| failed(HttpError::Url(path.clone())))?;
        let request = server
            .request(method, &url)
            .header("Authorization", format!("Bearer {}", self.token.expose()))
            .header("Content-Type", "application/json");
        let answer = client.send(&request, body.as_bytes()).map_err(failed)?;
        let status = answer.head.status;
        let redirect = answer.redirect_words();
        let said = answer.read_start(ANSWER_MAX);
        if matches!(status, 200..=204) {
            return Ok(());
        }
        let said = redirect.or_else(|| server_words(&said)).map(|said| format!(": {said}"));
        let said = said.unwrap_or_default().replace(self.token.expose(), "…");
        let repository = repository.to_owned();
        Err(QuayError::Status { act, repository, status, said })
    }
}
