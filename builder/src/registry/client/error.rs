//! Errors of operations on registries.

use std::fmt;
use std::time::Duration;

use thiserror::Error;

use crate::net::http::{HttpError, NotHttp, PRIVATE_REDIRECT_HELP, SocksFailure, TlsProblem};
use crate::oci::error::StorageError;
use crate::oci::image::digest::Digest;
use crate::recipe::diagnostic::Diagnostic;

/// The operation that deletes an image or a tag, in error messages.
pub(super) const DELETE_ACT: &str = "delete";

/// An operation on a registry that failed, its location and the cause.
#[derive(Debug, Error)]
#[error("cannot {act} {location}: {cause}")]
pub struct RegistryError {
    /// The operation, e.g. `upload a blob to`.
    pub act: &'static str,
    /// Host and repository, perhaps with a tag or digest, e.g. `quay.io/me/fedora`.
    pub location: String,
    /// Why it failed.
    pub cause: RegistryErrorCause,
}

/// The server that responded to a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Responder {
    /// The registry, to a request without a credential.
    AnonymousRegistry,
    /// The registry, to a request with a credential.
    Registry,
    /// A server that the registry redirects to, e.g. the storage of its blobs; by its host.
    RedirectTarget(String),
    /// The token server of the registry, by its host.
    TokenServer(String),
}

impl fmt::Display for Responder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AnonymousRegistry | Self::Registry => f.write_str("the server"),
            Self::RedirectTarget(host) => write!(f, "`{host}`, to which the registry redirects,"),
            Self::TokenServer(host) => write!(f, "the token server `{host}`"),
        }
    }
}

/// Why an operation on a registry failed.
#[derive(Debug, Error)]
pub enum RegistryErrorCause {
    /// There was no response.
    #[error(transparent)]
    Http(HttpError),
    /// A server responded with an error status.
    #[error("{responder} answered {status}{}", detail_suffix(.detail.as_deref()))]
    Status {
        /// The server that responded.
        responder: Responder,
        /// The HTTP status.
        status: u16,
        /// The error message of the response, without secrets.
        detail: Option<String>,
        /// The time to wait that the registry asked for.
        pause: Option<Duration>,
    },
    /// The registry refused the credential, or requires one and none is known.
    #[error("{0}")]
    Unauthorized(String),
    /// The credential cannot be looked up.
    #[error("{}", .0.message)]
    Keychain(Box<Diagnostic>),
    /// registries.conf cannot be read, or says nothing usable about the registry.
    #[error("{0}")]
    Settings(Box<Diagnostic>),
    /// A credential that was accepted before is refused: it may just be rotated.
    #[error("{0}")]
    Expired(String),
    /// The registry sent content that does not match its digest or size, or is malformed.
    #[error("{0}")]
    InvalidContent(String),
    /// The local source of an upload could not be read.
    #[error("{0}")]
    LocalRead(#[source] std::io::Error),
    /// A blob that an image refers to does not exist.
    #[error("the registry does not have the blob {0}")]
    MissingBlob(Digest),
    /// The configuration of this machine forbids it.
    #[error("{0}")]
    Forbidden(String),
    /// The user cancelled the operation.
    #[error("cancelled")]
    Cancelled,
}

impl From<HttpError> for RegistryErrorCause {
    fn from(error: HttpError) -> Self {
        match error {
            HttpError::Cancelled => Self::Cancelled,
            error => Self::Http(error),
        }
    }
}

fn detail_suffix(detail: Option<&str>) -> String {
    detail.map(|detail| format!(": {detail}")).unwrap_or_default()
}

impl RegistryError {
    /// Returns a help line for the user, where one is known.
    pub fn help(&self) -> Option<String> {
        let host = self.location.split('/').next().unwrap_or_default();
        Some(match &self.cause {
            RegistryErrorCause::Unauthorized(_) if self.act == LOGIN_ACT => LOGIN_HELP.into(),
            RegistryErrorCause::Unauthorized(_) | RegistryErrorCause::Expired(_) => format!(
                "log in with `diskette login {host}`; `diskette auth explain {}` shows which \
                 credential is used",
                self.location
            ),
            RegistryErrorCause::Keychain(diagnostic) | RegistryErrorCause::Settings(diagnostic) => {
                return diagnostic.help.first().cloned();
            }
            RegistryErrorCause::Status { status: 400 | 405, .. } if self.act == DELETE_ACT => {
                DELETION_HELP.into()
            }
            RegistryErrorCause::Status { responder, status, detail, .. } => {
                return status_help(responder, *status, detail.as_deref(), host);
            }
            RegistryErrorCause::Http(error) => {
                return http_help(error, host).or_else(|| protocol_help(error).map(Into::into));
            }
            _ => return None,
        })
    }
}

/// What is attempted by a login.
pub(super) const LOGIN_ACT: &str = "log in to";

const LOGIN_HELP: &str = "check the user and the password; registries with tokens have a user name for \
    them, for example the robot's, or that of the account";

const PROXY_LOGIN: &str = "the proxy wants a user and a password; write them in front of it, as in \
    `HTTPS_PROXY=http://USER:PASSWORD@HOST:PORT`";

const SPEAKS_TLS: &str =
    "if the registry uses https, add `--tls-verify`: the default for this machine is http";

const DELETION_HELP: &str = "the registry does not allow deletion by this API; distribution does \
    with `storage.delete.enabled: true`, others in their web interface";

/// Returns what the user can do about an error status.
fn status_help(
    responder: &Responder,
    status: u16,
    detail: Option<&str>,
    host: &str,
) -> Option<String> {
    let help = match (responder, status) {
        (Responder::RedirectTarget(_), _) => {
            "the registry itself allowed it; the other server may see another address or \
             clock of this machine than the registry, or its settings may be wrong"
        }
        (Responder::TokenServer(_), _) => return None,
        (Responder::AnonymousRegistry, 403) => {
            let help = "no credential was sent: log in with `diskette login";
            return Some(format!("{help} {host}`, if it has users"));
        }
        (_, 403) => {
            "the credential is known, but it may not do this; does the repository exist, and \
             may it be written to?"
        }
        (_, 404) if detail.is_some_and(|detail| detail.starts_with("BLOB_UPLOAD")) => {
            "the registry forgets uploads; do several share an address, but not their secret \
             (distribution: `http.secret`)?"
        }
        (_, 404) => "does the repository exist? some registries want it to be made first",
        (_, 405) => "is the registry read-only for a while, or the mirror of another one?",
        (_, 407) => PROXY_LOGIN,
        (_, 413) => {
            "a proxy in front of the registry limits the size of requests; raise its limit \
             (nginx: `client_max_body_size 0`), or send less at a time with `--chunk-size`"
        }
        (_, 500 | 507) => "the registry itself failed, and its log tells why; is its disk full?",
        // Registries send a detail; a plain 400 comes from a TLS port that got plain HTTP.
        (_, 400) if detail.is_none_or(|detail| detail.contains("HTTPS")) => SPEAKS_TLS,
        _ => return None,
    };
    Some(help.into())
}

fn http_help(error: &HttpError, host: &str) -> Option<String> {
    let certs = format!("/etc/containers/certs.d/{host}");
    Some(match error {
        HttpError::Tls { problem: TlsProblem::Untrusted, .. } => format!(
            "name the registry's authority with `--ca-file`, or put it into `{certs}/ca.crt`; \
             `--tls-verify=false` accepts any certificate"
        ),
        HttpError::Tls { problem: TlsProblem::WrongName, .. } => {
            "its certificate is for other names: use one of them, or give it one for this name"
                .into()
        }
        HttpError::Tls { problem: TlsProblem::OutsideValidity, .. } => {
            "give the registry a new certificate; or is the clock of this machine wrong?".into()
        }
        HttpError::Proxy { status: 407, .. }
        | HttpError::Socks { failure: SocksFailure::Method | SocksFailure::User, .. } => {
            PROXY_LOGIN.into()
        }
        HttpError::RedirectTarget { host, error } => return http_help(error, host),
        HttpError::PrivateRedirect(_) => PRIVATE_REDIRECT_HELP.into(),
        HttpError::ProxyVariable(error) => error.help().into(),
        HttpError::ClientCertificate(_) => {
            format!("put yours into `{certs}/client.cert`, and its key into `{certs}/client.key`")
        }
        HttpError::NotHttp(NotHttp::Tls) => SPEAKS_TLS.into(),
        _ => return None,
    })
}

/// Returns what the user can do about a server that may be no registry.
fn protocol_help(error: &HttpError) -> Option<&'static str> {
    match error {
        HttpError::Tls { problem: TlsProblem::Other, .. }
        | HttpError::NotTls(_)
        | HttpError::NotHttp(_)
        | HttpError::Protocol(_)
        | HttpError::Lost(_)
        | HttpError::Closed => Some("if the registry has no TLS, use `--plain-http`"),
        _ => None,
    }
}

impl From<RegistryError> for StorageError {
    fn from(error: RegistryError) -> Self {
        match error.cause {
            RegistryErrorCause::Cancelled => Self::Cancelled,
            _ => Self::Remote {
                message: error.to_string(),
                help: error.help(),
                is_temporary: error.cause.is_temporary(),
            },
        }
    }
}
