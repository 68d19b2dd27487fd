//! *Registries* as this machine uses them: the client that transfers images, the credentials that
//! it presents, and the settings that administrators configured.
//!
//! - [`client`]: pulls, pushes and listings over the distribution API
//! - [`credentials`]: users, passwords and tokens for registries
//! - [`settings`]: mirrors, blocked and insecure registries, certificates
//! - [`quay`]: descriptions of repositories on quay

pub mod client;
pub mod credentials;
pub mod quay;
pub mod settings;
