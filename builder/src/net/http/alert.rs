//! *Alerts* of TLS: why a server is not trusted, or refuses the client.

use std::io;

use openssl::ssl;
use openssl::x509::X509VerifyResult;

/// Why a server is not trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TlsProblem {
    /// Its certificate is not from a trusted authority.
    Untrusted,
    /// Its certificate is for other names.
    WrongName,
    /// Its certificate has expired, or is not valid yet.
    OutsideValidity,
    /// The handshake failed otherwise, e.g. because the server does not speak TLS.
    Other,
}

/// The alerts of servers that require a client certificate or refuse it, as OpenSSL's reasons, which
/// are 1000 more than the alerts of RFC 8446, 6.2.
const REFUSALS: [i32; 8] = [1042, 1043, 1044, 1045, 1046, 1048, 1049, 1116];

impl TlsProblem {
    /// Classifies a result of the verification, by the numbers of OpenSSL's `x509_vfy.h`.
    pub(super) fn from_verify_result(result: X509VerifyResult) -> Self {
        match result.as_raw() {
            9..=12 => Self::OutsideValidity,
            62..=64 => Self::WrongName,
            _ => Self::Untrusted,
        }
    }
}

/// Returns the alert of a server that requires a client certificate or refuses it. With TLS 1.3 it
/// comes only after the handshake, with a read or write.
pub(super) fn find_refusal(error: &io::Error) -> Option<String> {
    error.get_ref()?.downcast_ref().and_then(refusal_reason)
}

/// Returns the reason of such an alert.
pub(super) fn refusal_reason(error: &ssl::Error) -> Option<String> {
    let errors = error.ssl_error()?.errors();
    let found = errors.iter().find(|error| REFUSALS.contains(&error.reason_code()))?;
    found.reason().map(str::to_owned)
}
