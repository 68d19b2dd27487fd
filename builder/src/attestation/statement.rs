//! A *statement* is the text of an attestation: what it is about, and what it says
//! (<https://github.com/in-toto/attestation/blob/main/spec/v1/statement.md>).

use serde_json::{Value, json};

use crate::oci::image::digest::Digest;
use crate::oci::image::json::to_canonical_json;
use crate::oci::image::reference::Reference;

/// Type of statements.
pub(crate) const STATEMENT_TYPE: &str = "https://in-toto.io/Statement/v1";

/// What an attestation says.
#[derive(Debug, Clone, PartialEq)]
pub struct Predicate {
    /// Type of what is said, as a URI.
    pub kind: String,
    /// What is said.
    pub value: Value,
}

/// What a statement is about: an index, or the image of a platform.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatementSubject {
    /// Repository of the image; empty if it has none.
    pub name: String,
    /// Digest of the index or manifest.
    pub digest: Digest,
}

impl StatementSubject {
    /// Returns the subject for an image with these names, which are in one repository or several.
    pub(crate) fn new(names: &[Reference], digest: Digest) -> Self {
        let name = names.first().map(Reference::full_repository).unwrap_or_default();
        Self { name, digest }
    }
}

/// Returns the bytes of a statement: the same for the same subject and predicate.
pub(crate) fn compose_statement(
    subject: &StatementSubject,
    predicate: &Predicate,
) -> serde_json::Result<Vec<u8>> {
    // The name is required: `_` is what in-toto recommends where there is none.
    let name = if subject.name.is_empty() { "_" } else { &subject.name };
    to_canonical_json(&json!({
        "_type": STATEMENT_TYPE,
        "subject": [{ "name": name, "digest": { "sha256": subject.digest.to_hex() } }],
        "predicateType": predicate.kind,
        "predicate": predicate.value,
    }))
}
