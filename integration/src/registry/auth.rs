//! **Auth** exchanges names and passwords for tokens, and checks tokens, by the distribution project's
//! `spec/auth/token.md` and `spec/auth/oauth.md`.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use serde_json::json;

use super::Shared;
use super::answer::RegistryAnswer;
use super::body::Body;
use super::profile::{AnonymousAccess, AuthScheme, TokenExpiry, TokenForm, Tokens};
use super::route::{Request, Route};
use super::wire;
use crate::disk::sha256;

/// Value of `service` in challenges.
const SERVICE: &str = "registry.test";

/// The identity token, which can be exchanged for a token instead of name and password.
pub const IDENTITY_TOKEN: &str = "an-identity-token";

/// Maximum length of a form in bytes.
const FORM_LIMIT: u64 = 64 << 10;

/// The password of the user, and the issued tokens.
#[derive(Debug)]
pub(super) struct TokenKeys {
    pub(super) password: String,
    tokens: BTreeMap<String, Issued>,
    /// All issued tokens, including invalid ones.
    pub(super) given: Vec<String>,
}

#[derive(Debug)]
struct Issued {
    until: Instant,
    access: Vec<RepositoryAccess>,
}

/// Actions that are allowed in a repository.
#[derive(Debug, Clone)]
struct RepositoryAccess {
    repository: String,
    actions: Vec<String>,
}

impl TokenKeys {
    pub(super) fn new(password: &str) -> Self {
        Self { password: password.to_owned(), tokens: BTreeMap::new(), given: Vec::new() }
    }

    /// Makes all tokens invalid.
    pub(super) fn expire_tokens(&mut self) {
        self.tokens.clear();
    }

    fn issue(&mut self, tokens: &Tokens, access: Vec<RepositoryAccess>) -> String {
        let secret = sha256(format!("{}{}", self.password, self.given.len()).as_bytes());
        let token = match tokens.form {
            TokenForm::Opaque => secret,
            TokenForm::Jwt => jwt(tokens.lifetime, &access, &secret),
        };
        let until = Instant::now() + tokens.lifetime;
        self.given.push(token.clone());
        self.tokens.insert(token.clone(), Issued { until, access });
        token
    }

    /// Checks a token; the error is that of a challenge.
    fn check(&self, token: &str, needed: Option<(&str, &str)>) -> Result<(), &'static str> {
        let issued = self.tokens.get(token).ok_or("invalid_token")?;
        if issued.until < Instant::now() {
            return Err("invalid_token");
        }
        let Some((repository, action)) = needed else { return Ok(()) };
        let is_enough = issued.access.iter().any(|access| access.allows(repository, action));
        is_enough.then_some(()).ok_or("insufficient_scope")
    }
}

impl RepositoryAccess {
    /// Parses a scope `repository:NAME:ACTION,ACTION`.
    fn parse(scope: &str) -> Option<Self> {
        let (repository, actions) = scope.strip_prefix("repository:")?.rsplit_once(':')?;
        let actions = actions.split(',').map(str::to_owned).collect();
        Some(Self { repository: repository.to_owned(), actions })
    }

    fn allows(&self, repository: &str, action: &str) -> bool {
        self.repository == repository && self.actions.iter().any(|allowed| allowed == action)
    }
}

fn now() -> u64 {
    UNIX_EPOCH.elapsed().unwrap().as_secs()
}

fn jwt(lifetime: Duration, access: &[RepositoryAccess], secret: &str) -> String {
    let access = access.iter().map(
        |access| json!({"type": "repository", "name": access.repository, "actions": access.actions}),
    );
    let until = (SystemTime::now() + lifetime).duration_since(UNIX_EPOCH).unwrap().as_secs();
    let claims =
        json!({"iss": "test", "iat": now(), "exp": until, "access": access.collect::<Vec<_>>()});
    let encode = |text: String| BASE64_URL_SAFE_NO_PAD.encode(text);
    let head = encode(json!({"alg": "HS256", "typ": "JWT"}).to_string());
    format!("{head}.{}.{}", encode(claims.to_string()), encode(secret.to_owned()))
}

/// Returns the repository and the action that a request needs a right for.
fn needed<'a>(request: &Request<'a>) -> Option<(&'a str, &'static str)> {
    let action = match &request.head.method[..] {
        "GET" | "HEAD" => "pull",
        "DELETE" => "delete",
        _ => "push",
    };
    Some((request.route.repository()?, action))
}

impl Shared {
    /// Checks that a request is allowed; the error is the response if it is not.
    pub(super) fn authorize(&self, request: &Request<'_>) -> Result<(), RegistryAnswer> {
        if matches!(request.route, Route::Token | Route::Stored(_)) {
            return Ok(());
        }
        let given = request.head.header("authorization");
        match self.profile.auth {
            AuthScheme::None => Ok(()),
            AuthScheme::Basic if given.is_some_and(|given| self.knows(given)) => Ok(()),
            AuthScheme::Basic => Err(self.challenge(request, None)),
            AuthScheme::Bearer(_) => {
                let token = given.and_then(|given| given.strip_prefix("Bearer "));
                let Some(token) = token else { return Err(self.challenge(request, None)) };
                let checked = self.keys.lock().unwrap().check(token, needed(request));
                checked.map_err(|error| self.challenge(request, Some(error)))
            }
        }
    }

    /// Returns a `401` with a challenge.
    pub(super) fn challenge(&self, request: &Request<'_>, error: Option<&str>) -> RegistryAnswer {
        let challenge = match self.profile.auth {
            AuthScheme::None => "Basic realm=\"nobody\"".to_owned(),
            AuthScheme::Basic => format!("Basic realm=\"{SERVICE}\""),
            AuthScheme::Bearer(tokens) => {
                let realm = format!("http://{}/token", self.address(tokens.realm));
                let scope = needed(request).map_or(String::new(), |(repository, action)| {
                    let actions = if action == "push" { "pull,push" } else { action };
                    format!(",scope=\"repository:{repository}:{actions}\"")
                });
                let error = error.map_or(String::new(), |error| format!(",error=\"{error}\""));
                format!("Bearer realm=\"{realm}\",service=\"{SERVICE}\"{scope}{error}")
            }
        };
        RegistryAnswer::error(401, "UNAUTHORIZED", "authentication required")
            .with("WWW-Authenticate", challenge)
    }

    /// Returns whether name and password are right.
    fn knows(&self, authorization: &str) -> bool {
        let encoded = authorization.strip_prefix("Basic ").unwrap_or_default();
        let decoded = BASE64_STANDARD.decode(encoded).unwrap_or_default();
        let decoded = String::from_utf8(decoded).unwrap_or_default();
        decoded.split_once(':').is_some_and(|(user, password)| self.is_user(user, password))
    }

    fn is_user(&self, user: &str, password: &str) -> bool {
        let is_named = self.profile.user.is_none_or(|known| known == user);
        is_named && self.keys.lock().unwrap().password == password
    }

    /// Answers a request for a token.
    pub(super) fn token(
        &self,
        request: &Request<'_>,
        body: &mut Body<'_>,
    ) -> io::Result<RegistryAnswer> {
        let AuthScheme::Bearer(tokens) = self.profile.auth else {
            return Ok(RegistryAnswer::new(404));
        };
        if tokens.realm != request.door {
            return Ok(RegistryAnswer::new(404));
        }
        if request.head.method != "POST" {
            return Ok(self.token_by_password(request, &tokens));
        }
        let mut form = String::new();
        body.take(FORM_LIMIT).read_to_string(&mut form)?;
        Ok(self.token_by_form(&wire::pairs(&form), &tokens))
    }

    fn token_by_password(&self, request: &Request<'_>, tokens: &Tokens) -> RegistryAnswer {
        let authorization = request.head.header("authorization");
        if authorization.is_some_and(|given| !self.knows(given)) {
            return RegistryAnswer::error(401, "UNAUTHORIZED", "wrong name or password");
        }
        let mut access = accesses(&request.head.query);
        if authorization.is_none() {
            if tokens.anonymous == AnonymousAccess::Nothing {
                return RegistryAnswer::error(401, "UNAUTHORIZED", "who are you?");
            }
            for access in &mut access {
                access.actions.retain(|action| action == "pull");
            }
        }
        self.issued(tokens, access)
    }

    /// Answers a request for a token by `POST` (`OAuth2`).
    fn token_by_form(&self, form: &[(String, String)], tokens: &Tokens) -> RegistryAnswer {
        if let Some(status) = tokens.post_status {
            return RegistryAnswer::error(status, "UNSUPPORTED", "not here");
        }
        let field = |name| wire::value(form, name).unwrap_or_default();
        let is_known = match field("grant_type") {
            "refresh_token" => field("refresh_token") == IDENTITY_TOKEN,
            "password" => self.is_user(field("username"), field("password")),
            _ => false,
        };
        if !is_known {
            return RegistryAnswer::error(401, "UNAUTHORIZED", "wrong name or password");
        }
        self.issued(tokens, accesses(form))
    }

    fn issued(&self, tokens: &Tokens, access: Vec<RepositoryAccess>) -> RegistryAnswer {
        let token = self.keys.lock().unwrap().issue(tokens, access);
        let mut answer = json!({ "token": token, "access_token": token });
        if tokens.expiry == TokenExpiry::Declared {
            answer["expires_in"] = tokens.lifetime.as_secs().into();
        }
        RegistryAnswer::new(200).body("application/json", answer.to_string())
    }
}

/// Returns the requested scopes: `scope` may occur several times, and each may have several.
fn accesses(pairs: &[(String, String)]) -> Vec<RepositoryAccess> {
    let scopes = pairs.iter().filter(|(name, _)| name == "scope");
    scopes.flat_map(|(_, scopes)| scopes.split(' ')).filter_map(RepositoryAccess::parse).collect()
}
