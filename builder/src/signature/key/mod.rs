//! *Keys*: a private key signs, its public key checks. ECDSA and RSA (PKCS #1 v1.5) sign the SHA-256 of the payload, Ed25519
//! signs the payload itself, as cosign does for keys in files.

mod encrypted;
#[cfg(test)]
mod tests;

use std::fmt;

use openssl::ec::EcKeyRef;
use openssl::error::ErrorStack;
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{HasPublic, Id, PKey, PKeyRef, Private, Public};
use openssl::sign::{Signer, Verifier};
use thiserror::Error;

use crate::net::secret::Secret;
use crate::oci::image::digest::Digest;

/// Lengths of RSA keys in bits. Shorter ones can be broken, longer ones take too long to check.
const RSA_BITS: std::ops::RangeInclusive<u32> = 2048..=16_384;

/// Beginning of a block in PEM form.
const BEGIN: &[u8] = b"-----BEGIN ";

/// A key that signs.
pub struct PrivateKey(PKey<Private>);

/// A key that checks signatures.
#[derive(Clone)]
pub struct PublicKey(PKey<Public>);

/// Why a key cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum KeyError {
    /// The text has no key in PEM form.
    #[error("it is not a {0} key in PEM form")]
    NotKey(&'static str),
    /// A public key was given to sign.
    #[error("it is a public key, and a private key signs")]
    IsPublic,
    /// A private key was given to check.
    #[error("it is a private key, and a public key checks")]
    IsPrivate,
    /// The key is encrypted, and there is no password.
    #[error("it is encrypted, and no password was given")]
    NoPassword,
    /// The key cannot be decrypted.
    #[error("it cannot be decrypted: the password is wrong, or the key is damaged")]
    WrongPassword,
    /// The encryption of the key is not one of cosign's.
    #[error("it is encrypted in an unknown way: {0}")]
    Encryption(String),
    /// The kind of key is not supported.
    #[error(
        "{0} is not supported: ECDSA on P-256, P-384 or P-521, RSA of 2048 to 16384 bits and Ed25519 are"
    )]
    Kind(String),
    /// The cryptographic library failed.
    #[error("{0}")]
    Library(#[from] CryptoError),
}

/// The cryptographic library failed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("OpenSSL failed: {0}")]
pub struct CryptoError(String);

impl From<ErrorStack> for CryptoError {
    fn from(error: ErrorStack) -> Self {
        Self(error.to_string())
    }
}

impl KeyError {
    /// Returns a help line for the user, where one is known.
    pub fn help(&self) -> Option<&'static str> {
        Some(match self {
            Self::NotKey("private") => {
                "make a key with `cosign generate-key-pair`, or with `openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256`"
            }
            Self::NotKey(_) => {
                "`cosign public-key --key FILE` and `openssl pkey -in FILE -pubout` write the public key of a private one"
            }
            Self::IsPublic => "name the file of the private key: cosign calls it cosign.key",
            Self::IsPrivate => {
                "name the file of the public key, cosign.pub for example; `openssl pkey -in FILE -pubout` writes it"
            }
            Self::NoPassword | Self::WrongPassword => {
                "set COSIGN_PASSWORD, or name a file that has the password with `--key-password-file`"
            }
            _ => return None,
        })
    }
}

impl PrivateKey {
    /// Parses a private key in PEM form: PKCS #8, SEC 1, PKCS #1, or one that cosign encrypted. Without a password, the
    /// empty one is tried: cosign makes such keys too.
    pub fn parse(text: &[u8], password: Option<&Secret>) -> Result<Self, KeyError> {
        let given = password.map_or("", Secret::expose);
        let wrong =
            || if password.is_some() { KeyError::WrongPassword } else { KeyError::NoPassword };
        let label = find_label(text).ok_or(KeyError::NotKey("private"))?;
        let key = match label {
            "ENCRYPTED SIGSTORE PRIVATE KEY" | "ENCRYPTED COSIGN PRIVATE KEY" => {
                let der = encrypted::decrypt(text, given)?.ok_or_else(wrong)?;
                PKey::private_key_from_pkcs8(&der).map_err(|_| KeyError::NotKey("private"))?
            }
            label if label.ends_with("PUBLIC KEY") => return Err(KeyError::IsPublic),
            label if label.ends_with("PRIVATE KEY") || label == "EC PARAMETERS" => {
                // Without a password of ours, OpenSSL would ask on the terminal.
                let mut is_asked = false;
                let parsed = PKey::private_key_from_pem_callback(text, |buffer| {
                    is_asked = true;
                    let password = given.as_bytes();
                    let room = buffer.get_mut(..password.len()).ok_or_else(ErrorStack::get)?;
                    room.copy_from_slice(password);
                    Ok(password.len())
                });
                let none = if is_asked { wrong() } else { KeyError::NotKey("private") };
                parsed.map_err(|_| none)?
            }
            _ => return Err(KeyError::NotKey("private")),
        };
        check_kind(&key)?;
        Ok(Self(key))
    }

    /// Returns the public key.
    pub fn public_key(&self) -> Result<PublicKey, CryptoError> {
        let der = self.0.public_key_to_der()?;
        Ok(PublicKey(PKey::public_key_from_der(&der)?))
    }

    /// Signs a payload.
    pub(crate) fn sign(&self, payload: &[u8]) -> Result<Vec<u8>, CryptoError> {
        let mut signer = match hash_of(&self.0) {
            Some(hash) => Signer::new(hash, &self.0)?,
            None => Signer::new_without_digest(&self.0)?,
        };
        Ok(signer.sign_oneshot_to_vec(payload)?)
    }
}

impl PublicKey {
    /// Parses all public keys of a file in PEM form; one of them that cannot be used is an error.
    pub fn parse_all(text: &[u8]) -> Result<Vec<Self>, KeyError> {
        let starts: Vec<usize> = memchr::memmem::find_iter(text, BEGIN).collect();
        let [_, others @ ..] = &starts[..] else { return Ok(vec![Self::parse(text)?]) };
        let ends = others.iter().copied().chain([text.len()]);
        starts.iter().zip(ends).map(|(start, end)| Self::parse(&text[*start..end])).collect()
    }

    /// Parses a public key in PEM form.
    pub fn parse(text: &[u8]) -> Result<Self, KeyError> {
        let none = KeyError::NotKey("public");
        let key = match find_label(text) {
            Some("PUBLIC KEY") => PKey::public_key_from_pem(text).map_err(|_| none)?,
            Some("RSA PUBLIC KEY") => {
                let key = openssl::rsa::Rsa::public_key_from_pem_pkcs1(text).map_err(|_| none)?;
                PKey::from_rsa(key).map_err(CryptoError::from)?
            }
            Some(label) if label.ends_with("PRIVATE KEY") => return Err(KeyError::IsPrivate),
            _ => return Err(none),
        };
        check_kind(&key)?;
        Ok(Self(key))
    }

    /// Returns the SHA-256 of the key in DER, which distinguishes it from others.
    pub(crate) fn fingerprint(&self) -> Result<Digest, CryptoError> {
        Ok(Digest::of_bytes(&self.0.public_key_to_der()?))
    }

    /// Returns whether a signature of a payload is by this key.
    pub(crate) fn has_signed(&self, payload: &[u8], signature: &[u8]) -> bool {
        let verifier = match hash_of(&self.0) {
            Some(hash) => Verifier::new(hash, &self.0),
            None => Verifier::new_without_digest(&self.0),
        };
        // A signature of another form is an error in OpenSSL.
        let checked = verifier.and_then(|mut it| it.verify_oneshot(signature, payload));
        checked.unwrap_or(false)
    }
}

/// Returns the hash that is signed in place of the payload, unless the key hashes it itself.
fn hash_of<T>(key: &PKeyRef<T>) -> Option<MessageDigest> {
    (key.id() != Id::ED25519).then(MessageDigest::sha256)
}

/// Fails if cosign would not use a key of this kind.
fn check_kind<T: HasPublic>(key: &PKeyRef<T>) -> Result<(), KeyError> {
    let curve = |key: &EcKeyRef<T>| key.group().curve_name().unwrap_or(Nid::UNDEF);
    let kind = match key.id() {
        Id::ED25519 => return Ok(()),
        Id::RSA if RSA_BITS.contains(&key.bits()) => return Ok(()),
        Id::RSA => format!("RSA of {} bits", key.bits()),
        Id::EC => match curve(&*key.ec_key().map_err(CryptoError::from)?) {
            Nid::X9_62_PRIME256V1 | Nid::SECP384R1 | Nid::SECP521R1 => return Ok(()),
            other => format!("the curve {}", other.short_name().unwrap_or("of the key")),
        },
        _ => "this kind of key".to_owned(),
    };
    Err(KeyError::Kind(kind))
}

/// Returns the label of the first PEM block.
fn find_label(text: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(text).ok()?;
    let (_, rest) = text.split_once("-----BEGIN ")?;
    Some(rest.split_once("-----")?.0)
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PrivateKey(…)")
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({:?})", self.0.id())
    }
}
