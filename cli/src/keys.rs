//! *Keys* that sign images, and keys that check them, in files and variables.

use std::path::Path;

use diskette_builder::recipe::diagnostic::Diagnostic;
use diskette_builder::signature::error::SignatureError;
use diskette_builder::signature::key::{KeyError, PrivateKey, PublicKey};

use crate::environment::Environment;
use crate::error::{CommandError, cannot};
use crate::files::{open_file, read_at_most, read_secret};

/// The longest key or policy that is read, in bytes.
const TEXT_MAX: usize = 1 << 20;

/// Reads a key that signs. `source` is a file, or `env://NAME`. An encrypted key needs a password.
pub(crate) fn read_private_key(
    source: &str,
    password_file: Option<&Path>,
    environment: &Environment,
) -> Result<PrivateKey, CommandError> {
    let text = read_key(source, environment)?;
    let password = match password_file {
        Some(path) => Some(read_secret(path)?),
        None => environment.key_password(),
    };
    let key = PrivateKey::parse(&text, password.as_ref());
    key.map_err(|error| key_error(source, &error))
}

/// Reads the keys of a file that check signatures. `source` is the file, or `env://NAME`.
pub(crate) fn read_public_keys(
    source: &str,
    environment: &Environment,
) -> Result<Vec<PublicKey>, CommandError> {
    let text = read_key(source, environment)?;
    PublicKey::parse_all(&text).map_err(|error| key_error(source, &error))
}

/// Reads a key, or a policy that names keys.
pub(crate) fn read_text(path: &Path) -> std::io::Result<Vec<u8>> {
    let text = open_file(path).and_then(|file| read_at_most(file, TEXT_MAX))?;
    if text.len() > TEXT_MAX {
        return Err(std::io::Error::other("it is longer than 1 MiB"));
    }
    Ok(text)
}

fn read_key(source: &str, environment: &Environment) -> Result<Vec<u8>, CommandError> {
    let Some(name) = source.strip_prefix("env://") else {
        return Ok(read_text(Path::new(source)).map_err(cannot("read the key", source))?);
    };
    let missing = || {
        let message = format!("there is no key in `{source}`: the variable is not set, or empty");
        CommandError::from(Diagnostic::new(message))
    };
    Ok(environment.variable(name).ok_or_else(missing)?.into_bytes())
}

fn key_error(source: &str, error: &KeyError) -> CommandError {
    let diagnostic = Diagnostic::new(format!("cannot use the key `{source}`: {error}"));
    CommandError::from(match error.help() {
        Some(help) => diagnostic.help(help),
        None => diagnostic,
    })
}

impl From<SignatureError> for CommandError {
    fn from(error: SignatureError) -> Self {
        match error {
            SignatureError::Image(error) => error.into(),
            error => {
                let diagnostic = Diagnostic::new(error.to_string());
                match error.help() {
                    Some(help) => diagnostic.help(help).into(),
                    None => diagnostic.into(),
                }
            }
        }
    }
}
