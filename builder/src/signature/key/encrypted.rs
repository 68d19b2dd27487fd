//! Private keys that cosign *encrypted*: in PEM form, a JSON text with a key of PKCS #8 in a secretbox of `NaCl`, whose key
//! scrypt derives from a password (go-securesystemslib, `encrypted/encrypted.go`).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use crypto_secretbox::aead::{Aead as _, KeyInit as _};
use crypto_secretbox::{Key, Nonce, XSalsa20Poly1305};
use serde::Deserialize;

use super::KeyError;

/// The highest cost that is accepted, as a power of two: it takes 256 MiB of memory. cosign uses 15 or 16.
const LOG_N_MAX: u8 = 18;

#[derive(Deserialize)]
struct EncryptedKey {
    kdf: KeyDerivation,
    cipher: Cipher,
    ciphertext: String,
}

#[derive(Deserialize)]
struct KeyDerivation {
    name: String,
    params: ScryptParameters,
    salt: String,
}

#[derive(Deserialize)]
struct ScryptParameters {
    #[serde(rename = "N")]
    n: u64,
    r: u32,
    p: u32,
}

#[derive(Deserialize)]
struct Cipher {
    name: String,
    nonce: String,
}

/// Decrypts a key; `None` if the password is wrong or the key is damaged.
pub(super) fn decrypt(text: &[u8], password: &str) -> Result<Option<Vec<u8>>, KeyError> {
    let unknown = |why: &str| KeyError::Encryption(why.to_owned());
    let json = pem_content(text).ok_or_else(|| unknown("its text is not Base64"))?;
    let key: EncryptedKey = serde_json::from_slice(&json)
        .map_err(|error| unknown(&format!("its content is not JSON of cosign: {error}")))?;
    let EncryptedKey { kdf, cipher, ciphertext } = key;
    if kdf.name != "scrypt" {
        return Err(unknown(&format!("by `{}`, not scrypt", kdf.name.escape_debug())));
    }
    if cipher.name != "nacl/secretbox" {
        return Err(unknown(&format!("by `{}`, not nacl/secretbox", cipher.name.escape_debug())));
    }
    let ScryptParameters { n, r, p } = kdf.params;
    let log_n = u8::try_from(n.trailing_zeros()).unwrap_or(u8::MAX);
    if !n.is_power_of_two() || !(1..=LOG_N_MAX).contains(&log_n) || r != 8 || p != 1 {
        return Err(unknown(&format!("scrypt with N {n}, r {r}, p {p}")));
    }
    let decode = |text: &str| STANDARD.decode(text).map_err(|_| unknown("a field is not Base64"));
    let (salt, nonce, sealed) = (decode(&kdf.salt)?, decode(&cipher.nonce)?, decode(&ciphertext)?);
    let nonce: [u8; 24] = nonce.try_into().map_err(|_| unknown("the nonce has not 24 bytes"))?;
    let mut derived = Key::default();
    let parameters = scrypt::Params::new(log_n, r, p);
    let parameters = parameters.map_err(|error| unknown(&error.to_string()))?;
    scrypt::scrypt(password.as_bytes(), &salt, &parameters, &mut derived)
        .map_err(|error| unknown(&error.to_string()))?;
    Ok(XSalsa20Poly1305::new(&derived).decrypt(&Nonce::from(nonce), &sealed[..]).ok())
}

/// Returns the content of the first PEM block.
fn pem_content(text: &[u8]) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(text).ok()?;
    let (_, rest) = text.split_once("-----BEGIN ")?;
    let (_, rest) = rest.split_once("-----")?;
    let (body, _) = rest.split_once("-----END ")?;
    let body: String = body.chars().filter(|letter| !letter.is_whitespace()).collect();
    STANDARD.decode(body).ok()
}
