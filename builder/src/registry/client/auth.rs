//! *Authorization*: how one registry lets us in. It starts without a credential, learns from the
//! registry's challenge what is wanted, and keeps tokens for as long as they are good. The
//! credential itself is looked up again for every token: passwords are rotated while uploads run.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use url::Url;

use super::challenge::AuthChallenge;
use super::error::RegistryErrorCause;
use super::scope::TokenScope;
use super::token::RegistryToken;
use crate::net::credential::Credential;
use crate::net::http::{HttpClient, ResponseHead, url_origin};
use crate::net::secret::Secret;
use crate::recipe::diagnostic::Diagnostic;

/// Looks up the credentials for repositories.
pub trait RegistryKeychain: Send + Sync {
    /// Returns the credential for a repository, given as `HOST/PATH`; it is asked anew each time.
    fn find_credential(&self, repository: &str) -> Result<Option<Credential>, Diagnostic>;
}

/// How one registry lets us in.
#[derive(Debug, Default)]
pub(super) struct Authorization {
    state: Mutex<AuthorizationState>,
    /// Held by whoever asks for a token: the others want the same one.
    token_request: Mutex<()>,
}

#[derive(Debug, Default)]
pub(super) struct AuthorizationState {
    scheme: AuthScheme,
    tokens: BTreeMap<TokenScope, RegistryToken>,
    /// Never shown, whoever repeats them.
    secrets: Vec<Secret>,
    pub(super) history: CredentialHistory,
}

/// Whether the token server has accepted a credential.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum CredentialHistory {
    #[default]
    NeverAccepted,
    AcceptedBefore,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
enum AuthScheme {
    /// Nothing is wanted, as far as is known.
    #[default]
    None,
    Basic,
    Bearer {
        realm: String,
        service: Option<String>,
    },
}

/// What is needed to ask for a credential.
#[derive(Clone, Copy)]
pub(super) struct CredentialContext<'a> {
    pub(super) client: &'a HttpClient,
    pub(super) keychain: &'a dyn RegistryKeychain,
    /// The registry's own URL.
    pub(super) base_url: &'a Url,
    /// `HOST/PATH`, as the user names it.
    pub(super) location: &'a str,
}

/// What is said where somebody is let in, but not everybody.
pub(super) const NO_CREDENTIAL: &str = "it wants a user and a password, and none are known for it";

/// What kind of request a token is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RequestDuration {
    /// It is over soon.
    Short,
    /// It has a body of gigabytes: the token should be fresh.
    Long,
}

impl Authorization {
    /// Returns the value of the `Authorization` header, if one is wanted.
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
                    "the registry wants a user and a password, but there is only a token".into(),
                )),
                None => Err(RegistryErrorCause::Unauthorized(NO_CREDENTIAL.into())),
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

    /// Returns a token that is still good; a long request wants one with half its life before it.
    fn usable_token(&self, scope: &TokenScope, haste: RequestDuration) -> Option<Secret> {
        let state = self.lock_state();
        let token = state.tokens.get(scope)?;
        let good = match haste {
            RequestDuration::Short => token.lifetime.mul_f64(0.9),
            RequestDuration::Long => token.lifetime / 2,
        };
        (token.since.elapsed() < good).then(|| token.value.clone())
    }

    /// Learns from an answer that refused: what is wanted, and that the token that was `used` is no
    /// good. Returns the scope to come back with, or nothing if the answer does not say what is
    /// wanted.
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
        // Another thread may have got a new one in the meantime.
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

    /// Takes out of a text whatever secret it repeats.
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

/// Tells whether a URL belongs to the registry itself: only there its credential goes.
pub(super) fn is_registry_url(base: &Url, url: &Url) -> bool {
    matches!((url_origin(base), url_origin(url)), (Ok(base), Ok(url)) if base == url)
}
