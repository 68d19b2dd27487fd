//! A *call* is one request of the protocol with all that belongs to it: authorization, pauses,
//! further attempts, and an error that says what was attempted.

use std::ops::ControlFlow;
use std::sync::PoisonError;
use std::time::Duration;

use serde_json::Value;
use url::Url;

use super::auth::{Asker, Haste, UNKNOWN, is_own};
use super::error::{RegistryError, RegistryErrorCause};
use super::host::Greeted;
use super::remedy::Again;
use super::scope::Scope;
use super::{Registry, Repository};
use crate::net::http::{HttpError, HttpRequest, HttpResponse, retry_after};
use crate::net::secret::Secret;

/// A request whose body is at hand.
#[derive(Debug, Clone)]
pub(super) struct Call<'a> {
    /// E.g. `read a blob of`.
    pub(super) act: &'static str,
    pub(super) method: &'static str,
    pub(super) url: Url,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: &'a [u8],
    pub(super) scope: Scope,
    pub(super) patience: Option<Duration>,
}

/// How often one request is answered with another credential.
const REFUSALS_MAX: u32 = 3;

/// No error message of a server is longer, in bytes, nor shown with more characters.
const ERROR_MAX: u64 = 64 * 1024;
const DETAIL_MAX: usize = 300;

impl Repository<'_> {
    /// Returns a URL below the repository, e.g. of `blobs/uploads/`.
    pub(super) fn url(&self, path: &str) -> Result<Url, RegistryErrorCause> {
        let url = self.host.base.join(&format!("{}/{path}", self.name));
        url.map_err(|_| RegistryErrorCause::Http(HttpError::Url(self.place.clone())))
    }

    pub(super) fn asker(&self) -> Asker<'_> {
        Asker {
            client: &self.registry.client,
            keychain: &*self.registry.options.keychain,
            base: &self.host.base,
            place: &self.place,
        }
    }

    /// Sends a request until the answer is one that is `expected`, or nothing more can be done.
    pub(super) fn call(
        &self,
        call: &Call<'_>,
        expected: impl Fn(u16) -> bool,
    ) -> Result<HttpResponse, RegistryError> {
        let mut attempts = self.registry.client.attempts();
        loop {
            let cause = match self.call_once(call) {
                Ok(response) if expected(response.head.status) => return Ok(response),
                Ok(response) => self.status(response),
                Err(cause) => cause,
            };
            let again = self.wait(&mut attempts, &cause);
            if again.map_err(|cause| self.failed(call.act, cause))? == Again::No {
                return Err(self.failed(call.act, cause));
            }
        }
    }

    pub(super) fn call_once(&self, call: &Call<'_>) -> Result<HttpResponse, RegistryErrorCause> {
        let mut scope = call.scope.clone();
        let mut refusals = 0;
        loop {
            self.registry.sleep(self.host.paused())?;
            let (response, used) = self.send(call, &scope)?;
            if response.head.status != 401 || refusals == REFUSALS_MAX {
                return Ok(response);
            }
            refusals += 1;
            scope = self.challenged(response, &scope, used.as_ref())?;
        }
    }

    fn send(
        &self,
        call: &Call<'_>,
        scope: &Scope,
    ) -> Result<(HttpResponse, Option<Secret>), RegistryErrorCause> {
        let mut request = HttpRequest::new(call.method, &call.url);
        request.headers.clone_from(&call.headers);
        request.patience = call.patience;
        let used = self.authorize(&mut request, scope, Haste::Short)?;
        let client = &self.registry.client;
        let response = match call.method {
            "GET" | "HEAD" => client.follow(&request)?,
            _ => client.send(&request, call.body)?,
        };
        Ok((response, used))
    }

    /// Adds the credential, if the request goes to the registry itself, and returns it.
    pub(super) fn authorize(
        &self,
        request: &mut HttpRequest<'_>,
        scope: &Scope,
        haste: Haste,
    ) -> Result<Option<Secret>, RegistryErrorCause> {
        if !is_own(&self.host.base, request.url) {
            return Ok(None);
        }
        self.greet()?;
        let header = self.host.authorization.header(self.asker(), scope, haste)?;
        if let Some(header) = &header {
            request.headers.push(("Authorization", header.expose().to_owned()));
        }
        Ok(header)
    }

    /// Asks a registry, before anything else, whether it wants to know who we are. Some say so only
    /// there, and the requests that follow need not be refused first.
    fn greet(&self) -> Result<(), RegistryErrorCause> {
        let mut greeted = self.host.greeted.lock().unwrap_or_else(PoisonError::into_inner);
        if *greeted == Greeted::Yes {
            return Ok(());
        }
        let response = self.registry.client.follow(&HttpRequest::new("GET", &self.host.base))?;
        match response.head.status {
            401 if response.is_from(&self.host.base) => {
                let authorization = &self.host.authorization;
                // It may still say what it wants when it is asked for something.
                let _learned = authorization.challenged(&response.head, &Scope::default(), None);
                response.discard();
            }
            // Not all have anything there; what matters shows with the first real request.
            200 | 401 | 404 => response.discard(),
            _ => return Err(self.status(response)),
        }
        *greeted = Greeted::Yes;
        Ok(())
    }

    /// Learns from a refusal how to come back.
    pub(super) fn challenged(
        &self,
        response: HttpResponse,
        scope: &Scope,
        used: Option<&Secret>,
    ) -> Result<Scope, RegistryErrorCause> {
        let authorization = &self.host.authorization;
        if !response.is_from(&self.host.base) {
            return Err(RegistryErrorCause::Unauthorized(
                "another server than the registry refused".into(),
            ));
        }
        match authorization.challenged(&response.head, scope, used) {
            Some(scope) => {
                response.discard();
                Ok(scope)
            }
            None => Err(self.status(response)),
        }
    }

    /// Makes an error of an answer.
    pub(super) fn status(&self, response: HttpResponse) -> RegistryErrorCause {
        let (status, pause) = (response.head.status, retry_after(&response.head));
        let detail = response.bytes(ERROR_MAX).ok().and_then(|body| detail(&body));
        let detail = detail.map(|detail| self.host.authorization.scrub(&detail));
        if status == 401 {
            let detail = detail.map(|detail| format!(": {detail}")).unwrap_or_default();
            let known = self.registry.options.keychain.find(&self.place);
            let why = if matches!(known, Ok(None)) { UNKNOWN } else { "the credential is refused" };
            return RegistryErrorCause::Unauthorized(format!(
                "the server answered 401: {why}{detail}"
            ));
        }
        RegistryErrorCause::Status { status, detail, pause }
    }
}

impl Registry {
    /// Sleeps, unless the user wants to stop.
    pub(super) fn sleep(&self, pause: Duration) -> Result<(), RegistryErrorCause> {
        match self.client.sleep(pause) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(RegistryErrorCause::Cancelled),
        }
    }
}

/// Returns what an error body says: the first of the specification's errors, or nothing.
fn detail(body: &[u8]) -> Option<String> {
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
            assert_eq!(detail(body.as_bytes()).as_deref(), expected, "{body}");
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
        assert_eq!(detail(long.as_bytes()).map(|text| text.len()), Some(DETAIL_MAX));
    }
}
