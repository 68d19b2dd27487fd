//! A *statement* is the text of an attestation: what it is about, and what it says
//! (<https://github.com/in-toto/attestation/blob/main/spec/v1/statement.md>).

use serde::Deserialize;
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

/// The fields of a statement that was read; nothing of it is trusted.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct StatementFields {
    #[serde(rename = "_type")]
    kind: String,
    /// What it is about.
    pub(crate) subject: Vec<SubjectFields>,
    /// Type of what it says.
    pub(crate) predicate_type: String,
    /// What it says.
    #[serde(default)]
    pub(crate) predicate: Value,
}

/// What a statement is about.
#[derive(Debug, Deserialize)]
pub(crate) struct SubjectFields {
    /// Name of the image, if it has one.
    #[serde(default)]
    pub(crate) name: String,
    digest: DigestFields,
}

#[derive(Debug, Deserialize)]
struct DigestFields {
    sha256: Option<String>,
}

impl StatementFields {
    /// Parses a statement; the error says what is wrong.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, String> {
        let fields: Self = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
        // `v0.1` is what cosign 2 and BuildKit write.
        if ![STATEMENT_TYPE, "https://in-toto.io/Statement/v0.1"].contains(&fields.kind.as_str()) {
            return Err(format!("it is of type `{}`", fields.kind.escape_debug()));
        }
        Ok(fields)
    }

    /// Returns the subjects with the digest of an image.
    pub(crate) fn subjects(&self, image: Digest) -> impl Iterator<Item = &SubjectFields> {
        let hex = image.to_hex();
        self.subject.iter().filter(move |it| it.digest.sha256.as_ref() == Some(&hex))
    }

    /// Returns whether the statement is about an image.
    pub(crate) fn is_about(&self, image: Digest) -> bool {
        self.subjects(image).next().is_some()
    }
}
