//! Options that say whose *signatures* are trusted.

use std::path::PathBuf;

use clap::Args;
use diskette_builder::oci::image::reference::Reference;

use super::image_name::parse_reference;
use crate::environment::Environment;
use crate::error::CommandError;
use crate::signatures::RequiredSignatures;

/// Whose signatures are trusted.
#[derive(Debug, Args)]
pub(crate) struct TrustArguments {
    /// Require signatures by this public key: a PEM file, or `env://VARIABLE`. The index and the image of each platform
    /// have to be signed, for the repository of the image. If it is repeated, one of the keys is enough
    #[arg(long, value_name = "FILE", conflicts_with = "policy")]
    key: Vec<String>,

    /// Require what this policy.json of podman and CRI-O does (containers-policy.json(5))
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,

    /// Name that the image has to be signed for: a repository, or an image in it [default: the
    /// repository of the image]
    #[arg(long, value_name = "NAME", value_parser = parse_reference, requires = "key")]
    identity: Option<Reference>,
}

impl TrustArguments {
    /// Returns the signatures that are required, if some are.
    pub(crate) fn read(
        &self,
        environment: &Environment,
    ) -> Result<Option<RequiredSignatures>, CommandError> {
        let (policy, identity) = (self.policy.as_deref(), self.identity.as_ref());
        RequiredSignatures::read(&self.key, policy, identity, environment)
    }
}

/// Whose signatures images that are used must have.
#[derive(Debug, Args)]
#[command(next_help_heading = "Signature options")]
#[expect(clippy::struct_field_names, reason = "they are the names of the options")]
pub(crate) struct GateArguments {
    /// Use only images with a signature by this public key: a PEM file, or `env://VARIABLE`. It is checked before
    /// anything else of the image is read, as `diskette verify --key` does. If it is repeated, one of the keys is enough
    #[arg(long, value_name = "FILE", conflicts_with = "verify_policy")]
    verify_key: Vec<String>,

    /// Use only images that meet this policy.json of podman and CRI-O (containers-policy.json(5))
    #[arg(long, alias = "signature-policy", value_name = "FILE")]
    verify_policy: Option<PathBuf>,

    /// Name that the images have to be signed for: a repository, or an image in it [default: the
    /// repository of each image]
    #[arg(long, value_name = "NAME", value_parser = parse_reference, requires = "verify_key")]
    verify_identity: Option<Reference>,
}

impl GateArguments {
    /// Returns the signatures that are required, if some are.
    pub(crate) fn read(
        &self,
        environment: &Environment,
    ) -> Result<Option<RequiredSignatures>, CommandError> {
        let (policy, identity) = (self.verify_policy.as_deref(), self.verify_identity.as_ref());
        RequiredSignatures::read(&self.verify_key, policy, identity, environment)
    }
}
