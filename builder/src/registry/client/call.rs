//! A *call* is one request of the distribution API with its authorization, pauses and retries, and
//! an error that names the operation.

use std::ops::ControlFlow;
use std::sync::PoisonError;
use std::time::Duration;

use serde_json::Value;
use url::Url;

use super::auth::{CredentialContext, NO_CREDENTIAL, RequestDuration, is_registry_url};
use super::error::{RegistryError, RegistryErrorCause};
use super::host::Probe;
use super::remedy::Retry;
use super::scope::TokenScope;
use super::{RegistryClient, Repository};
use crate::net::http::{HttpError, HttpRequest, HttpResponse, retry_after};
use crate::net::secret::Secret;

/// A request with a complete body.
#[derive(Debug, Clone)]
pub(super) struct RegistryCall<'a> {
    /// The operation for error messages, e.g. `read a blob of`.
    pub(super) act: &'static str,
    pub(super) method: &'static str,
    pub(super) url: Url,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: &'a [u8],
    pub(super) scope: TokenScope,
    pub(super) timeout: Option<Duration>,
}

/// How often one request is repeated with another credential.
const REFUSALS_MAX: u32 = 3;

/// The longest error body that is read, in bytes, and the most characters of it that are shown.
const ERROR_MAX: u64 = 64 * 1024;
const DETAIL_MAX: usize = 300;

impl Repository<'_> {
    /// Returns a URL below the repository, e.g. of `blobs/uploads/`.
    pub(super) fn resource_url(&self, path: &str) -> Result<Url, RegistryErrorCause> {
        let url = self.host.base_url.join(&format!("{}/{path}", self.name));
        url.map_err(|_| RegistryErrorCause::Http(HttpError::Url(self.location.clone())))
    }

    pub(super) fn credential_context(&self) -> CredentialContext<'_> {
        CredentialContext {
            client: &self.registry.client,
            keychain: &*self.registry.options.keychain,
            base_url: &self.host.base_url,
            location: &self.location,
        }
    }

    /// Sends a request until its status is `expected` or no further attempt is left.
    pub(super) fn send_call(
        &self,
        call: &RegistryCall<'_>,
        expected: impl Fn(u16) -> bool,
    ) -> Result<HttpResponse, RegistryError> {
        let mut attempts = self.registry.client.attempts();
        loop {
            let cause = match self.send_call_once(call) {
                Ok(response) if expected(response.head.status) => return Ok(response),
                Ok(response) => self.status_error(response),
                Err(cause) => cause,
            };
            let again = self.wait_for_retry(&mut attempts, &cause);
            if again.map_err(|cause| self.registry_error(call.act, cause))? == Retry::No {
                return Err(self.registry_error(call.act, cause));
            }
        }
    }

    pub(super) fn send_call_once(
        &self,
        call: &RegistryCall<'_>,
    ) -> Result<HttpResponse, RegistryErrorCause> {
        let mut scope = call.scope.clone();
        let mut refusals = 0;
        loop {
            self.registry.sleep(self.host.remaining_pause())?;
            let (response, used) = self.send_authorized(call, &scope)?;
            if response.head.status != 401 || refusals == REFUSALS_MAX {
                return Ok(response);
            }
            refusals += 1;
            scope = self.learn_from_refusal(response, &scope, used.as_ref())?;
        }
    }

    fn send_authorized(
        &self,
        call: &RegistryCall<'_>,
        scope: &TokenScope,
    ) -> Result<(HttpResponse, Option<Secret>), RegistryErrorCause> {
        let mut request = HttpRequest::new(call.method, &call.url);
        request.headers.clone_from(&call.headers);
        request.timeout = call.timeout;
        let used = self.authorize(&mut request, scope, RequestDuration::Short)?;
        let client = &self.registry.client;
        let response = match call.method {
            "GET" | "HEAD" => client.send_following_redirects(&request)?,
            _ => client.send(&request, call.body)?,
        };
        Ok((response, used))
    }

    /// Adds the credential if the request goes to the registry itself, and returns it.
    pub(super) fn authorize(
        &self,
        request: &mut HttpRequest<'_>,
        scope: &TokenScope,
        haste: RequestDuration,
    ) -> Result<Option<Secret>, RegistryErrorCause> {
        if !is_registry_url(&self.host.base_url, request.url) {
            return Ok(None);
        }
        self.probe_authentication()?;
        let header =
            self.host.authorization.header_value(self.credential_context(), scope, haste)?;
        if let Some(header) = &header {
            request.headers.push(("Authorization", header.expose().to_owned()));
        }
        Ok(header)
    }

    /// Asks a registry once at the root of its API which authentication it requires. Some send the
    /// challenge only there, and later requests need not be refused first.
    fn probe_authentication(&self) -> Result<(), RegistryErrorCause> {
        let mut greeted = self.host.probe.lock().unwrap_or_else(PoisonError::into_inner);
        if *greeted == Probe::Done {
            return Ok(());
        }
        let response = self
            .registry
            .client
            .send_following_redirects(&HttpRequest::new("GET", &self.host.base_url))?;
        match response.head.status {
            401 if response.is_from(&self.host.base_url) => {
                let authorization = &self.host.authorization;
                // Without a challenge here, the refusal of a later request may have one.
                let _learned =
                    authorization.learn_challenge(&response.head, &TokenScope::default(), None);
                response.discard();
            }
            // Some registries have nothing at the root; the first real request decides.
            200 | 401 | 404 => response.discard(),
            _ => return Err(self.status_error(response)),
        }
        *greeted = Probe::Done;
        Ok(())
    }

    /// Learns from a refusal, and returns the scope for the next attempt.
    pub(super) fn learn_from_refusal(
        &self,
        response: HttpResponse,
        scope: &TokenScope,
        used: Option<&Secret>,
    ) -> Result<TokenScope, RegistryErrorCause> {
        let authorization = &self.host.authorization;
        if !response.is_from(&self.host.base_url) {
            return Err(RegistryErrorCause::Unauthorized(
                "another server than the registry refused".into(),
            ));
        }
        match authorization.learn_challenge(&response.head, scope, used) {
            Some(scope) => {
                response.discard();
                Ok(scope)
            }
            None => Err(self.status_error(response)),
        }
    }

    /// Converts an unexpected response into an error.
    pub(super) fn status_error(&self, response: HttpResponse) -> RegistryErrorCause {
        let (status, pause) = (response.head.status, retry_after(&response.head));
        let detail = response.read_body(ERROR_MAX).ok().and_then(|body| parse_error_detail(&body));
        let detail = detail.map(|detail| self.host.authorization.redact_secrets(&detail));
        if status == 401 {
            let detail = detail.map(|detail| format!(": {detail}")).unwrap_or_default();
            let known = self.registry.options.keychain.find_credential(&self.location);
            let why =
                if matches!(known, Ok(None)) { NO_CREDENTIAL } else { "the credential is refused" };
            return RegistryErrorCause::Unauthorized(format!(
                "the server answered 401: {why}{detail}"
            ));
        }
        RegistryErrorCause::Status { status, detail, pause }
    }
}

impl RegistryClient {
    /// Sleeps; fails if the user cancels.
    pub(super) fn sleep(&self, pause: Duration) -> Result<(), RegistryErrorCause> {
        match self.client.sleep(pause) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(RegistryErrorCause::Cancelled),
        }
    }
}

/// Returns code and message of the first error in a body, as the distribution specification has it.
fn parse_error_detail(body: &[u8]) -> Option<String> {
    let body: Value = serde_json::from_slice(body).ok()?;
    let error = body.get("errors")?.get(0)?;
    let text = |name: &str| error.get(name).and_then(Value::as_str);
    let parts: Vec<&str> = [text("code"), text("message")].into_iter().flatten().collect();
    let text = parts.join(", ");
    let text: String = text.chars().filter(|char| !char.is_control()).take(DETAIL_MAX).collect();
    (!text.is_empty()).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_tell_what_the_registry_says() {
        let check = |body: &str, expected: Option<&str>| {
            assert_eq!(parse_error_detail(body.as_bytes()).as_deref(), expected, "{body}");
        };
        check(
            r#"{"errors":[{"code":"DENIED","message":"not yours","detail":{}}]}"#,
            Some("DENIED, not yours"),
        );
        check(r#"{"errors":[{"code":"DENIED"}]}"#, Some("DENIED"));
        check("{\"errors\":[{\"message\":\"a\\u001b[31mb\"}]}", Some("a[31mb"));
        check(r#"{"errors":[]}"#, None);
        check(r#"{"errors":{}}"#, None);
        check("<html>", None);
        check("", None);
        let long = format!(r#"{{"errors":[{{"message":"{}"}}]}}"#, "x".repeat(1000));
        assert_eq!(parse_error_detail(long.as_bytes()).map(|text| text.len()), Some(DETAIL_MAX));
    }
}
