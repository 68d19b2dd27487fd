//! Documents that refer to others, for tests.

use super::json::Document;

/// The digest of nothing.
pub(crate) const DIGEST: &str =
    "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/// Returns a document; `DIGEST` in the text stands for the digest.
pub(crate) fn document(text: &str) -> Document {
    Document::parse("", text.replace("DIGEST", DIGEST).into()).unwrap()
}
