//! Options for *one side* of a copy, as skopeo has them.

use std::path::PathBuf;

use clap::{ArgAction, Args};

use super::registry::RegistryArguments;

/// How to speak to the registry of each side, if it differs.
#[derive(Debug, Args)]
#[command(next_help_heading = "Registry options")]
pub(crate) struct SideArguments {
    /// --authfile for the source only
    #[arg(long, value_name = "FILE")]
    src_authfile: Option<PathBuf>,

    /// --authfile for the destination only
    #[arg(long, value_name = "FILE")]
    dest_authfile: Option<PathBuf>,

    /// --cert-dir for the source only
    #[arg(long, value_name = "DIR")]
    src_cert_dir: Option<PathBuf>,

    /// --cert-dir for the destination only
    #[arg(long, value_name = "DIR")]
    dest_cert_dir: Option<PathBuf>,

    /// --tls-verify for the source only
    #[arg(long, value_name = "BOOL", action = ArgAction::Set, conflicts_with = "plain_http")]
    #[arg(num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    src_tls_verify: Option<bool>,

    /// --tls-verify for the destination only
    #[arg(long, value_name = "BOOL", action = ArgAction::Set, conflicts_with = "plain_http")]
    #[arg(num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    dest_tls_verify: Option<bool>,
}

impl SideArguments {
    /// Returns the options for the registry of the source.
    pub(crate) fn source(&self, common: &RegistryArguments) -> RegistryArguments {
        let (authfile, cert_dir) = (self.src_authfile.clone(), self.src_cert_dir.clone());
        common.with(authfile, cert_dir, self.src_tls_verify)
    }

    /// Returns the options for the registry of the destination.
    pub(crate) fn destination(&self, common: &RegistryArguments) -> RegistryArguments {
        let (authfile, cert_dir) = (self.dest_authfile.clone(), self.dest_cert_dir.clone());
        common.with(authfile, cert_dir, self.dest_tls_verify)
    }
}
