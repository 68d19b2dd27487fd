//! *Trust* in servers: the certificates that are accepted for a host, and the client certificate.

use std::fmt;
use std::path::PathBuf;

/// The files of the certificates that the system trusts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SystemRoots {
    /// A file with all of them.
    pub file: Option<PathBuf>,
    /// Directories with one file each, named by hash.
    pub directories: Vec<PathBuf>,
}

/// The options of TLS for one host.
#[derive(Clone, Default)]
pub struct TlsOptions {
    /// Certificates of further authorities, or of the server itself, as PEM.
    pub authorities: Vec<Vec<u8>>,
    /// The certificate for servers that require one of the client.
    pub certificate: Option<ClientCertificate>,
    /// Whether the server's certificate is verified.
    pub verify: ServerVerification,
}

/// A certificate and its key, as PEM.
#[derive(Clone, PartialEq, Eq)]
pub struct ClientCertificate {
    /// The certificate, and the intermediate ones up to an authority.
    pub chain: Vec<u8>,
    /// Its private key.
    pub key: Vec<u8>,
}

/// Whether the certificate of a server is verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash, PartialOrd, Ord)]
pub enum ServerVerification {
    /// It must be for the server's name and from a trusted authority.
    #[default]
    Full,
    /// It is not verified; the connection is still encrypted.
    None,
}

/// What a server is asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ServerRole {
    /// Images, by a name that the user chose.
    Registry,
    /// Anything else: downloads, lists, and what another server refers to.
    #[default]
    Other,
}

/// Provides the options of TLS by host.
pub trait TlsTrust: Send + Sync {
    /// Returns the options for a host, which is given with its port unless that is 443. A client
    /// certificate that is not for one host alone goes to registries only.
    fn for_host(&self, host: &str, role: ServerRole) -> Result<TlsOptions, String>;
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
