//! *Errors* of signing and checking images.

use thiserror::Error;

use super::key::CryptoError;
use crate::oci::copy::CopyError;
use crate::oci::error::StorageError;
use crate::oci::image::tag::Tag;
use crate::oci::referrers::Subject;

/// Why an image is not signed, or its signatures are not accepted.
#[derive(Debug, Error)]
pub enum SignatureError {
    /// The image cannot be read, or the signatures cannot be written.
    #[error(transparent)]
    Image(#[from] CopyError),
    /// The manifest that holds signatures cannot be used.
    #[error("the signatures with the tag `{tag}` cannot be used: {why}")]
    Manifest {
        /// Tag of the manifest.
        tag: Tag,
        /// What is wrong with it.
        why: String,
    },
    /// The image is not signed.
    #[error("`{name}` is not signed: there is no signature of {}", describe(.subject))]
    Unsigned {
        /// Name of the image.
        name: String,
        /// Image that has no signature.
        subject: Box<Subject>,
    },
    /// No signature is accepted.
    #[error("no signature of `{name}` is accepted: of {}, {why}", describe(.subject))]
    NotAccepted {
        /// Name of the image.
        name: String,
        /// Image whose signatures are not accepted.
        subject: Box<Subject>,
        /// Why each is not.
        why: String,
    },
    /// A policy refuses the image, whatever its signatures.
    #[error("`{name}` is refused: {why}")]
    Refused {
        /// Name of the image.
        name: String,
        /// Why.
        why: String,
    },
    /// An image without a name in a registry is to be signed, and no name was given.
    #[error("the name that the image is signed for is missing")]
    Unnamed,
    /// An image that was there before is not signed by the key.
    #[error("the index lists {}, which was there before, and which has no signature by the key", describe(.0))]
    Kept(Box<Subject>),
    /// The cryptographic library failed.
    #[error(transparent)]
    Crypto(#[from] CryptoError),
    /// A document could not be composed. No input is known that causes this.
    #[error("cannot compose the signature: {0}")]
    Compose(String),
}

impl From<StorageError> for SignatureError {
    fn from(error: StorageError) -> Self {
        Self::Image(error.into())
    }
}

/// An error where images are written or opened.
impl From<SignatureError> for StorageError {
    fn from(error: SignatureError) -> Self {
        match error {
            SignatureError::Image(CopyError::Storage(error)) => error,
            error => {
                Self::Refused { help: error.help().map(str::to_owned), message: error.to_string() }
            }
        }
    }
}

impl From<serde_json::Error> for SignatureError {
    fn from(error: serde_json::Error) -> Self {
        Self::Compose(error.to_string())
    }
}

/// Returns which image of an image it is.
fn describe(subject: &Subject) -> String {
    match &subject.platform {
        Some(platform) => format!("the image for {platform}, {}", subject.digest),
        None => format!("the {subject}, {}", subject.digest),
    }
}

impl SignatureError {
    /// Returns a help line for the user, where one is known.
    pub fn help(&self) -> Option<&'static str> {
        match self {
            Self::Unsigned { .. } => Some(
                "`diskette sign` signs an index and the image of each platform, `cosign sign` does with `--recursive`",
            ),
            Self::Kept(_) => Some(
                "check that image and sign it with `diskette sign`; `diskette sync --force` builds all platforms again",
            ),
            Self::Unnamed => Some("name it with `--sign-identity`, e.g. `quay.io/me/fedora:42`"),
            _ => None,
        }
    }
}
