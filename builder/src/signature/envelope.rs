//! An *envelope* is a text with its signatures (DSSE,
//! <https://github.com/secure-systems-lab/dsse/blob/v1.0.2/protocol.md>).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::json;

use super::error::SignatureError;
use super::key::{PrivateKey, PublicKey};
use crate::oci::image::json::to_canonical_json;

/// Media type of statements.
pub(crate) const STATEMENT_MEDIA_TYPE: &str = "application/vnd.in-toto+json";

/// Returns a statement in an envelope that a key has signed.
pub(crate) fn seal_statement(
    statement: &[u8],
    key: &PrivateKey,
) -> Result<Vec<u8>, SignatureError> {
    let signature = key.sign(&signed_bytes(STATEMENT_MEDIA_TYPE, statement))?;
    Ok(to_canonical_json(&json!({
        "payload": STANDARD.encode(statement),
        "payloadType": STATEMENT_MEDIA_TYPE,
        "signatures": [{ "keyid": "", "sig": STANDARD.encode(signature) }],
    }))?)
}

/// Returns the bytes that are signed: type and text, each after its length.
fn signed_bytes(kind: &str, text: &[u8]) -> Vec<u8> {
    let head = format!("DSSEv1 {} {kind} {} ", kind.len(), text.len());
    [head.as_bytes(), text].concat()
}

/// An envelope that was read; nothing of it is trusted.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Envelope {
    payload: String,
    payload_type: String,
    signatures: Vec<EnvelopeSignature>,
}

#[derive(Debug, Deserialize)]
struct EnvelopeSignature {
    sig: String,
}

impl Envelope {
    /// Parses an envelope; the error says what is wrong.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, String> {
        serde_json::from_slice(bytes).map_err(|error| error.to_string())
    }

    /// Returns whether it has a signature at all, by whatever key.
    pub(crate) fn is_signed(&self) -> bool {
        self.signatures.iter().any(|it| STANDARD.decode(&it.sig).is_ok_and(|sig| !sig.is_empty()))
    }

    /// Returns the statement, and whether one of the keys has signed it; the error says what is wrong.
    pub(crate) fn open(&self, keys: &[PublicKey]) -> Result<(Vec<u8>, bool), String> {
        if self.payload_type != STATEMENT_MEDIA_TYPE {
            return Err(format!("it is of type `{}`", self.payload_type.escape_debug()));
        }
        let decode = |text: &str| STANDARD.decode(text).map_err(|error| error.to_string());
        let statement = decode(&self.payload)?;
        let signed = signed_bytes(STATEMENT_MEDIA_TYPE, &statement);
        let mut signatures = self.signatures.iter().filter_map(|it| decode(&it.sig).ok());
        let is_signed =
            signatures.any(|signature| keys.iter().any(|key| key.has_signed(&signed, &signature)));
        Ok((statement, is_signed))
    }
}
