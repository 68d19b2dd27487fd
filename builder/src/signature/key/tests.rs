use openssl::ec::{EcGroup, EcKey};
use openssl::rsa::Rsa;
use openssl::symm::Cipher;

use super::*;

/// A key of cosign 2.5 with the password `secret`, and its public key.
const COSIGN_KEY: &str = include_str!("testing/cosign.key");
const COSIGN_PUB: &str = include_str!("testing/cosign.pub");

fn ec(curve: Nid) -> PKey<Private> {
    let key = EcKey::generate(&EcGroup::from_curve_name(curve).unwrap()).unwrap();
    PKey::from_ec_key(key).unwrap()
}

fn rsa(bits: u32) -> PKey<Private> {
    PKey::from_rsa(Rsa::generate(bits).unwrap()).unwrap()
}

#[test]
fn signatures_of_every_kind_of_key_are_checked() {
    let check = |text: &[u8], public: &[u8], password: Option<&str>| {
        let password = password.map(Secret::new);
        let key = PrivateKey::parse(text, password.as_ref()).unwrap();
        let signature = key.sign(b"payload").unwrap();
        for public in [PublicKey::parse(public).unwrap(), key.public_key().unwrap()] {
            assert!(public.has_signed(b"payload", &signature), "{public:?}");
            assert!(!public.has_signed(b"payloae", &signature), "{public:?}");
            assert!(!public.has_signed(b"payload", &signature[1..]), "{public:?}");
            assert!(!public.has_signed(b"payload", b""), "{public:?}");
        }
    };
    for key in [
        ec(Nid::X9_62_PRIME256V1),
        ec(Nid::SECP384R1),
        rsa(2048),
        PKey::generate_ed25519().unwrap(),
    ] {
        let public = key.public_key_to_pem().unwrap();
        check(&key.private_key_to_pem_pkcs8().unwrap(), &public, None);
        let encrypted = key.private_key_to_pem_pkcs8_passphrase(Cipher::aes_256_cbc(), b"secret");
        check(&encrypted.unwrap(), &public, Some("secret"));
    }
    let key = EcKey::generate(&EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap()).unwrap();
    check(&key.private_key_to_pem().unwrap(), &key.public_key_to_pem().unwrap(), None);
    let key = Rsa::generate(2048).unwrap();
    check(&key.private_key_to_pem().unwrap(), &key.public_key_to_pem_pkcs1().unwrap(), None);
    check(COSIGN_KEY.as_bytes(), COSIGN_PUB.as_bytes(), Some("secret"));
    let old = COSIGN_KEY.replace("SIGSTORE", "COSIGN");
    check(old.as_bytes(), COSIGN_PUB.as_bytes(), Some("secret"));
}

#[test]
fn a_key_that_cannot_sign_is_explained() {
    let check = |text: &[u8], password: Option<&str>, expected: &str| {
        let password = password.map(Secret::new);
        let error = PrivateKey::parse(text, password.as_ref()).unwrap_err();
        assert_eq!(error.to_string(), expected);
    };
    let wrong = "it cannot be decrypted: the password is wrong, or the key is damaged";
    let none = "it is encrypted, and no password was given";
    check(COSIGN_KEY.as_bytes(), Some("other"), wrong);
    check(COSIGN_KEY.as_bytes(), None, none);
    let key = ec(Nid::X9_62_PRIME256V1);
    let encrypted =
        key.private_key_to_pem_pkcs8_passphrase(Cipher::aes_256_cbc(), b"secret").unwrap();
    check(&encrypted, Some("other"), wrong);
    check(&encrypted, None, none);
    check(&encrypted, Some(&"x".repeat(5000)), wrong);
    let not = "it is not a private key in PEM form";
    check(b"", None, not);
    check(b"\xff", None, not);
    check(b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", None, not);
    check(b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", None, not);
    check(COSIGN_PUB.as_bytes(), None, "it is a public key, and a private key signs");
    let kinds = "ECDSA on P-256, P-384 or P-521, RSA of 2048 to 16384 bits and Ed25519 are";
    let unsupported = |key: PKey<Private>, kind: &str| {
        let text = key.private_key_to_pem_pkcs8().unwrap();
        check(&text, None, &format!("{kind} is not supported: {kinds}"));
    };
    unsupported(rsa(1024), "RSA of 1024 bits");
    unsupported(ec(Nid::SECP256K1), "the curve secp256k1");
    unsupported(PKey::generate_x25519().unwrap(), "this kind of key");
}

#[test]
fn an_unknown_encryption_is_explained() {
    let sealed = |json: &str| {
        let label = "ENCRYPTED SIGSTORE PRIVATE KEY";
        let body = openssl::base64::encode_block(json.as_bytes());
        format!("-----BEGIN {label}-----\n{body}\n-----END {label}-----\n")
    };
    let json = |kdf: &str, n: &str, cipher: &str, nonce: &str| {
        format!(
            r#"{{"kdf":{{"name":"{kdf}","params":{{"N":{n},"r":8,"p":1}},"salt":"AAAA"}},"cipher":{{"name":"{cipher}","nonce":"{nonce}"}},"ciphertext":"AAAA"}}"#
        )
    };
    let check_sealed = |json: &str, expected: &str| {
        let expected = format!("it is encrypted in an unknown way: {expected}");
        let password = Secret::new("x");
        let error = PrivateKey::parse(sealed(json).as_bytes(), Some(&password)).unwrap_err();
        assert_eq!(error.to_string(), expected);
    };
    let (secretbox, nonce) = ("nacl/secretbox", "A".repeat(32));
    check_sealed(
        "[]",
        "its content is not JSON of cosign: invalid length 0, expected struct EncryptedKey with 3 elements at line 1 column 2",
    );
    check_sealed(&json("pbkdf2", "65536", secretbox, &nonce), "by `pbkdf2`, not scrypt");
    check_sealed(&json("scrypt", "65536", "aes", &nonce), "by `aes`, not nacl/secretbox");
    check_sealed(&json("scrypt", "65536", secretbox, "AAAA"), "the nonce has not 24 bytes");
    check_sealed(&json("scrypt", "65536", secretbox, "?"), "a field is not Base64");
    // It would take 8 GiB of memory.
    check_sealed(&json("scrypt", "8388608", secretbox, &nonce), "scrypt with N 8388608, r 8, p 1");
    for n in ["0", "1", "65537"] {
        check_sealed(
            &json("scrypt", n, secretbox, &nonce),
            &format!("scrypt with N {n}, r 8, p 1"),
        );
    }
}

#[test]
fn a_key_that_cannot_check_is_explained() {
    let check = |text: &[u8], expected: &str| {
        assert_eq!(PublicKey::parse(text).unwrap_err().to_string(), expected);
    };
    check(COSIGN_KEY.as_bytes(), "it is a private key, and a public key checks");
    let not = "it is not a public key in PEM form";
    check(b"", not);
    check(b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", not);
    check(b"-----BEGIN RSA PUBLIC KEY-----\nAAAA\n-----END RSA PUBLIC KEY-----\n", not);
}

/// Each key of a file counts.
#[test]
fn a_file_can_have_several_public_keys() {
    let new = || PKey::generate_ed25519().unwrap();
    let (one, two) = (new(), new());
    let pem = |key: &PKey<openssl::pkey::Private>| key.public_key_to_pem().unwrap();
    let text = [b"# mine\n", &pem(&one)[..], b"\n", &pem(&two)].concat();
    let keys = PublicKey::parse_all(&text).unwrap();
    for key in [one, two] {
        let key = PrivateKey::parse(&key.private_key_to_pem_pkcs8().unwrap(), None).unwrap();
        let signature = key.sign(b"text").unwrap();
        assert_eq!(keys.iter().filter(|it| it.has_signed(b"text", &signature)).count(), 1);
    }
    let damaged = [&text[..], b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"];
    assert!(PublicKey::parse_all(&damaged.concat()).is_err());
    assert!(PublicKey::parse_all(b"").is_err());
}
