//! Attestations in each form that a registry can have: no key has signed what it did not sign, what an envelope has is
//! taken byte for byte, and the packages in a document are bounded.

use std::sync::LazyLock;

use diskette_builder::fuzzing::{
    StatementForm, count_listed_packages, open_statement, wrap_statement,
};
use diskette_builder::signature::key::PublicKey;

/// Keys whose private parts nobody has.
const KEYS: &[u8] = b"-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEAC3Xcz0C0jvORti0Mbja4C4zZJwC6Ndb03ksNtDE7RPI=
-----END PUBLIC KEY-----
-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEJG9fWYGYyIAWMHrV1kxGGH10OyTY
if0HEKTXHwziuyyu62rniFE8FyoXL3Smgsd2mr2GeCewgMoU7pu9u9Rlpg==
-----END PUBLIC KEY-----
";

/// Runs the target.
pub fn run(bytes: &[u8]) {
    static PARSED: LazyLock<Vec<PublicKey>> =
        LazyLock::new(|| PublicKey::parse_all(KEYS).unwrap_or_default());
    assert_eq!(PARSED.len(), 2);
    for form in [StatementForm::Plain, StatementForm::Envelope, StatementForm::Bundle] {
        if let Ok((statement, is_signed)) = open_statement(bytes, form, &PARSED) {
            assert!(!is_signed, "a signature was made without the key");
            assert!(count_listed_packages(&statement).unwrap_or(0) <= 50_000);
        }
        let wrapped = wrap_statement(bytes, form);
        assert_eq!(open_statement(&wrapped, form, &PARSED), Ok((bytes.to_vec(), false)));
    }
}
