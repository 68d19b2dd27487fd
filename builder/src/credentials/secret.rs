//! A *secret* is a text that must not be shown: it has no `Display`, and its `Debug` is empty.

use std::fmt;

use serde::Deserialize;

/// A password or a token.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

/// What proves to a registry who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Credential {
    /// A user and a password.
    Basic {
        /// The user, which some registries ignore.
        username: String,
        /// The password, or a token that stands for it.
        password: Secret,
    },
    /// What `docker login` calls an identity token: a refresh token of OAuth 2.
    IdentityToken(Secret),
}

impl Secret {
    /// Returns a secret that holds this text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Returns the text, to send it to the one it is for.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl Credential {
    /// Returns a user and a password.
    pub fn basic(username: impl Into<String>, password: impl Into<String>) -> Self {
        Self::Basic { username: username.into(), password: Secret::new(password) }
    }

    /// Returns an identity token.
    pub fn identity_token(token: impl Into<String>) -> Self {
        Self::IdentityToken(Secret::new(token))
    }

    /// Returns what a person calls this kind, without the secret.
    pub fn noun(&self) -> String {
        match self {
            Self::Basic { username, .. } => format!("the password of `{username}`"),
            Self::IdentityToken(_) => "an identity token".into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_not_shown() {
        let check = |credential: Credential, expected: &str| {
            let shown = format!("{credential:?} {credential:#?} {}", credential.noun());
            assert!(!shown.contains("hunter2"), "{shown}");
            assert!(shown.contains(expected), "{shown}");
        };
        check(Credential::basic("me", "hunter2"), "the password of `me`");
        check(Credential::identity_token("hunter2"), "an identity token");
        assert_eq!(Secret::new("hunter2").expose(), "hunter2");
    }
}
