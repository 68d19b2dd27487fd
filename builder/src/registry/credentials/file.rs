//! An *auth file* maps registries, and paths in them, to credentials or to credential helpers:
//! the `auth.json` of podman and skopeo, docker's `config.json`, the `.dockerconfigjson` and
//! `.dockercfg` of Kubernetes.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde::Deserialize;
use serde_json::Value;
use serde_json::error::Category;
use thiserror::Error;

use super::key::{KeyForm, candidate_keys, is_alias};
use crate::net::credential::Credential;
use crate::net::secret::Secret;
use crate::oci::image::reference::Reference;

/// The largest auth file that is read, in bytes.
pub const AUTH_FILE_MAX: usize = 1 << 20;

/// Base64 with or without padding, as these files are also written by hand.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// The format of an auth file, by the tool that writes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuthFileFormat {
    /// `auth.json` of podman and skopeo: `auths` and `credHelpers`.
    Containers,
    /// `config.json` of docker: also `credsStore`, a helper for all registries.
    Docker,
    /// `.dockercfg`: only the entries that other formats have under `auths`.
    Flat,
    /// Docker's or the flat format, detected from the content. For files that a user names.
    Any,
}

/// Why a text is not an auth file. No message quotes the file.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum AuthFileError {
    /// It is longer than [`AUTH_FILE_MAX`].
    #[error("is larger than 1 MiB")]
    TooLong,
    /// It is empty.
    #[error("is empty")]
    Empty,
    /// It is not JSON.
    #[error("is not JSON at line {line}, column {column}")]
    Json {
        /// Counted from 1.
        line: usize,
        /// Counted from 1, in bytes.
        column: usize,
    },
    /// It is JSON, but no auth file.
    #[error("is not an auth file: what ends at line {line}, column {column} does not belong there")]
    Kind {
        /// Counted from 1.
        line: usize,
        /// Counted from 1, in bytes.
        column: usize,
    },
    /// The outermost value is no object.
    #[error("is not an auth file: it is not a JSON object")]
    Outermost,
    /// `auth` is not base64, or not of a user and a password; holds the key of the entry.
    #[error("has an `auth` for `{0}` that is not the base64 of `USER:PASSWORD`")]
    Auth(String),
}

/// The credentials and helpers of an auth file.
#[derive(Debug, Default, PartialEq)]
pub struct AuthFile {
    auths: BTreeMap<String, AuthFileEntry>,
    helpers: BTreeMap<String, String>,
    /// The helper for registries without one of their own.
    store: Option<String>,
    key_form: KeyForm,
}

#[derive(Debug, Default, PartialEq, Deserialize)]
struct AuthFileEntry {
    auth: Option<Secret>,
    username: Option<String>,
    password: Option<Secret>,
    identitytoken: Option<Secret>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AuthFileDocument {
    auths: Option<BTreeMap<String, Option<AuthFileEntry>>>,
    cred_helpers: Option<BTreeMap<String, String>>,
    creds_store: Option<String>,
}

/// The result of looking up an image in an auth file.
#[derive(Debug, PartialEq, Eq)]
pub enum AuthFileLookup {
    /// A credential.
    Entry {
        /// Its key.
        key: String,
        /// The credential.
        credential: Credential,
    },
    /// A helper, which is the only source in this file.
    Helper {
        /// Its key; nothing for the helper for all registries.
        key: Option<String>,
        /// `NAME` of `docker-credential-NAME`.
        name: String,
    },
    /// An empty entry, as docker writes it where a helper has the password.
    Blank {
        /// Its key.
        key: String,
    },
    /// No entry.
    NoEntry,
}

impl AuthFile {
    /// Parses an auth file. Unknown keys are ignored.
    pub fn parse(bytes: &[u8], format: AuthFileFormat) -> Result<Self, AuthFileError> {
        let format = detect_format(bytes, format)?;
        if format == AuthFileFormat::Flat {
            let auths: BTreeMap<String, Option<AuthFileEntry>> = parse_json(bytes)?;
            return Ok(Self {
                auths: fill_entries(auths),
                key_form: KeyForm::Hosts,
                ..Self::default()
            });
        }
        let config: AuthFileDocument = parse_json(bytes)?;
        let store =
            config.creds_store.filter(|name| format == AuthFileFormat::Docker && !name.is_empty());
        Ok(Self {
            auths: fill_entries(config.auths.unwrap_or_default()),
            helpers: config.cred_helpers.unwrap_or_default(),
            store,
            key_form: KeyForm::Scoped,
        })
    }

    /// Fails if an entry has no usable credential; a lookup sees the entry of its image only.
    pub(super) fn check_entries(&self) -> Result<(), AuthFileError> {
        self.auths.iter().try_for_each(|(key, entry)| entry.parse_credential(key).map(drop))
    }

    /// Returns whether the file is a `.dockercfg`.
    pub(super) fn is_flat(&self) -> bool {
        self.key_form == KeyForm::Hosts
    }

    /// Looks an image up. The order is that of podman and skopeo: a helper for the registry, then
    /// the most specific entry. Docker's helper for all registries comes last: docker empties the
    /// entries of what it keeps there, so a filled one was written later by another tool.
    pub fn lookup(&self, image: &Reference) -> Result<AuthFileLookup, AuthFileError> {
        let registry = image.registry();
        let helper = find_entry(&self.helpers, [registry.to_owned()], registry, self.key_form);
        if let Some((key, name)) = helper.filter(|(_, name)| !name.is_empty()) {
            return Ok(AuthFileLookup::Helper { key: Some(key.clone()), name: name.clone() });
        }
        let keys = candidate_keys(image, self.key_form);
        let entry = find_entry(&self.auths, keys, registry, self.key_form);
        if let Some((key, entry)) = entry
            && let Some(credential) = entry.parse_credential(key)?
        {
            return Ok(AuthFileLookup::Entry { key: key.clone(), credential });
        }
        // An empty name disables the helper for all registries.
        if let Some(name) = self.store.as_ref().filter(|_| helper.is_none()) {
            return Ok(AuthFileLookup::Helper { key: None, name: name.clone() });
        }
        Ok(entry
            .map_or(AuthFileLookup::NoEntry, |(key, _)| AuthFileLookup::Blank { key: key.clone() }))
    }
}

/// Returns the entry of the first key that exists, else of another name of the registry.
fn find_entry<'m, V>(
    map: &'m BTreeMap<String, V>,
    candidates: impl IntoIterator<Item = String>,
    registry: &str,
    keys: KeyForm,
) -> Option<(&'m String, &'m V)> {
    candidates
        .into_iter()
        .find_map(|key| map.get_key_value(&key))
        .or_else(|| map.iter().find(|(key, _)| is_alias(key, registry, keys)))
}

fn fill_entries(auths: BTreeMap<String, Option<AuthFileEntry>>) -> BTreeMap<String, AuthFileEntry> {
    auths.into_iter().map(|(key, entry)| (key, entry.unwrap_or_default())).collect()
}

/// Refuses what cannot be an auth file, and returns its format.
fn detect_format(bytes: &[u8], format: AuthFileFormat) -> Result<AuthFileFormat, AuthFileError> {
    if bytes.len() > AUTH_FILE_MAX {
        return Err(AuthFileError::TooLong);
    }
    if bytes.trim_ascii().is_empty() {
        return Err(AuthFileError::Empty);
    }
    let Value::Object(map) = parse_json::<Value>(bytes)? else {
        return Err(AuthFileError::Outermost);
    };
    if format != AuthFileFormat::Any {
        return Ok(format);
    }
    let is_new = ["auths", "credHelpers", "credsStore"].iter().any(|key| map.contains_key(*key));
    let is_entry = |value: &Value| value.get("auth").or(value.get("username")).is_some();
    let is_flat = !is_new && map.values().any(is_entry);
    Ok(if is_flat { AuthFileFormat::Flat } else { AuthFileFormat::Docker })
}

/// Parses JSON without the library's messages, which quote the input and so perhaps a password.
fn parse_json<'de, T: Deserialize<'de>>(bytes: &'de [u8]) -> Result<T, AuthFileError> {
    serde_json::from_slice(bytes).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        match error.classify() {
            Category::Data => AuthFileError::Kind { line, column },
            Category::Io | Category::Syntax | Category::Eof => AuthFileError::Json { line, column },
        }
    })
}

impl AuthFileEntry {
    fn parse_credential(&self, key: &str) -> Result<Option<Credential>, AuthFileError> {
        if let Some(token) = self.identitytoken.as_ref().filter(|token| !token.expose().is_empty())
        {
            return Ok(Some(Credential::IdentityToken(token.clone())));
        }
        let (username, password) = match self.auth.as_ref().map(Secret::expose) {
            Some(auth) if !auth.trim().is_empty() => {
                decode_auth(auth).ok_or_else(|| AuthFileError::Auth(key.into()))?
            }
            _ => (
                self.username.clone().unwrap_or_default(),
                self.password.clone().unwrap_or(Secret::new("")),
            ),
        };
        if username.is_empty() && password.expose().is_empty() {
            return Ok(None);
        }
        Ok(Some(Credential::Basic { username, password }))
    }
}

/// Decodes `auth`: the base64 of a user and a password with a colon between them.
fn decode_auth(auth: &str) -> Option<(String, Secret)> {
    let auth: String = auth.split_ascii_whitespace().collect();
    let text = String::from_utf8(BASE64.decode(auth).ok()?).ok()?;
    let (username, password) = text.split_once(':')?;
    // Old versions of docker padded passwords with zeros.
    Some((username.into(), Secret::new(password.trim_matches('\0'))))
}

/// Encodes `auth`.
pub(super) fn encode_auth(username: &str, password: &str) -> String {
    base64::engine::general_purpose::STANDARD.encode(format!("{username}:{password}"))
}
