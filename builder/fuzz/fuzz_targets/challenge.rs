//! Any `WWW-Authenticate` header is read, or passed over.

#![no_main]

use diskette_builder::registry::client::AuthChallenge;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|header: &str| {
    for challenge in AuthChallenge::parse(header) {
        assert!(!challenge.scheme.is_empty());
        assert_eq!(challenge.scheme, challenge.scheme.to_ascii_lowercase());
    }
});
