//! Why something with a registry failed.

use std::time::Duration;

use thiserror::Error;

use crate::net::http::{HttpError, TlsProblem};
use crate::oci::error::StorageError;
use crate::oci::image::digest::Digest;
use crate::recipe::diagnostic::Diagnostic;

/// Why an operation on a registry failed: what was attempted, where, and what came in between.
#[derive(Debug, Error)]
#[error("cannot {act} {location}: {cause}")]
pub struct RegistryError {
    /// E.g. `upload a blob to`.
    pub act: &'static str,
    /// Host, repository and what else is known, e.g. `quay.io/me/fedora`.
    pub location: String,
    /// What went wrong.
    pub cause: RegistryErrorCause,
}

/// What can go wrong.
#[derive(Debug, Error)]
pub enum RegistryErrorCause {
    /// No answer came.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// The registry refused.
    #[error("the server answered {status}{}", detail_suffix(.detail.as_deref()))]
    Status {
        /// HTTP status.
        status: u16,
        /// What it said, without secrets.
        detail: Option<String>,
        /// How long it asked to wait.
        pause: Option<Duration>,
    },
    /// The credential was refused, or there is none.
    #[error("{0}")]
    Unauthorized(String),
    /// The credential cannot be looked up.
    #[error("{}", .0.message)]
    Keychain(Box<Diagnostic>),
    /// The credential is refused that was accepted before: it may just be being replaced.
    #[error("{0}")]
    Expired(String),
    /// What the registry sent is not what its digest or size says, or makes no sense.
    #[error("{0}")]
    InvalidContent(String),
    /// The local end could not be read.
    #[error("{0}")]
    LocalRead(#[source] std::io::Error),
    /// A blob that should be there is not.
    #[error("the registry does not have the blob {0}")]
    MissingBlob(Digest),
    /// A rule of the user forbids it.
    #[error("{0}")]
    Forbidden(String),
    /// The user asked to stop.
    #[error("cancelled")]
    Cancelled,
}

fn detail_suffix(detail: Option<&str>) -> String {
    detail.map(|detail| format!(": {detail}")).unwrap_or_default()
}

impl RegistryError {
    /// Returns what the user can do, where that is known.
    pub fn help(&self) -> Option<String> {
        let host = self.location.split('/').next().unwrap_or_default();
        Some(match &self.cause {
            RegistryErrorCause::Unauthorized(_) | RegistryErrorCause::Expired(_) => format!(
                "log in with `diskette login {host}`; `diskette auth explain {}` tells which \
                 credential is used",
                self.location
            ),
            RegistryErrorCause::Keychain(diagnostic) => return diagnostic.help.first().cloned(),
            RegistryErrorCause::Status { status: 403, .. } => {
                "the credential is known, but it may not do this; does the repository exist, and \
                 may it be written to?"
                    .into()
            }
            RegistryErrorCause::Status { status: 404, detail: Some(detail), .. }
                if detail.starts_with("BLOB_UPLOAD") =>
            {
                "the registry forgets uploads; do several share an address, but not their secret \
                 (distribution: `http.secret`)?"
                    .into()
            }
            RegistryErrorCause::Status { status: 404, .. } => {
                "does the repository exist? some registries want it to be made first".into()
            }
            RegistryErrorCause::Status { status: 405, .. } => {
                "is the registry read-only for a while, or the mirror of another one?".into()
            }
            RegistryErrorCause::Status { status: 407, .. } => PROXY_LOGIN.into(),
            RegistryErrorCause::Status { status: 413, .. } => {
                "a proxy in front of the registry limits the size of requests; raise its limit \
                 (nginx: `client_max_body_size 0`), or send less at a time with `--chunk-size`"
                    .into()
            }
            RegistryErrorCause::Status { status: 500 | 507, .. } => {
                "the registry itself failed, and its log tells why; is its disk full?".into()
            }
            // Registries say more than that themselves.
            RegistryErrorCause::Status { status: 400, detail: None, .. } => {
                "does it speak https? on this machine that is not expected; say `--tls-verify`"
                    .into()
            }
            RegistryErrorCause::Http(error) => return http_help(error, host),
            _ => return None,
        })
    }
}

const PROXY_LOGIN: &str = "the proxy wants a user and a password; write them in front of it, as in \
    `HTTPS_PROXY=http://USER:PASSWORD@HOST:PORT`";

fn http_help(error: &HttpError, host: &str) -> Option<String> {
    let certs = format!("/etc/containers/certs.d/{host}");
    let speak = "is it a registry, and does it speak https? if not, say `--plain-http`";
    Some(match error {
        HttpError::Tls { problem: TlsProblem::Untrusted, .. } => format!(
            "name the registry's authority with `--ca-file`, or put it into `{certs}/ca.crt`; \
             `--tls-verify=false` trusts anybody"
        ),
        HttpError::Tls { problem: TlsProblem::WrongName, .. } => {
            "its certificate is for other names: use one of them, or give it one for this name"
                .into()
        }
        HttpError::Tls { problem: TlsProblem::OutsideValidity, .. } => {
            "give the registry a new certificate; or is the clock of this machine wrong?".into()
        }
        HttpError::Proxy { status: 407, .. } => PROXY_LOGIN.into(),
        HttpError::ClientCertificate(_) => {
            format!("put yours into `{certs}/client.cert`, and its key into `{certs}/client.key`")
        }
        HttpError::Tls { problem: TlsProblem::Other, .. }
        | HttpError::Protocol(_)
        | HttpError::Lost(_)
        | HttpError::Closed => speak.into(),
        _ => return None,
    })
}

impl From<RegistryError> for StorageError {
    fn from(error: RegistryError) -> Self {
        match error.cause {
            RegistryErrorCause::Cancelled => Self::Cancelled,
            _ => Self::Remote {
                message: error.to_string(),
                help: error.help(),
                is_temporary: error.cause.is_transient(),
            },
        }
    }
}
