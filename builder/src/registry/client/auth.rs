//! *Authorization* for one registry. It starts without a credential, learns from the registry's
//! challenge which scheme is required, and keeps tokens for as long as they are valid. The
//! credential itself is looked up again for every token: passwords are rotated while uploads run.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use super::challenge::AuthChallenge;
use super::error::RegistryErrorCause;
use super::scope::TokenScope;
use super::server::RegistryServer;
use super::token::RegistryToken;
use crate::net::credential::Credential;
use crate::net::http::{HttpClient, ResponseHead};
use crate::net::secret::Secret;
use crate::recipe::diagnostic::Diagnostic;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

/// Looks up the credentials for repositories.
pub trait RegistryKeychain: Send + Sync {
    /// Returns the credential for a repository, given as `HOST/PATH`. It is not cached: each
    /// request for a token looks it up again.
    fn find_credential(&self, repository: &str) -> Result<Option<Credential>, Diagnostic>;
}

/// The authorization for one registry.
#[derive(Debug, Default)]
pub(super) struct Authorization {
    state: Mutex<AuthorizationState>,
    /// Held while a thread requests a token, because the others need the same one.
    token_request: Mutex<()>,
}

#[derive(Debug, Default)]
pub(super) struct AuthorizationState {
    scheme: AuthScheme,
    tokens: BTreeMap<TokenScope, RegistryToken>,
    /// Removed from all messages of servers.
    secrets: Vec<Secret>,
    pub(super) history: CredentialHistory,
}

/// Whether the token server has accepted a credential before.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum CredentialHistory {
    #[default]
    NeverAccepted,
    AcceptedBefore,
}

/// The authentication that a registry requires.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
enum AuthScheme {
    /// None, as far as is known.
    #[default]
    None,
    Basic,
    Bearer {
        realm: String,
        service: Option<String>,
    },
}

/// Where a credential is looked up, and the repository it is for.
#[derive(Clone, Copy)]
pub(super) struct CredentialContext<'a> {
    pub(super) client: &'a HttpClient,
    pub(super) keychain: &'a dyn RegistryKeychain,
    pub(super) server: &'a RegistryServer,
    /// The repository as `HOST/PATH`, as the user writes it.
    pub(super) location: &'a str,
}

/// The error message where a registry requires a credential and none is known.
pub(super) const NO_CREDENTIAL: &str = "it requires a user and a password, and none are \
     known for it";

/// How long the request that a token is for may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RequestDuration {
    /// It ends soon.
    Short,
    /// It has a body of gigabytes: the token should be fresh.
    Long,
}

impl Authorization {
    /// Returns the value of the `Authorization` header, if one is required.
    pub(super) fn header_value(
        &self,
        context: CredentialContext<'_>,
        scope: &TokenScope,
        haste: RequestDuration,
    ) -> Result<Option<Secret>, RegistryErrorCause> {
        let scheme = self.lock_state().scheme.clone();
        match scheme {
            AuthScheme::None => Ok(None),
            AuthScheme::Basic => match self.find_credential(context)? {
                Some(Credential::Basic { username, password }) => {
                    Ok(Some(self.basic_header(&username, &password)))
                }
                Some(Credential::IdentityToken(_)) => Err(RegistryErrorCause::Unauthorized(
                    "the registry requires a user and a password, but there is only a token".into(),
                )),
                // The registry may require it for some requests only.
                None => Ok(None),
            },
            AuthScheme::Bearer { realm, service } => {
                if let Some(token) = self.usable_token(scope, haste) {
                    return Ok(Some(bearer_header(&token)));
                }
                let asking = self.token_request.lock().unwrap_or_else(PoisonError::into_inner);
                if let Some(token) = self.usable_token(scope, haste) {
                    return Ok(Some(bearer_header(&token)));
                }
                let token = self.request_token(context, &realm, service.as_deref(), scope)?;
                let value = token.value.clone();
                self.lock_state().tokens.insert(scope.clone(), token);
                drop(asking);
                Ok(Some(bearer_header(&value)))
            }
        }
    }

    /// Returns whether the registry requires a user and a password, and those that are known are
    /// what it just refused.
    pub(super) fn has_nothing_else(
        &self,
        context: CredentialContext<'_>,
        used: Option<&Secret>,
    ) -> Result<bool, RegistryErrorCause> {
        if self.lock_state().scheme != AuthScheme::Basic {
            return Ok(false);
        }
        let next = self.header_value(context, &TokenScope::default(), RequestDuration::Short)?;
        Ok(next.as_ref() == used)
    }

    /// Returns a token that is still valid; a long request needs one with half its lifetime left.
    fn usable_token(&self, scope: &TokenScope, haste: RequestDuration) -> Option<Secret> {
        let state = self.lock_state();
        let token = state.tokens.get(scope)?;
        let good = match haste {
            RequestDuration::Short => token.lifetime.mul_f64(0.9),
            RequestDuration::Long => token.lifetime / 2,
        };
        (token.since.elapsed() < good).then(|| token.value.clone())
    }

    /// Learns the required scheme from a response that refused, and drops the token that was
    /// `used`. Returns the scope to try next, or nothing if the response has no usable challenge.
    pub(super) fn learn_challenge(
        &self,
        head: &ResponseHead,
        scope: &TokenScope,
        used: Option<&Secret>,
    ) -> Option<TokenScope> {
        let challenges: Vec<AuthChallenge> =
            head.headers_named("www-authenticate").flat_map(AuthChallenge::parse).collect();
        let bearer = challenges.iter().find(|challenge| challenge.scheme == "bearer");
        let mut state = self.lock_state();
        // Another thread may have replaced it in the meantime.
        if state.tokens.get(scope).is_some_and(|token| used == Some(&bearer_header(&token.value))) {
            state.tokens.remove(scope);
        }
        if let Some((challenge, realm)) =
            bearer.and_then(|bearer| Some((bearer, bearer.parameter("realm")?)))
        {
            let service = challenge.parameter("service").map(str::to_owned);
            state.scheme = AuthScheme::Bearer { realm: realm.to_owned(), service };
            let wanted = challenge.parameter("scope").map(TokenScope::parse).unwrap_or_default();
            return Some(scope.union(&wanted));
        }
        if challenges.iter().any(|challenge| challenge.scheme == "basic") {
            state.scheme = AuthScheme::Basic;
            return Some(scope.clone());
        }
        None
    }

    pub(super) fn find_credential(
        &self,
        context: CredentialContext<'_>,
    ) -> Result<Option<Credential>, RegistryErrorCause> {
        let credential = context
            .keychain
            .find_credential(context.location)
            .map_err(|diagnostic| RegistryErrorCause::Keychain(Box::new(diagnostic)))?;
        match &credential {
            Some(Credential::Basic { password, .. }) => self.remember_secret(password),
            Some(Credential::IdentityToken(token)) => self.remember_secret(token),
            None => {}
        }
        Ok(credential)
    }

    pub(super) fn basic_header(&self, username: &str, password: &Secret) -> Secret {
        let pair = BASE64_STANDARD.encode(format!("{username}:{}", password.expose()));
        self.remember_secret(&Secret::new(pair.clone()));
        Secret::new(format!("Basic {pair}"))
    }

    pub(super) fn remember_secret(&self, secret: &Secret) {
        let mut state = self.lock_state();
        if !secret.expose().is_empty()
            && !state.secrets.iter().any(|known| known.expose() == secret.expose())
        {
            state.secrets.push(secret.clone());
        }
    }

    /// Replaces the secrets in a text by `…`.
    pub(super) fn redact_secrets(&self, text: &str) -> String {
        let state = self.lock_state();
        state
            .secrets
            .iter()
            .fold(text.to_owned(), |text, secret| text.replace(secret.expose(), "…"))
    }

    pub(super) fn lock_state(&self) -> std::sync::MutexGuard<'_, AuthorizationState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn bearer_header(token: &Secret) -> Secret {
    Secret::new(format!("Bearer {}", token.expose()))
}
