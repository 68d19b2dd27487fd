//! A *credential* authenticates the user of a registry.

use crate::net::secret::Secret;

/// What a client presents to a registry to authenticate.
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

impl Credential {
    /// Returns a user and a password.
    pub fn basic(username: impl Into<String>, password: impl Into<String>) -> Self {
        Self::Basic { username: username.into(), password: Secret::new(password) }
    }

    /// Returns a description for the user, without the secret.
    pub fn describe(&self) -> String {
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
    fn a_credential_is_named_without_its_secret() {
        let check = |credential: Credential, expected: &str| {
            assert_eq!(credential.describe(), expected);
            assert!(!format!("{credential:?}").contains("hunter2"));
        };
        check(Credential::basic("me", "hunter2"), "the password of `me`");
        check(Credential::IdentityToken(Secret::new("hunter2")), "an identity token");
    }
}
