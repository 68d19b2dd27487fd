//! A *call* is one request of the protocol with all that belongs to it: authorization, pauses,
//! further attempts, and an error that says what was attempted.

use std::thread;
use std::time::Duration;

use serde_json::Value;
use url::Url;

use super::auth::{Asker, Haste, UNKNOWN, is_own};
use super::error::{Cause, RegistryError};
use super::retry::{Attempts, is_transient, retry_after};
use super::scope::Scope;
use super::{Registry, Repository};
use crate::http::{HttpError, Request, Response};

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
    pub(super) fn url(&self, path: &str) -> Result<Url, Cause> {
        let url = self.host.base.join(&format!("{}/{path}", self.name));
        url.map_err(|_| Cause::Http(HttpError::Url(self.place.clone())))
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
    ) -> Result<Response, RegistryError> {
        let mut attempts = Attempts::new(self.registry.options.retries);
        loop {
            let (cause, asked) = match self.call_once(call) {
                Ok(response) if expected(response.head.status) => return Ok(response),
                Ok(response) => {
                    let asked = retry_after(&response.head);
                    (self.status(response), asked)
                }
                Err(cause) => (cause, None),
            };
            if !cause.is_transient() {
                return Err(self.failed(call.act, cause));
            }
            self.wait(&mut attempts, cause, asked).map_err(|cause| self.failed(call.act, cause))?;
        }
    }

    /// Waits before the next attempt; when there is none, the `cause` of the last one is returned.
    pub(super) fn wait(
        &self,
        attempts: &mut Attempts,
        cause: Cause,
        asked: Option<Duration>,
    ) -> Result<(), Cause> {
        let Some(pause) = attempts.next(asked) else { return Err(cause) };
        if matches!(cause, Cause::Status { status: 429, .. }) {
            self.host.pause(pause);
        }
        if pause >= Duration::from_secs(5) {
            let seconds = pause.as_secs();
            let place = &self.place;
            let observer = &self.registry.options.observer;
            observer.note(&format!("{place}: {cause}; trying again in {seconds} s"));
        }
        self.registry.sleep(pause)
    }

    pub(super) fn call_once(&self, call: &Call<'_>) -> Result<Response, Cause> {
        let mut scope = call.scope.clone();
        let mut refusals = 0;
        loop {
            self.registry.sleep(self.host.paused())?;
            let response = self.send(call, &scope)?;
            if response.head.status != 401 || refusals == REFUSALS_MAX {
                return Ok(response);
            }
            refusals += 1;
            scope = self.challenged(response, &scope)?;
        }
    }

    fn send(&self, call: &Call<'_>, scope: &Scope) -> Result<Response, Cause> {
        let mut request = Request::new(call.method, &call.url);
        request.headers.clone_from(&call.headers);
        request.patience = call.patience;
        self.authorize(&mut request, scope, Haste::Short)?;
        let client = &self.registry.client;
        Ok(match call.method {
            "GET" | "HEAD" => client.follow(&request)?,
            _ => client.send(&request, call.body)?,
        })
    }

    /// Adds the credential, if the request goes to the registry itself.
    pub(super) fn authorize(
        &self,
        request: &mut Request<'_>,
        scope: &Scope,
        haste: Haste,
    ) -> Result<(), Cause> {
        if !is_own(&self.host.base, request.url) {
            return Ok(());
        }
        let header = self.host.authorization.header(self.asker(), scope, haste)?;
        if let Some(header) = header {
            request.headers.push(("Authorization", header.expose().to_owned()));
        }
        Ok(())
    }

    /// Learns from a refusal how to come back.
    pub(super) fn challenged(&self, response: Response, scope: &Scope) -> Result<Scope, Cause> {
        let authorization = &self.host.authorization;
        if !response.is_from(&self.host.base) {
            return Err(Cause::Unauthorized("another server than the registry refused".into()));
        }
        let learned = authorization.challenged(&response.head, scope);
        if let Some(scope) = learned {
            response.discard();
            return Ok(scope);
        }
        let cause = self.status(response);
        // Some servers say what they want only where everybody asks first.
        let ping = self.registry.client.send(&Request::new("GET", &self.host.base), &[])?;
        let learned = authorization.challenged(&ping.head, scope);
        ping.discard();
        learned.ok_or(cause)
    }

    /// Makes an error of an answer.
    pub(super) fn status(&self, response: Response) -> Cause {
        let status = response.head.status;
        let detail = response.bytes(ERROR_MAX).ok().and_then(|body| detail(&body));
        let detail = detail.map(|detail| self.host.authorization.scrub(&detail));
        if status == 401 {
            let detail = detail.map(|detail| format!(": {detail}")).unwrap_or_default();
            let known = self.registry.options.keychain.find(&self.place);
            let why = if matches!(known, Ok(None)) { UNKNOWN } else { "the credential is refused" };
            return Cause::Unauthorized(format!("{why}{detail}"));
        }
        Cause::Status { status, detail }
    }
}

impl Registry {
    /// Sleeps, unless the user wants to stop.
    pub(super) fn sleep(&self, pause: Duration) -> Result<(), Cause> {
        const STEP: Duration = Duration::from_millis(50);
        let mut left = pause;
        loop {
            if self.options.observer.is_cancelled() {
                return Err(Cause::Cancelled);
            }
            if left.is_zero() {
                return Ok(());
            }
            thread::sleep(left.min(STEP));
            left = left.saturating_sub(STEP);
        }
    }
}

impl Cause {
    pub(super) fn is_transient(&self) -> bool {
        match self {
            Self::Http(error) => error.is_transient(),
            Self::Status { status, .. } => is_transient(*status),
            _ => false,
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
