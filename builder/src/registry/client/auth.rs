//! *Authorization*: how one registry lets us in. It starts without a credential, learns from the
//! registry's challenge what is wanted, and keeps tokens for as long as they are good. The
//! credential itself is looked up again for every token: passwords are rotated while uploads run.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use url::Url;

use super::challenge::Challenge;
use super::error::RegistryErrorCause;
use super::scope::Scope;
use super::token::Token;
use crate::net::credential::Credential;
use crate::net::http::{HttpClient, ResponseHead, origin};
use crate::net::secret::Secret;
use crate::recipe::diagnostic::Diagnostic;

/// Looks up the credentials for repositories.
pub trait RegistryKeychain: Send + Sync {
    /// Returns the credential for a repository, given as `HOST/PATH`; it is asked anew each time.
    fn find(&self, place: &str) -> Result<Option<Credential>, Diagnostic>;
}

/// How one registry lets us in.
#[derive(Debug, Default)]
pub(super) struct Authorization {
    state: Mutex<State>,
    /// Held by whoever asks for a token: the others want the same one.
    asking: Mutex<()>,
}

#[derive(Debug, Default)]
pub(super) struct State {
    scheme: Scheme,
    tokens: BTreeMap<Scope, Token>,
    /// Never shown, whoever repeats them.
    secrets: Vec<Secret>,
    pub(super) accepted: Accepted,
}

/// Whether the token server has accepted a credential.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Accepted {
    #[default]
    Never,
    Before,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
enum Scheme {
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
pub(super) struct Asker<'a> {
    pub(super) client: &'a HttpClient,
    pub(super) keychain: &'a dyn RegistryKeychain,
    /// The registry's own URL.
    pub(super) base: &'a Url,
    /// `HOST/PATH`, as the user names it.
    pub(super) place: &'a str,
}

/// What is said where somebody is let in, but not everybody.
pub(super) const UNKNOWN: &str = "it wants a user and a password, and none are known for it";

/// What kind of request a token is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Haste {
    /// It is over soon.
    Short,
    /// It has a body of gigabytes: the token should be fresh.
    Long,
}

impl Authorization {
    /// Returns the value of the `Authorization` header, if one is wanted.
    pub(super) fn header(
        &self,
        asker: Asker<'_>,
        scope: &Scope,
        haste: Haste,
    ) -> Result<Option<Secret>, RegistryErrorCause> {
        let scheme = self.lock().scheme.clone();
        match scheme {
            Scheme::None => Ok(None),
            Scheme::Basic => match self.credential(asker)? {
                Some(Credential::Basic { username, password }) => {
                    Ok(Some(self.basic(&username, &password)))
                }
                Some(Credential::IdentityToken(_)) => Err(RegistryErrorCause::Unauthorized(
                    "the registry wants a user and a password, but there is only a token".into(),
                )),
                None => Err(RegistryErrorCause::Unauthorized(UNKNOWN.into())),
            },
            Scheme::Bearer { realm, service } => {
                if let Some(token) = self.token(scope, haste) {
                    return Ok(Some(header(&token)));
                }
                let asking = self.asking.lock().unwrap_or_else(PoisonError::into_inner);
                if let Some(token) = self.token(scope, haste) {
                    return Ok(Some(header(&token)));
                }
                let token = self.fetch(asker, &realm, service.as_deref(), scope)?;
                let value = token.value.clone();
                self.lock().tokens.insert(scope.clone(), token);
                drop(asking);
                Ok(Some(header(&value)))
            }
        }
    }

    /// Returns a token that is still good; a long request wants one with half its life before it.
    fn token(&self, scope: &Scope, haste: Haste) -> Option<Secret> {
        let state = self.lock();
        let token = state.tokens.get(scope)?;
        let good = match haste {
            Haste::Short => token.lifetime.mul_f64(0.9),
            Haste::Long => token.lifetime / 2,
        };
        (token.since.elapsed() < good).then(|| token.value.clone())
    }

    /// Learns from an answer that refused: what is wanted, and that the token that was `used` is no
    /// good. Returns the scope to come back with, or nothing if the answer does not say what is
    /// wanted.
    pub(super) fn challenged(
        &self,
        head: &ResponseHead,
        scope: &Scope,
        used: Option<&Secret>,
    ) -> Option<Scope> {
        let challenges: Vec<Challenge> =
            head.all("www-authenticate").flat_map(Challenge::parse).collect();
        let bearer = challenges.iter().find(|challenge| challenge.scheme == "bearer");
        let mut state = self.lock();
        // Another thread may have got a new one in the meantime.
        if state.tokens.get(scope).is_some_and(|token| used == Some(&header(&token.value))) {
            state.tokens.remove(scope);
        }
        if let Some((challenge, realm)) =
            bearer.and_then(|bearer| Some((bearer, bearer.parameter("realm")?)))
        {
            let service = challenge.parameter("service").map(str::to_owned);
            state.scheme = Scheme::Bearer { realm: realm.to_owned(), service };
            let wanted = challenge.parameter("scope").map(Scope::parse).unwrap_or_default();
            return Some(scope.and(&wanted));
        }
        if challenges.iter().any(|challenge| challenge.scheme == "basic") {
            state.scheme = Scheme::Basic;
            return Some(scope.clone());
        }
        None
    }

    pub(super) fn credential(
        &self,
        asker: Asker<'_>,
    ) -> Result<Option<Credential>, RegistryErrorCause> {
        let credential = asker
            .keychain
            .find(asker.place)
            .map_err(|diagnostic| RegistryErrorCause::Keychain(Box::new(diagnostic)))?;
        match &credential {
            Some(Credential::Basic { password, .. }) => self.remember(password),
            Some(Credential::IdentityToken(token)) => self.remember(token),
            None => {}
        }
        Ok(credential)
    }

    pub(super) fn basic(&self, username: &str, password: &Secret) -> Secret {
        let pair = BASE64_STANDARD.encode(format!("{username}:{}", password.expose()));
        self.remember(&Secret::new(pair.clone()));
        Secret::new(format!("Basic {pair}"))
    }

    pub(super) fn remember(&self, secret: &Secret) {
        let mut state = self.lock();
        if !secret.expose().is_empty()
            && !state.secrets.iter().any(|known| known.expose() == secret.expose())
        {
            state.secrets.push(secret.clone());
        }
    }

    /// Takes out of a text whatever secret it repeats.
    pub(super) fn scrub(&self, text: &str) -> String {
        let state = self.lock();
        state
            .secrets
            .iter()
            .fold(text.to_owned(), |text, secret| text.replace(secret.expose(), "…"))
    }

    pub(super) fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn header(token: &Secret) -> Secret {
    Secret::new(format!("Bearer {}", token.expose()))
}

/// Tells whether a URL belongs to the registry itself: only there its credential goes.
pub(super) fn is_own(base: &Url, url: &Url) -> bool {
    matches!((origin(base), origin(url)), (Ok(base), Ok(url)) if base == url)
}
