//! *Trust* in servers: which certificates are accepted for a host, and which one is shown to it.

use std::fmt;
use std::path::PathBuf;

/// Where the system keeps the certificates that it trusts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SystemRoots {
    /// All in one file.
    pub file: Option<PathBuf>,
    /// A file each, named by their hashes.
    pub directories: Vec<PathBuf>,
}

/// What is trusted by one host.
#[derive(Clone, Default)]
pub struct TlsOptions {
    /// Further authorities, or servers' own certificates, as PEM.
    pub authorities: Vec<Vec<u8>>,
    /// Shown to servers that ask who we are.
    pub certificate: Option<ClientCertificate>,
    /// Whether the server must prove who it is.
    pub verify: ServerVerification,
}

/// A certificate and its key, as PEM.
#[derive(Clone, PartialEq, Eq)]
pub struct ClientCertificate {
    /// The certificate, and those that lead to an authority.
    pub chain: Vec<u8>,
    /// Its private key.
    pub key: Vec<u8>,
}

/// Whether a server must prove who it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ServerVerification {
    /// By a certificate for its name from an authority that is trusted.
    #[default]
    Full,
    /// Not at all; what is sent is still encrypted.
    None,
}

/// Knows what is trusted for which host.
pub trait TlsTrust: Send + Sync {
    /// Returns what is trusted for a host, which is given with its port where that is not 443.
    fn for_host(&self, host: &str) -> Result<TlsOptions, String>;
}

impl fmt::Debug for TlsOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsOptions").field("verify", &self.verify).finish_non_exhaustive()
    }
}

impl fmt::Debug for ClientCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientCertificate").finish_non_exhaustive()
    }
}
