//! An *edit* of an auth file: a login adds an entry, a logout removes one. The file is edited as
//! JSON, not through types, so that the keys of other tools are kept.

use std::io;

use serde::Serialize as _;
use serde_json::ser::{PrettyFormatter, Serializer};
use serde_json::{Map, Value, json};
use thiserror::Error;

use super::file::{AuthFile, AuthFileError, AuthFileFormat, encode_auth};
use super::helper::TOKEN_USER;
use super::key::{KeyForm, LoginKey, is_alias};
use crate::net::credential::Credential;

/// An auth file that is being changed.
#[derive(Clone, PartialEq)]
pub struct AuthFileEdit(Map<String, Value>);

/// The result of a logout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogoutOutcome {
    /// The entry was removed.
    Removed,
    /// There was no entry.
    NotLoggedIn,
}

/// Why an auth file cannot be changed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum AuthFileEditError {
    /// It is not an auth file.
    #[error(transparent)]
    Invalid(#[from] AuthFileError),
    /// It is a `.dockercfg`, docker's format before 2015.
    #[error("is a `.dockercfg`; logins go to a file of the new format")]
    OldFormat,
    /// A helper has the passwords of this registry, so an entry would never be used.
    #[error("leaves `{registry}` to the helper `docker-credential-{helper}`")]
    Helper {
        /// The registry.
        registry: String,
        /// `NAME` of `docker-credential-NAME`.
        helper: String,
    },
    /// The user's name has a colon, which would end it in the file.
    #[error("cannot hold a user whose name has a colon")]
    ColonInUser,
}

impl AuthFileEdit {
    /// Parses the content of a file; a missing or empty file has no entries.
    pub fn parse(bytes: Option<&[u8]>) -> Result<Self, AuthFileEditError> {
        let bytes = bytes.filter(|bytes| !bytes.trim_ascii().is_empty());
        let Some(bytes) = bytes else { return Ok(Self(Map::new())) };
        let file = AuthFile::parse(bytes, AuthFileFormat::Any)?;
        if file.is_flat() {
            return Err(AuthFileEditError::OldFormat);
        }
        // `AuthFile::parse` has checked that it is an object.
        Ok(Self(serde_json::from_slice(bytes).map_err(|_| AuthFileError::Outermost)?))
    }

    /// Adds an entry, or replaces the one of this key.
    pub fn set(
        &mut self,
        key: &LoginKey,
        credential: &Credential,
    ) -> Result<(), AuthFileEditError> {
        self.check_helper(key)?;
        let entry = match credential {
            Credential::Basic { username, .. } if username.contains(':') => {
                return Err(AuthFileEditError::ColonInUser);
            }
            Credential::Basic { username, password } => {
                json!({"auth": encode_auth(username, password.expose())})
            }
            // podman and skopeo ignore an entry whose `auth` is empty.
            Credential::IdentityToken(token) => {
                json!({"auth": encode_auth(TOKEN_USER, ""), "identitytoken": token.expose()})
            }
        };
        if !self.0.get("auths").is_some_and(Value::is_object) {
            self.0.insert("auths".into(), json!({}));
        }
        if let Some(Value::Object(auths)) = self.0.get_mut("auths") {
            auths.insert(key.text(), entry);
        }
        Ok(())
    }

    /// Removes the entry under all names of its registry.
    pub fn remove(&mut self, key: &LoginKey) -> Result<LogoutOutcome, AuthFileEditError> {
        self.check_helper(key)?;
        let Some(Value::Object(auths)) = self.0.get_mut("auths") else {
            return Ok(LogoutOutcome::NotLoggedIn);
        };
        let before = auths.len();
        let whole = key.path().is_none();
        auths.retain(|old, _| {
            *old != key.text() && !(whole && is_alias(old, key.registry(), KeyForm::Scoped))
        });
        Ok(if auths.len() < before { LogoutOutcome::Removed } else { LogoutOutcome::NotLoggedIn })
    }

    fn check_helper(&self, key: &LoginKey) -> Result<(), AuthFileEditError> {
        let Some(Value::Object(helpers)) = self.0.get("credHelpers") else { return Ok(()) };
        let registry = key.registry();
        let helper = helpers
            .iter()
            .filter(|(name, _)| is_alias(name, registry, KeyForm::Scoped))
            .find_map(|(_, helper)| helper.as_str().filter(|helper| !helper.is_empty()));
        helper.map_or(Ok(()), |helper| {
            Err(AuthFileEditError::Helper { registry: registry.into(), helper: helper.into() })
        })
    }

    /// Returns the file as podman and docker write it, indented by tabs.
    pub fn to_bytes(&self) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        let mut to = Serializer::with_formatter(&mut bytes, PrettyFormatter::with_indent(b"\t"));
        self.0.serialize(&mut to)?;
        bytes.push(b'\n');
        Ok(bytes)
    }
}

impl std::fmt::Debug for AuthFileEdit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AuthFileEdit").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::secret::Secret;

    /// Applies `edit` to a file and compares the result without tabs and line breaks.
    fn check(
        file: &str,
        edit: impl Fn(&mut AuthFileEdit) -> Result<(), AuthFileEditError>,
        expected: &str,
    ) {
        let edited = AuthFileEdit::parse(Some(file.as_bytes())).and_then(|mut edited| {
            edit(&mut edited)?;
            Ok(String::from_utf8(edited.to_bytes().unwrap()).unwrap())
        });
        let shown = edited.unwrap_or_else(|error| error.to_string());
        assert_eq!(shown.replace(['\t', '\n'], ""), expected, "{file}");
    }

    fn set(key: &str) -> impl Fn(&mut AuthFileEdit) -> Result<(), AuthFileEditError> {
        move |edit| edit.set(&key.parse().unwrap(), &Credential::basic("u", "p"))
    }

    fn remove(
        key: &str,
        expected: LogoutOutcome,
    ) -> impl Fn(&mut AuthFileEdit) -> Result<(), AuthFileEditError> {
        move |edit| {
            assert_eq!(edit.remove(&key.parse().unwrap())?, expected);
            Ok(())
        }
    }

    #[test]
    fn a_login_adds_an_entry_and_keeps_the_rest() {
        let entry = r#"{"auth": "dTpw"}"#;
        check("", set("q.io"), &format!(r#"{{"auths": {{"q.io": {entry}}}}}"#));
        check(" \n", set("q.io/a/b"), &format!(r#"{{"auths": {{"q.io/a/b": {entry}}}}}"#));
        check("{}", set("index.docker.io"), &format!(r#"{{"auths": {{"docker.io": {entry}}}}}"#));
        check(r#"{"auths": null}"#, set("q.io"), &format!(r#"{{"auths": {{"q.io": {entry}}}}}"#));
        check(
            r#"{"auths": {"a.io": {"auth": "eDp5", "email": "e"}, "q.io": {"auth": "eDp5"}}, "x": [1]}"#,
            set("q.io"),
            &format!(
                r#"{{"auths": {{"a.io": {{"auth": "eDp5","email": "e"}},"q.io": {entry}}},"x": [1]}}"#
            ),
        );
        check(
            r#"{"credHelpers": {"a.io": "pass", "q.io": ""}}"#,
            set("q.io"),
            &format!(
                r#"{{"auths": {{"q.io": {entry}}},"credHelpers": {{"a.io": "pass","q.io": ""}}}}"#
            ),
        );
        check(
            r#"{"credHelpers": {"https://q.io/v2/": "pass"}}"#,
            set("q.io/a"),
            "leaves `q.io` to the helper `docker-credential-pass`",
        );
        check("[]", set("q.io"), "is not an auth file: it is not a JSON object");
        check("{", set("q.io"), "is not JSON at line 1, column 1");
        let old = "is a `.dockercfg`; logins go to a file of the new format";
        check(r#"{"https://q.io": {"auth": "eDp5"}}"#, set("q.io"), old);
        check(
            "{}",
            |edit| edit.set(&"q.io".parse().unwrap(), &Credential::basic("u:", "p")),
            "cannot hold a user whose name has a colon",
        );
        check(
            "{}",
            |edit| edit.set(&"q.io".parse().unwrap(), &Credential::IdentityToken(Secret::new("t"))),
            r#"{"auths": {"q.io": {"auth": "PHRva2VuPjo=","identitytoken": "t"}}}"#,
        );
    }

    #[test]
    fn a_logout_removes_an_entry_under_all_its_names() {
        let file = r#"{"auths": {"q.io": {}, "https://q.io/v1/": {}, "q.io/a": {}, "r.io": {}}}"#;
        check(
            file,
            remove("q.io", LogoutOutcome::Removed),
            r#"{"auths": {"q.io/a": {},"r.io": {}}}"#,
        );
        check(
            file,
            remove("q.io/a", LogoutOutcome::Removed),
            r#"{"auths": {"https://q.io/v1/": {},"q.io": {},"r.io": {}}}"#,
        );
        let same = r#"{"auths": {"q.io/a": {}}}"#;
        check(same, remove("q.io", LogoutOutcome::NotLoggedIn), same);
        check(same, remove("q.io/a/b", LogoutOutcome::NotLoggedIn), same);
        check("", remove("q.io", LogoutOutcome::NotLoggedIn), "{}");
        let docker = r#"{"auths": {"https://index.docker.io/v1/": {}, "index.docker.io": {}}}"#;
        check(docker, remove("docker.io", LogoutOutcome::Removed), r#"{"auths": {}}"#);
        check(
            r#"{"credHelpers": {"q.io": "pass"}}"#,
            remove("q.io", LogoutOutcome::NotLoggedIn),
            "leaves `q.io` to the helper `docker-credential-pass`",
        );
    }

    #[test]
    fn files_are_indented_as_podman_does() {
        let mut edit = AuthFileEdit::parse(None).unwrap();
        edit.set(&"q.io".parse().unwrap(), &Credential::basic("u", "p")).unwrap();
        let expected =
            "{\n\t\"auths\": {\n\t\t\"q.io\": {\n\t\t\t\"auth\": \"dTpw\"\n\t\t}\n\t}\n}\n";
        assert_eq!(String::from_utf8(edit.to_bytes().unwrap()).unwrap(), expected);
        assert!(!format!("{edit:?}").contains("dTpw"));
    }
}
