//! A *token request* asks a token server for a token, with a user and a password
//! (<https://distribution.github.io/distribution/spec/auth/token/>) or with an identity token
//! (<https://distribution.github.io/distribution/spec/auth/oauth/>).

use std::time::{Duration, Instant};

use serde_json::Value;
use url::form_urlencoded::Serializer;

use super::auth::{Authorization, CredentialContext, CredentialHistory, NO_CREDENTIAL};
use super::error::{RegistryErrorCause, Responder};
use super::scope::TokenScope;
use super::token::RegistryToken;
use crate::net::credential::Credential;
use crate::net::http::{HttpResponse, retry_after, server_words, web_page_words};
use crate::net::secret::Secret;

/// The lifetime of a token in seconds where the response declares none, as the specification says.
const DEFAULT_LIFETIME: f64 = 60.0;

/// The longest lifetime of a token that is believed, in seconds: a year.
const LIFETIME_MAX: f64 = 31_536_000.0;

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
        let realm =
            context.server.resolve_location(context.client, &context.server.base_url, realm)?;
        let credential = self.find_credential(context)?;
        let refused = match &credential {
            Some(_) => "the registry's token server refused the credential",
            None => NO_CREDENTIAL,
        };
        let answer = match credential {
            Some(Credential::IdentityToken(token)) => {
                let request = context
                    .server
                    .request("POST", &realm)
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
                let request = context.server.request("GET", &url);
                let request = match credential {
                    Some(Credential::Basic { username, password }) => {
                        let value = self.basic_header(&username, &password);
                        request.header("Authorization", value.expose())
                    }
                    _ => request,
                };
                context.client.send_following_redirects(&request)?
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
        let (status, host) = (answer.head.status, answer.origin().authority());
        let pause = retry_after(&answer.head);
        let redirect = answer.redirect_words();
        let body = match status {
            200..300 => answer.read_body(TOKEN_MAX)?,
            _ => answer.read_start(TOKEN_MAX),
        };
        let words = server_words(&body).map(|words| self.redact_secrets(&words));
        if matches!(status, 400 | 401 | 403) {
            let words = words.map(|words| format!(": {words}")).unwrap_or_default();
            let why = format!("{refused}: it answered {status}{words}");
            let before = self.lock_state().history == CredentialHistory::AcceptedBefore;
            return Err(if before {
                RegistryErrorCause::Expired(why)
            } else {
                RegistryErrorCause::Unauthorized(why)
            });
        }
        if !matches!(status, 200..300) {
            let (detail, responder) = (redirect.or(words), Responder::TokenServer(host));
            return Err(RegistryErrorCause::Status { responder, status, detail, pause });
        }
        let Some((value, lifetime)) = parse_token(&body) else {
            let words = web_page_words(&body).or(words).map(|words| format!(", but {words}"));
            let words = words.unwrap_or_default();
            let why = format!("the token server `{host}` sent no token{words}");
            return Err(RegistryErrorCause::InvalidContent(why));
        };
        self.remember_secret(&value);
        self.lock_state().history = CredentialHistory::AcceptedBefore;
        Ok(RegistryToken { value, since, lifetime })
    }
}

/// Returns the token of a response and its lifetime, if it has one. A lifetime is a number, which
/// some servers write as text; one that is not positive counts as none.
fn parse_token(body: &[u8]) -> Option<(Secret, Duration)> {
    let answer: Value = serde_json::from_slice(body).ok()?;
    let tokens =
        ["token", "access_token"].into_iter().filter_map(|name| answer.get(name)?.as_str());
    let token = tokens.map(str::trim).find(|token| !token.is_empty())?;
    let lifetime = match answer.get("expires_in") {
        Some(Value::String(text)) => text.trim().parse().ok(),
        Some(number) => number.as_f64(),
        None => None,
    };
    let lifetime = lifetime.filter(|seconds: &f64| *seconds > 0.0).unwrap_or(DEFAULT_LIFETIME);
    Some((Secret::new(token.to_owned()), Duration::from_secs_f64(lifetime.min(LIFETIME_MAX))))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_have_many_forms() {
        let check = |body: &str, expected: Option<(&str, u64)>| {
            let found = parse_token(body.as_bytes());
            let found =
                found.as_ref().map(|(token, lifetime)| (token.expose(), lifetime.as_secs()));
            assert_eq!(found, expected, "{body}");
        };
        check(r#"{"token":"a"}"#, Some(("a", 60)));
        check(r#"{"access_token":"a","expires_in":300}"#, Some(("a", 300)));
        check(r#"{"token":"","access_token":"b"}"#, Some(("b", 60)));
        check(r#"{"token":null,"access_token":"b"}"#, Some(("b", 60)));
        check(r#"{"token":7,"access_token":"b"}"#, Some(("b", 60)));
        for (lifetime, expected) in [
            ("0", 60),
            ("-1", 60),
            ("null", 60),
            ("true", 60),
            ("{}", 60),
            ("\"300\"", 300),
            ("\" 300 \"", 300),
            ("\"\"", 60),
            ("\"0\"", 60),
            ("\"-5\"", 60),
            ("\"soon\"", 60),
            ("\"NaN\"", 60),
            ("300.9", 300),
            ("3e2", 300),
            ("2", 2),
            ("18446744073709551616", 31_536_000),
            ("\"inf\"", 31_536_000),
        ] {
            let body = format!(r#"{{"token":"a","expires_in":{lifetime},"issued_at":5}}"#);
            check(&body, Some(("a", expected)));
        }
        for none in ["", "{}", "[]", "\"a\"", "<html>", r#"{"token":{}}"#, r#"{"token":" "}"#] {
            check(none, None);
        }
    }
}
