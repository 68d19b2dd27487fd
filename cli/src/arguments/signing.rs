//! Options that *sign* what a command writes.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use diskette_builder::oci::image::reference::Reference;
use diskette_builder::oci::sink::Sink;
use diskette_builder::recipe::diagnostic::Diagnostic;
use diskette_builder::registry::client::PublishedNames;
use diskette_builder::signature::identity::signed_name;
use diskette_builder::signature::key::PrivateKey;
use diskette_builder::signature::sign::SignatureFormat;
use diskette_builder::signature::signing_sink::{SignedNames, Signer, SigningSink};

use super::image_name::parse_reference;
use crate::environment::Environment;
use crate::error::CommandError;
use crate::keys::read_private_key;

/// How the images that a command writes are signed.
#[derive(Debug, Args)]
#[command(next_help_heading = "Signature options")]
#[expect(clippy::struct_field_names, reason = "they are the names of the options")]
pub(crate) struct SigningArguments {
    /// Sign the index and the image of each platform with this key, before their tags are written: a PEM file, or
    /// `env://VARIABLE`, as for `diskette sign`
    #[arg(long, alias = "sign-by-sigstore-private-key", value_name = "FILE")]
    sign_key: Option<String>,

    /// Read the password of the key from this file [default: `COSIGN_PASSWORD` of the environment]
    #[arg(long, alias = "sign-passphrase-file", value_name = "FILE", requires = "sign_key")]
    sign_key_password_file: Option<PathBuf>,

    /// Where signatures and signed attestations are kept
    #[arg(long, value_name = "FORMAT", default_value = "tag", requires = "sign_key")]
    sign_format: SignFormat,

    /// Name that the images are signed for: a repository, or an image in it [default: each name that
    /// an image gets]
    #[arg(long, value_name = "NAME", value_parser = parse_identity, requires = "sign_key")]
    sign_identity: Option<Reference>,
}

impl SigningArguments {
    /// Reads the key, if there is one.
    pub(crate) fn read(
        &self,
        environment: &Environment,
    ) -> Result<Option<SigningKey>, CommandError> {
        let Some(source) = &self.sign_key else { return Ok(None) };
        let password = self.sign_key_password_file.as_deref();
        let key = read_private_key(source, password, environment)?;
        let names = match &self.sign_identity {
            Some(name) => SignedNames::Given(signed_identity(name)),
            None => SignedNames::Published,
        };
        Ok(Some(SigningKey { key, names, format: self.sign_format.into() }))
    }
}

/// Where signatures and signed attestations are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum SignFormat {
    /// In manifests with a tag, which all verifiers read
    Tag,
    /// In sigstore bundles that are referrers, as cosign 3 writes them; they are for a repository,
    /// whatever the tag
    Bundle,
}

impl From<SignFormat> for SignatureFormat {
    fn from(format: SignFormat) -> Self {
        match format {
            SignFormat::Tag => Self::Tag,
            SignFormat::Bundle => Self::Bundle,
        }
    }
}

/// Parses the name that an image is signed for: a repository, with a tag or without.
pub(crate) fn parse_identity(text: &str) -> Result<Reference, String> {
    let name = parse_reference(text)?;
    if name.digest().is_some() {
        return Err(
            "a repository or a tag in it is expected: the digest is signed in any case".into()
        );
    }
    Ok(name)
}

/// Returns a name of an option as a signature has it: without a tag it is a repository.
pub(crate) fn signed_identity(name: &Reference) -> String {
    if name.has_tag() { signed_name(name) } else { name.full_repository() }
}

/// A key that signs what a command writes.
#[derive(Debug)]
pub(crate) struct SigningKey {
    key: PrivateKey,
    names: SignedNames,
    format: SignatureFormat,
}

impl SigningKey {
    /// Signs for repositories alone if images are published by their digests.
    pub(crate) fn for_names(mut self, published: PublishedNames) -> Self {
        if published == PublishedNames::Digests && self.names == SignedNames::Published {
            self.names = SignedNames::Repositories;
        }
        self
    }

    /// Fails if there is no name that an image could be signed for. `names` are those that it gets in registries.
    pub(crate) fn check_names(&self, names: &[Reference]) -> Result<(), CommandError> {
        if !names.is_empty() || matches!(self.names, SignedNames::Given(_)) {
            return Ok(());
        }
        let message = "the image gets no name in a registry that it could be signed for";
        let help = "name one with `--sign-identity`, e.g. `--sign-identity quay.io/me/fedora:42`";
        Err(CommandError::Usage(Diagnostic::new(message).help(help)))
    }

    /// Returns the key, and where what it signs is kept.
    pub(crate) fn key(&self) -> (&PrivateKey, SignatureFormat) {
        (&self.key, self.format)
    }

    /// Returns what signs images.
    pub(crate) fn signer(&self) -> Signer<'_> {
        Signer { key: &self.key, names: &self.names, format: self.format }
    }

    /// Returns a sink that writes to another, and signs there.
    pub(crate) fn sign_in<'a>(&'a self, sink: &'a dyn Sink) -> SigningSink<'a> {
        SigningSink::new(sink, self.signer())
    }
}
