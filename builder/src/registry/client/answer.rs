//! An *answer* that was not expected: which server gave it, and its words.

use super::Repository;
use super::auth::NO_CREDENTIAL;
use super::error::{RegistryErrorCause, Responder};
use crate::net::http::{HttpResponse, redact_url, retry_after, server_words, web_page_words};

/// The longest error body that is read, in bytes.
const ERROR_MAX: u64 = 64 * 1024;

impl Repository<'_> {
    /// Converts an unexpected response into an error.
    pub(super) fn status_error(&self, response: HttpResponse) -> RegistryErrorCause {
        let (status, pause) = (response.head.status, retry_after(&response.head));
        let is_registry = response.is_from(&self.host.base_url);
        let host = response.origin().authority();
        let detail = match self.redirect_words(&response) {
            Some(words) => Some(words),
            None => response.read_body(ERROR_MAX).ok().and_then(|body| server_words(&body)),
        };
        let detail = detail.map(|detail| self.host.authorization.redact_secrets(&detail));
        let responder = match () {
            () if !is_registry => Responder::RedirectTarget(host),
            () if self.is_anonymous() => Responder::AnonymousRegistry,
            () => Responder::Registry,
        };
        let why = match (status, &responder) {
            (401, Responder::AnonymousRegistry) => NO_CREDENTIAL,
            (401, Responder::Registry) => "the credential is refused",
            _ => return RegistryErrorCause::Status { responder, status, detail, pause },
        };
        let detail = detail.map(|detail| format!(": {detail}")).unwrap_or_default();
        RegistryErrorCause::Unauthorized(format!("the server answered 401: {why}{detail}"))
    }

    /// Returns words for a redirect that is not followed, such as one of a request with a body.
    fn redirect_words(&self, response: &HttpResponse) -> Option<String> {
        let location = response.head.header("location")?;
        if !matches!(response.head.status, 300..400) {
            return None;
        }
        let url = self.host.base_url.join(location).ok()?;
        Some(format!("it redirects to `{}`", redact_url(&url)))
    }

    /// Returns whether no credential is known for the repository.
    fn is_anonymous(&self) -> bool {
        matches!(self.registry.options.keychain.find_credential(&self.location), Ok(None))
    }
}

/// Returns the error for content that is not what was requested: `why`, unless it is a web page.
pub(super) fn unexpected_content(
    body: &[u8],
    requested: &str,
    why: impl FnOnce() -> String,
) -> RegistryErrorCause {
    let page = web_page_words(body).map(|page| format!("the server sent {page}, not {requested}"));
    RegistryErrorCause::InvalidContent(page.unwrap_or_else(why))
}
