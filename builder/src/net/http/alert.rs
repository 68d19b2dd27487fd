//! *Alerts* of TLS: why a server is not trusted, or does not trust the client.

use std::io;

use openssl::ssl;
use openssl::x509::X509VerifyResult;

/// Why a server is not trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TlsProblem {
    /// Nobody who is trusted vouches for it.
    Untrusted,
    /// Its certificate is for other names.
    WrongName,
    /// Its certificate is over, or not valid yet.
    OutsideValidity,
    /// It does not speak TLS as we do, or not at all.
    Other,
}

/// What servers say to clients whose certificate they miss or do not like: OpenSSL's reasons, which
/// are 1000 more than the alerts of RFC 8446, 6.2.
const REFUSALS: [i32; 8] = [1042, 1043, 1044, 1045, 1046, 1048, 1049, 1116];

impl TlsProblem {
    /// The numbers are those of OpenSSL's `x509_vfy.h`.
    pub(super) fn from_verify_result(result: X509VerifyResult) -> Self {
        match result.as_raw() {
            9..=12 => Self::OutsideValidity,
            62..=64 => Self::WrongName,
            _ => Self::Untrusted,
        }
    }
}

/// Returns what a server says that does not like our certificate, or wants one. With TLS 1.3 it says
/// so only when it is asked something.
pub(super) fn find_refusal(error: &io::Error) -> Option<String> {
    error.get_ref()?.downcast_ref().and_then(refusal_reason)
}

/// Returns what a server says that refuses a client's certificate.
pub(super) fn refusal_reason(error: &ssl::Error) -> Option<String> {
    let errors = error.ssl_error()?.errors();
    let found = errors.iter().find(|error| REFUSALS.contains(&error.reason_code()))?;
    found.reason().map(str::to_owned)
}
