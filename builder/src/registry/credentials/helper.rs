//! A *helper* is a program `docker-credential-NAME` that stores credentials. It is run with the
//! argument `get`, reads a registry from its standard input and answers in JSON
//! (<https://github.com/docker/docker-credential-helpers>). The names of helpers and their answers
//! are defined here; a [`CredentialSystem`](super::CredentialSystem) runs them.

use std::io;
use std::time::Duration;

use serde::Deserialize;
use thiserror::Error;

use crate::net::credential::Credential;
use crate::net::secret::Secret;

/// The output of a helper that has no credential, which is not an error.
const NOT_FOUND: &str = "credentials not found in native keychain";

/// The user name that marks an identity token.
pub(super) const TOKEN_USER: &str = "<token>";

/// The longest time that a helper may take.
pub const HELPER_TIMEOUT: Duration = Duration::from_secs(60);

/// The longest answer of a helper, in bytes.
pub const HELPER_ANSWER_MAX: usize = 1 << 20;

/// Output and exit of a helper.
#[derive(Clone, PartialEq, Eq)]
pub struct HelperOutput {
    /// Whether it succeeded.
    pub exit: HelperExit,
    /// Its standard output.
    pub stdout: Vec<u8>,
}

/// Whether a helper succeeded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HelperExit {
    /// Exit status 0.
    Success,
    /// Any other exit status, or a signal.
    Failure,
}

/// Why a helper gave no answer. No message quotes its output.
#[derive(Debug, Error)]
pub enum HelperError {
    /// Its name has characters that could make it a path.
    #[error("its name has other characters than letters, digits, `.`, `_` and `-`")]
    Name,
    /// The program does not exist.
    #[error("it is not installed")]
    NotInstalled,
    /// It could not be run.
    #[error("it cannot be run: {0}")]
    Io(#[from] io::Error),
    /// It was ended after [`HELPER_TIMEOUT`].
    #[error("it gave no answer within {} s", HELPER_TIMEOUT.as_secs())]
    Timeout,
    /// It failed.
    #[error("it failed")]
    Failed,
    /// Its answer is not a credential.
    #[error("its answer is not a credential")]
    Answer,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct HelperAnswer {
    username: Option<String>,
    secret: Option<Secret>,
}

/// Returns the name of a helper's program; fails if `name` could be a path.
pub fn helper_program(name: &str) -> Result<String, HelperError> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    if name.is_empty() || !name.bytes().all(is_plain) {
        return Err(HelperError::Name);
    }
    Ok(format!("docker-credential-{name}"))
}

impl HelperOutput {
    /// Parses the answer; nothing if the helper has no credential.
    pub fn parse_credential(&self) -> Result<Option<Credential>, HelperError> {
        // Checked first, because a helper whose output is cut off may fail for that reason.
        if self.stdout.len() > HELPER_ANSWER_MAX {
            return Err(HelperError::Answer);
        }
        if self.exit == HelperExit::Failure {
            let said_so = self.stdout.trim_ascii() == NOT_FOUND.as_bytes();
            return if said_so { Ok(None) } else { Err(HelperError::Failed) };
        }
        let answer: HelperAnswer =
            serde_json::from_slice(&self.stdout).map_err(|_| HelperError::Answer)?;
        let username = answer.username.unwrap_or_default();
        let password = answer.secret.unwrap_or(Secret::new(""));
        if password.expose().is_empty() && (username.is_empty() || username == TOKEN_USER) {
            return Ok(None);
        }
        if username == TOKEN_USER {
            return Ok(Some(Credential::IdentityToken(password)));
        }
        Ok(Some(Credential::Basic { username, password }))
    }
}

impl std::fmt::Debug for HelperOutput {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HelperOutput").field("end", &self.exit).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_name_is_no_path() {
        let check = |name: &str, expected: Option<&str>| {
            assert_eq!(helper_program(name).ok().as_deref(), expected, "{name:?}");
        };
        check("pass", Some("docker-credential-pass"));
        check("ecr-login", Some("docker-credential-ecr-login"));
        check("a.b_C-9", Some("docker-credential-a.b_C-9"));
        check("", None);
        check("../../tmp/x", None);
        check("a/b", None);
        check("a b", None);
        check("a\0", None);
        check("ä", None);
    }

    #[test]
    fn an_answer_is_a_credential_or_nothing() {
        let check = |end: HelperExit, stdout: &str, expected: Result<Option<Credential>, &str>| {
            let output = HelperOutput { exit: end, stdout: stdout.into() };
            let found = output.parse_credential().map_err(|error| error.to_string());
            assert_eq!(found, expected.map_err(Into::into), "{stdout}");
            assert!(!format!("{output:?}").contains("hunter2"));
        };
        let (success, failure) = (HelperExit::Success, HelperExit::Failure);
        let basic = r#"{"ServerURL":"q.io","Username":"me","Secret":"hunter2"}"#;
        check(success, basic, Ok(Some(Credential::basic("me", "hunter2"))));
        check(success, &format!("{basic}\n"), Ok(Some(Credential::basic("me", "hunter2"))));
        let token = r#"{"Username":"<token>","Secret":"hunter2"}"#;
        check(success, token, Ok(Some(Credential::IdentityToken(Secret::new("hunter2")))));
        check(success, r#"{"Username":"<token>","Secret":""}"#, Ok(None));
        check(success, r#"{"Username":"me"}"#, Ok(Some(Credential::basic("me", ""))));
        check(success, r#"{"Username":null,"Secret":null}"#, Ok(None));
        check(success, "{}", Ok(None));
        check(failure, "credentials not found in native keychain", Ok(None));
        check(failure, "credentials not found in native keychain\n", Ok(None));
        check(failure, "hunter2", Err("it failed"));
        check(failure, basic, Err("it failed"));
        check(failure, "", Err("it failed"));
        let garbage = "its answer is not a credential";
        check(success, "", Err(garbage));
        check(success, "hunter2", Err(garbage));
        check(success, r#""hunter2""#, Err(garbage));
        check(success, r#"{"Username":1,"Secret":"hunter2"}"#, Err(garbage));
        check(success, &basic.replace('}', ",}"), Err(garbage));
        check(success, &" ".repeat(HELPER_ANSWER_MAX + 1), Err(garbage));
        check(failure, &" ".repeat(HELPER_ANSWER_MAX + 1), Err(garbage));
        check(success, "credentials not found in native keychain", Err(garbage));
    }

    proptest! {
        #[test]
        fn any_answer_is_read(stdout in prop::collection::vec(any::<u8>(), 0..64)) {
            let output = HelperOutput { exit: HelperExit::Success, stdout };
            let is_json = output.stdout.iter().any(|byte| b"{[".contains(byte));
            prop_assert!(is_json || output.parse_credential().is_err());
        }
    }
}
