//! A *token request* asks a token server for a token, with a user and a password
//! (<https://distribution.github.io/distribution/spec/auth/token/>) or with an identity token
//! (<https://distribution.github.io/distribution/spec/auth/oauth/>).

use std::time::{Duration, Instant};

use serde::Deserialize;
use url::form_urlencoded::Serializer;

use super::auth::{Authorization, CredentialContext, CredentialHistory, NO_CREDENTIAL};
use super::error::RegistryErrorCause;
use super::scope::TokenScope;
use super::token::RegistryToken;
use crate::net::credential::Credential;
use crate::net::http::retry_after;
use crate::net::http::{HttpError, HttpRequest, HttpResponse};
use crate::net::secret::Secret;

/// The body of a token server's response.
#[derive(Deserialize)]
struct TokenResponse {
    token: Option<String>,
    access_token: Option<String>,
    expires_in: Option<u64>,
}

/// The lifetime of a token in seconds where the response declares none, as the specification says.
const DEFAULT_LIFETIME: u64 = 60;

/// The longest response of a token server, in bytes.
const TOKEN_MAX: u64 = 256 * 1024;

impl Authorization {
    pub(super) fn request_token(
        &self,
        context: CredentialContext<'_>,
        realm: &str,
        service: Option<&str>,
        scope: &TokenScope,
    ) -> Result<RegistryToken, RegistryErrorCause> {
        // The credential goes with this request, so its destination is checked.
        let realm = context.client.resolve_location(context.base_url, realm)?;
        let credential = self.find_credential(context)?;
        let refused = match &credential {
            Some(_) => "the registry's token server refused the credential",
            None => NO_CREDENTIAL,
        };
        let answer = match credential {
            Some(Credential::IdentityToken(token)) => {
                let request = HttpRequest::new("POST", &realm)
                    .header("Content-Type", "application/x-www-form-urlencoded");
                context
                    .client
                    .send(&request, refresh_token_form(&token, service, scope).as_bytes())?
            }
            credential => {
                let mut url = realm;
                url.query_pairs_mut()
                    .extend_pairs(service.map(|service| ("service", service)))
                    .extend_pairs(scope.resource_scopes().map(|scope| ("scope", scope)));
                let request = HttpRequest::new("GET", &url);
                let request = match credential {
                    Some(Credential::Basic { username, password }) => {
                        let value = self.basic_header(&username, &password);
                        request.header("Authorization", value.expose())
                    }
                    _ => request,
                };
                context.client.send(&request, &[])?
            }
        };
        self.read_token(answer, refused)
    }

    /// Reads the response of a token server; `refused` is the error message if it denies a token.
    fn read_token(
        &self,
        answer: HttpResponse,
        refused: &str,
    ) -> Result<RegistryToken, RegistryErrorCause> {
        let since = Instant::now();
        let status = answer.head.status;
        if matches!(status, 400 | 401 | 403) {
            answer.discard();
            let why = format!("{refused}: it answered {status}");
            let before = self.lock_state().history == CredentialHistory::AcceptedBefore;
            return Err(if before {
                RegistryErrorCause::Expired(why)
            } else {
                RegistryErrorCause::Unauthorized(why)
            });
        }
        if status != 200 {
            let pause = retry_after(&answer.head);
            answer.discard();
            let detail = Some("asked for a token".to_owned());
            return Err(RegistryErrorCause::Status { status, detail, pause });
        }
        let body = answer.read_body(TOKEN_MAX)?;
        let rubbish = || HttpError::Protocol("the token server sent no token".into());
        let answer: TokenResponse = serde_json::from_slice(&body).map_err(|_| rubbish())?;
        let value = [answer.token, answer.access_token].into_iter().flatten();
        let value = value.filter(|value| !value.is_empty()).map(Secret::new).next();
        let value = value.ok_or_else(rubbish)?;
        self.remember_secret(&value);
        self.lock_state().history = CredentialHistory::AcceptedBefore;
        let lifetime = Duration::from_secs(answer.expires_in.unwrap_or(DEFAULT_LIFETIME));
        Ok(RegistryToken { value, since, lifetime })
    }
}

/// Returns the form of a token request that presents an identity token.
fn refresh_token_form(token: &Secret, service: Option<&str>, scope: &TokenScope) -> String {
    let parts = scope.resource_scopes().collect::<Vec<_>>().join(" ");
    Serializer::new(String::new())
        .append_pair("grant_type", "refresh_token")
        .append_pair("client_id", "diskette")
        .append_pair("refresh_token", token.expose())
        .append_pair("scope", &parts)
        .extend_pairs(service.map(|service| ("service", service)))
        .finish()
}
