//! Options that say whose *signatures* are trusted.

use std::path::{Path, PathBuf};

use clap::Args;
use diskette_builder::oci::image::json::Document;
use diskette_builder::oci::image::location::ImageLocation;
use diskette_builder::oci::image::platform::Platform;
use diskette_builder::oci::image::reference::Reference;
use diskette_builder::oci::images::Images;
use diskette_builder::recipe::diagnostic::Diagnostic;
use diskette_builder::signature::check::{
    AcceptedSignature, CheckedImage, Requirement, check_image,
};
use diskette_builder::signature::identity::IdentityMatch;
use diskette_builder::signature::policy::{PolicyScope, TrustPolicy};

use super::image_name::parse_reference;
use super::signed_name::find_reference;
use crate::environment::Environment;
use crate::error::{CommandError, cannot};
use crate::keys::{read_public_key, read_text};

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
    /// Checks the signatures of an image, if that is asked for. Returns those that were accepted.
    pub(crate) fn check(
        &self,
        location: &ImageLocation,
        images: &dyn Images,
        root: &Document,
        platform: Option<&Platform>,
        environment: &Environment,
    ) -> Result<Option<Vec<AcceptedSignature>>, CommandError> {
        let name = location.to_string();
        let of_layout = || images.names_of(root.digest).first()?.parse().ok();
        let reference = find_reference(location).or_else(of_layout);
        let requirements = match &self.policy {
            Some(path) => find_requirements(path, location)?,
            None if self.key.is_empty() => return Ok(None),
            None => vec![self.key_requirement(reference.as_ref(), environment)?],
        };
        let image = CheckedImage { root, platform, name: &name, reference: reference.as_ref() };
        Ok(Some(check_image(images, &image, &requirements)?))
    }

    fn key_requirement(
        &self,
        reference: Option<&Reference>,
        environment: &Environment,
    ) -> Result<Requirement, CommandError> {
        let keys = self.key.iter().map(|source| read_public_key(source, environment));
        let identity = match (&self.identity, reference) {
            (Some(name), _) if name.has_tag() || name.digest().is_some() => {
                IdentityMatch::ExactReference(name.clone())
            }
            (Some(name), _) => IdentityMatch::ExactRepository(name.clone()),
            (None, Some(_)) => IdentityMatch::Repository,
            (None, None) => IdentityMatch::Any,
        };
        Ok(Requirement::SignedBy { keys: keys.collect::<Result<_, _>>()?, identity })
    }
}

/// Returns what a policy requires of an image.
fn find_requirements(
    path: &Path,
    location: &ImageLocation,
) -> Result<Vec<Requirement>, CommandError> {
    let text = read_text(path).map_err(cannot("read the policy", path.display()))?;
    let scope = match location {
        ImageLocation::Registry(name) => PolicyScope::registry(name),
        ImageLocation::Local(local) => {
            let real = local.path.canonicalize();
            let real = real.map_err(cannot("find", local.path.display()))?;
            PolicyScope::local(local.store, &real.display().to_string())
        }
    };
    let policy = TrustPolicy::parse(&text);
    let found = policy
        .and_then(|policy| policy.find_requirements(&scope, &|path| read_text(Path::new(path))));
    let invalid =
        |why| Diagnostic::new(format!("cannot use the policy `{}`: {why}", path.display()));
    Ok(found.map_err(invalid)?)
}
