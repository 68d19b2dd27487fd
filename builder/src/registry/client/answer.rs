//! An *answer* that was not expected: which server gave it, and its words.

use super::Repository;
use super::auth::NO_CREDENTIAL;
use super::error::{RegistryErrorCause, Responder};
use crate::net::http::{HttpResponse, retry_after, server_words, web_page_words};

/// The longest error body that is read, in bytes.
const ERROR_MAX: u64 = 64 * 1024;

impl Repository<'_> {
    /// Converts an unexpected response into an error.
    pub(super) fn status_error(&self, response: HttpResponse) -> RegistryErrorCause {
        let (status, pause) = (response.head.status, retry_after(&response.head));
        let is_registry = response.is_from(&self.host.server.base_url);
        let host = response.origin().authority();
        let detail = match response.redirect_words() {
            Some(words) => Some(words),
            None => server_words(&response.read_start(ERROR_MAX)),
        };
        let detail = detail.map(|detail| self.host.authorization.redact_secrets(&detail));
        let responder = match () {
            () if !is_registry => Responder::RedirectTarget(host),
            // The credential is looked up again, perhaps by a helper.
            () if matches!(status, 401 | 403) && self.is_anonymous() => {
                Responder::AnonymousRegistry
            }
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

    /// Returns whether no credential is known for the repository.
    fn is_anonymous(&self) -> bool {
        matches!(self.registry.options.keychain.find_credential(&self.location), Ok(None))
    }
}

/// Returns the error for a web page that was sent in place of something else; nothing if the body
/// is none.
pub(super) fn web_page_error(body: &[u8], requested: &str) -> Option<RegistryErrorCause> {
    let page = web_page_words(body)?;
    let why = format!("the server sent {page}, not {requested}");
    Some(RegistryErrorCause::InvalidContent(why))
}
