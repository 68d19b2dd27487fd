//! *User data* for cloud-init, which a machine has itself or names a Secret for.

use serde_json::{Value, json};
use thiserror::Error;

use crate::cluster::kubernetes::write_yaml;

/// Maximum length in bytes of the user data that a machine can pass to cloud-init inline
/// (`cloudInitUserMaxLen`,
/// `pkg/virt-api/webhooks/validating-webhook/admitters/vmi-create-admitter.go`).
const INLINE_USER_DATA_MAX: usize = 2048;

/// Maximum length in bytes of user data in a Secret (`MaxSecretSize` in Kubernetes,
/// `pkg/apis/core/types.go`).
const SECRET_USER_DATA_MAX: usize = 1 << 20;

/// User data for cloud-init, and how a machine gets it.
#[derive(Debug, Clone)]
pub enum UserData {
    /// The machine has it.
    Inline(String),
    /// The machine names a Secret that has it, which is written too.
    Secret {
        /// Name of the Secret.
        name: String,
        /// The user data.
        text: String,
    },
}

/// User data that no machine can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum UserDataError {
    /// KubeVirt refuses a source of user data that has none (`validateVolumes` in
    /// `vmi-create-admitter.go`).
    #[error("it is empty, and a machine with cloud-init needs user data")]
    Empty,
    /// It is too long for a Secret.
    #[error("it comes to {0} bytes, and a Secret takes {SECRET_USER_DATA_MAX}")]
    TooLong(usize),
}

impl UserData {
    /// Chooses how a machine gets user data: inline if it is short enough, else from the Secret.
    pub fn new(text: String, secret: impl FnOnce() -> String) -> Result<Self, UserDataError> {
        match text.len() {
            0 => Err(UserDataError::Empty),
            len if len <= INLINE_USER_DATA_MAX => Ok(Self::Inline(text)),
            len if len <= SECRET_USER_DATA_MAX => Ok(Self::Secret { name: secret(), text }),
            len => Err(UserDataError::TooLong(len)),
        }
    }

    /// Returns the source of the volume that cloud-init reads.
    pub(super) fn volume_source(&self) -> Value {
        let source = match self {
            Self::Inline(text) => json!({ "userData": text }),
            Self::Secret { name, .. } => json!({ "secretRef": { "name": name } }),
        };
        json!({ "cloudInitNoCloud": source })
    }
}

/// Returns user data for cloud-init that authorizes SSH public keys.
pub fn cloud_config(keys: &[&str]) -> Result<String, std::fmt::Error> {
    let config = write_yaml(&[json!({ "ssh_authorized_keys": keys }).into()])?;
    Ok(format!("#cloud-config\n{config}"))
}
