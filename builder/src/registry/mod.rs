//! *Registries* as this machine uses them: the client that transfers images, what registries are
//! shown, and how their administrators configured them.
//!
//! - [`client`]: pulls, pushes and listings over the distribution API
//! - [`credentials`]: what a registry is shown
//! - [`settings`]: mirrors, blocked and insecure registries, certificates
//! - [`quay`]: descriptions of repositories on quay

pub mod client;
pub mod credentials;
pub mod quay;
pub mod settings;
