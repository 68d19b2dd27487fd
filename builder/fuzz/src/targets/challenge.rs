//! Any `WWW-Authenticate` header is read, or passed over.

use diskette_builder::registry::client::AuthChallenge;

use super::valid_text;

/// Runs the target.
pub fn run(bytes: &[u8]) {
    let header = valid_text(bytes);
    for challenge in AuthChallenge::parse(header) {
        assert!(!challenge.scheme.is_empty());
        assert_eq!(challenge.scheme, challenge.scheme.to_ascii_lowercase());
    }
}
