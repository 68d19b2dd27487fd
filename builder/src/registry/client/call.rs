//! A *call* is one request of the distribution API with its authorization, pauses and retries, and
//! an error that names the operation.

use std::ops::ControlFlow;
use std::sync::PoisonError;
use std::time::Duration;

use url::Url;

use super::auth::{CredentialContext, RequestDuration};
use super::error::{RegistryError, RegistryErrorCause};
use super::host::Probe;
use super::remedy::Retry;
use super::scope::TokenScope;
use super::{RegistryClient, Repository};
use crate::net::http::{HttpError, HttpRequest, HttpResponse, is_transient_status};
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

/// What follows from a response that refuses the credential of a request.
pub(super) enum Refusal {
    /// The request can be repeated with this scope.
    Understood(TokenScope),
    /// There is nothing else to present.
    Final(Box<HttpResponse>),
}

/// How often one request is repeated with another credential.
const REFUSALS_MAX: u32 = 3;

impl Repository<'_> {
    /// Returns a URL below the repository, e.g. of `blobs/uploads/`.
    pub(super) fn resource_url(&self, path: &str) -> Result<Url, RegistryErrorCause> {
        let relative = format!("{}/{path}", self.name);
        let url = self.host.server.base_url.join(&relative).ok();
        // A URL in which a part was resolved, as `..` is, is one of something else.
        let whole = format!("{}{relative}", self.host.server.base_url.path());
        let url = url.filter(|url| url.path() == whole && url.query().is_none());
        url.ok_or_else(|| RegistryErrorCause::Http(HttpError::Url(self.location.clone())))
    }

    pub(super) fn credential_context(&self) -> CredentialContext<'_> {
        CredentialContext {
            client: &self.registry.client,
            keychain: &*self.registry.options.keychain,
            server: &self.host.server,
            location: &self.location,
        }
    }

    /// Sends a request until its status is `expected` or no further attempt is left.
    pub(super) fn send_call(
        &self,
        call: &RegistryCall<'_>,
        expected: impl Fn(u16) -> bool,
    ) -> Result<HttpResponse, RegistryError> {
        let mut attempts = self.attempts();
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
            match self.learn_from_refusal(response, &scope, used.as_ref())? {
                Refusal::Understood(wanted) => scope = wanted,
                Refusal::Final(response) => return Ok(*response),
            }
        }
    }

    fn send_authorized(
        &self,
        call: &RegistryCall<'_>,
        scope: &TokenScope,
    ) -> Result<(HttpResponse, Option<Secret>), RegistryErrorCause> {
        let mut request = self.host.server.request(call.method, &call.url);
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
        if !self.host.server.is_own(request.url) {
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

    /// Obtains the credential or token for a scope, as far as the registry is known to require one.
    pub(super) fn obtain_authorization(
        &self,
        scope: &TokenScope,
    ) -> Result<(), RegistryErrorCause> {
        let context = self.credential_context();
        self.host.authorization.header_value(context, scope, RequestDuration::Short).map(drop)
    }

    /// Asks a registry once at the root of its API which authentication it requires. Some send the
    /// challenge only there, and later requests need not be refused first.
    fn probe_authentication(&self) -> Result<(), RegistryErrorCause> {
        let mut greeted = self.host.probe.lock().unwrap_or_else(PoisonError::into_inner);
        if *greeted == Probe::Done {
            return Ok(());
        }
        let response = self.registry.client.send_following_redirects(
            &self.host.server.request("GET", &self.host.server.base_url),
        )?;
        match response.head.status {
            401 if response.is_from(&self.host.server.base_url) => {
                let authorization = &self.host.authorization;
                // Without a challenge here, the refusal of a later request may have one.
                let _learned =
                    authorization.learn_challenge(&response.head, &TokenScope::default(), None);
                response.discard();
            }
            status if is_transient_status(status) => return Err(self.status_error(response)),
            // Some registries have nothing at the root, or refuse it; the first real request decides.
            _ => response.discard(),
        }
        *greeted = Probe::Done;
        Ok(())
    }

    /// Learns from a refusal which credential and scope the next attempt needs.
    pub(super) fn learn_from_refusal(
        &self,
        response: HttpResponse,
        scope: &TokenScope,
        used: Option<&Secret>,
    ) -> Result<Refusal, RegistryErrorCause> {
        let authorization = &self.host.authorization;
        if !response.is_from(&self.host.server.base_url) {
            return Ok(Refusal::Final(Box::new(response)));
        }
        let Some(scope) = authorization.learn_challenge(&response.head, scope, used) else {
            return Ok(Refusal::Final(Box::new(response)));
        };
        // A password that was refused is not sent again, unless it was replaced meanwhile.
        if authorization.has_nothing_else(self.credential_context(), used)? {
            return Ok(Refusal::Final(Box::new(response)));
        }
        response.discard();
        Ok(Refusal::Understood(scope))
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
