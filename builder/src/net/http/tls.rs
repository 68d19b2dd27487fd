//! *Trust* in servers: which certificates are accepted for a host, and which one is shown to it.

use std::path::PathBuf;
use std::sync::PoisonError;
use std::{fmt, io};

use openssl::error::ErrorStack;
use openssl::pkey::PKey;
use openssl::ssl::{self, HandshakeError, SslConnector, SslMethod, SslVerifyMode};
use openssl::x509::verify::X509VerifyFlags;
use openssl::x509::{X509, X509VerifyResult};

use super::stream::Stream;
use super::{HttpClient, HttpError, Origin};

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

/// Why a server is not trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TlsProblem {
    /// Nobody who is trusted vouches for it.
    Untrusted,
    /// Its certificate is for other names.
    Names,
    /// Its certificate is over, or not valid yet.
    Time,
    /// It does not speak TLS as we do, or not at all.
    Other,
}

/// What servers say to clients whose certificate they miss or do not like: OpenSSL's reasons, which
/// are 1000 more than the alerts of RFC 8446, 6.2.
const REFUSALS: [i32; 8] = [1042, 1043, 1044, 1045, 1046, 1048, 1049, 1116];

/// Knows what is trusted for which host.
pub trait TlsTrust: Send + Sync {
    /// Returns what is trusted for a host, which is given with its port where that is not 443.
    fn for_host(&self, host: &str) -> Result<TlsOptions, String>;
}

/// Speaks TLS on a stream.
pub(super) fn wrap(
    client: &HttpClient,
    origin: &Origin,
    stream: Stream,
) -> Result<Stream, HttpError> {
    let host = origin.authority();
    let (connector, verify) = connector(client, &host)?;
    let failed = |reason: String, problem| HttpError::Tls { host: host.clone(), reason, problem };
    let other = |reason: String| failed(reason, TlsProblem::Other);
    let configuration = connector.configure().map_err(|error| other(error.to_string()))?;
    let name = origin.host.trim_start_matches('[').trim_end_matches(']');
    let stream =
        configuration.verify_hostname(verify == ServerVerification::Full).connect(name, stream);
    match stream {
        Ok(stream) => Ok(Stream::Tls(Box::new(stream))),
        Err(HandshakeError::SetupFailure(error)) => Err(other(error.to_string())),
        Err(HandshakeError::WouldBlock(_)) => Err(HttpError::Stalled(client.options().stall)),
        Err(HandshakeError::Failure(stream)) => {
            let result = stream.ssl().verify_result();
            if result != X509VerifyResult::OK {
                return Err(failed(format!("{result}"), TlsProblem::of(result)));
            }
            let error = stream.into_error();
            if let Some(reason) = refusal(&error) {
                return Err(HttpError::Alert(reason));
            }
            match error.into_io_error() {
                Ok(error) => Err(HttpError::Lost(error)),
                Err(error) => Err(other(reasons(error.ssl_error(), &error.to_string()))),
            }
        }
    }
}

impl TlsProblem {
    /// The numbers are those of OpenSSL's `x509_vfy.h`.
    fn of(result: X509VerifyResult) -> Self {
        match result.as_raw() {
            9..=12 => Self::Time,
            62..=64 => Self::Names,
            _ => Self::Untrusted,
        }
    }
}

/// Returns what a server says that does not like our certificate, or wants one. With TLS 1.3 it says
/// so only when it is asked something.
pub(super) fn alert(error: &io::Error) -> Option<String> {
    error.get_ref()?.downcast_ref().and_then(refusal)
}

fn refusal(error: &ssl::Error) -> Option<String> {
    let errors = error.ssl_error()?.errors();
    let found = errors.iter().find(|error| REFUSALS.contains(&error.reason_code()))?;
    found.reason().map(str::to_owned)
}

/// Returns what OpenSSL says, without its codes and source lines.
fn reasons(stack: Option<&ErrorStack>, otherwise: &str) -> String {
    let reasons: Vec<&str> = stack
        .iter()
        .flat_map(|stack| stack.errors())
        .filter_map(openssl::error::Error::reason)
        .collect();
    if reasons.is_empty() { otherwise.into() } else { reasons.join(", ") }
}

fn connector(
    client: &HttpClient,
    host: &str,
) -> Result<(SslConnector, ServerVerification), HttpError> {
    let shared = &client.shared;
    let wrong = |reason: String| HttpError::Certificates { host: host.into(), reason };
    let mut connectors = shared.connectors.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((connector, verify)) = connectors.get(host) {
        return Ok((connector.clone(), *verify));
    }
    let mut options = shared.options.trust.for_host(host).map_err(wrong)?;
    if shared.unverified.lock().unwrap_or_else(PoisonError::into_inner).contains(host) {
        options.verify = ServerVerification::None;
    }
    if options
        .authorities
        .iter()
        .any(|pem| X509::stack_from_pem(pem).is_ok_and(|all| all.is_empty()))
    {
        return Err(wrong("a file has none in it; they begin with `-----BEGIN`".into()));
    }
    let connector = build(&options, &shared.options.roots)
        .map_err(|error| wrong(reasons(Some(&error), "they cannot be read")))?;
    connectors.insert(host.into(), (connector.clone(), options.verify));
    Ok((connector, options.verify))
}

fn build(options: &TlsOptions, roots: &SystemRoots) -> Result<SslConnector, ErrorStack> {
    let mut builder = SslConnector::builder(SslMethod::tls_client())?;
    if options.verify == ServerVerification::None {
        builder.set_verify(SslVerifyMode::NONE);
    } else {
        for directory in &roots.directories {
            builder.load_verify_locations(None, Some(directory))?;
        }
        if let Some(file) = &roots.file {
            builder.load_verify_locations(Some(file), None)?;
        }
    }
    for pem in &options.authorities {
        for certificate in X509::stack_from_pem(pem)? {
            builder.cert_store_mut().add_cert(certificate)?;
        }
    }
    // A server's own certificate that is trusted by name needs no authority above it, as in Go.
    builder.cert_store_mut().set_flags(X509VerifyFlags::PARTIAL_CHAIN)?;
    if let Some(certificate) = &options.certificate {
        let mut chain = X509::stack_from_pem(&certificate.chain)?.into_iter();
        if let Some(leaf) = chain.next() {
            builder.set_certificate(&leaf)?;
        }
        for authority in chain {
            builder.add_extra_chain_cert(authority)?;
        }
        builder.set_private_key(&*PKey::private_key_from_pem(&certificate.key)?)?;
        builder.check_private_key()?;
    }
    Ok(builder.build())
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
