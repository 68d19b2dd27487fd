//! *Signatures* that commands require of the images that they use.

use std::path::{Path, PathBuf};

use diskette_builder::oci::image::json::Document;
use diskette_builder::oci::image::location::ImageLocation;
use diskette_builder::oci::image::platform::Platform;
use diskette_builder::oci::image::reference::Reference;
use diskette_builder::oci::images::Images;
use diskette_builder::recipe::diagnostic::Diagnostic;
use diskette_builder::signature::check::{
    AcceptedSignature, CheckedImage, Requirement, check_image,
};
use diskette_builder::signature::error::SignatureError;
use diskette_builder::signature::identity::IdentityMatch;
use diskette_builder::signature::key::PublicKey;
use diskette_builder::signature::policy::{PolicyScope, TrustPolicy};

use crate::environment::Environment;
use crate::error::{CommandError, cannot};
use crate::keys::{read_public_keys, read_text};

/// The signatures that images must have.
#[derive(Debug)]
pub(crate) enum RequiredSignatures {
    /// One by a key.
    Keys {
        /// The keys; one of them is enough.
        keys: Vec<PublicKey>,
        /// Name that images have to be signed for, if not their own.
        identity: Option<Reference>,
    },
    /// What a `policy.json` says.
    Policy {
        /// Path of the file.
        path: PathBuf,
        /// Its content.
        policy: TrustPolicy,
    },
}

/// Why an image is not used.
#[derive(Debug)]
pub(crate) enum RequirementError {
    /// It has not the signatures, or they cannot be read.
    Signature(SignatureError),
    /// The policy cannot be applied to it.
    Policy(Diagnostic),
}

impl RequiredSignatures {
    /// Reads keys or a policy; returns nothing if neither is given.
    pub(crate) fn read(
        keys: &[String],
        policy: Option<&Path>,
        identity: Option<&Reference>,
        environment: &Environment,
    ) -> Result<Option<Self>, CommandError> {
        if let Some(path) = policy {
            let text = read_text(path).map_err(cannot("read the policy", path.display()))?;
            let policy = TrustPolicy::parse(&text).map_err(|why| unusable_policy(path, &why))?;
            return Ok(Some(Self::Policy { path: path.to_owned(), policy }));
        }
        let keys = keys.iter().map(|source| read_public_keys(source, environment));
        let keys = keys.collect::<Result<Vec<_>, _>>()?.concat();
        let identity = identity.cloned();
        Ok((!keys.is_empty()).then_some(Self::Keys { keys, identity }))
    }

    /// Returns the keys, if they were given as such.
    pub(crate) fn keys(&self) -> &[PublicKey] {
        match self {
            Self::Keys { keys, .. } => keys,
            Self::Policy { .. } => &[],
        }
    }

    /// Checks the signatures of an image, of one platform or of all. Returns those that were accepted.
    pub(crate) fn check(
        &self,
        location: &ImageLocation,
        images: &dyn Images,
        root: &Document,
        platform: Option<&Platform>,
    ) -> Result<Vec<AcceptedSignature>, RequirementError> {
        let name = location.to_string();
        let of_layout = || images.names_of(root.digest).first()?.parse().ok();
        let reference = location.reference().or_else(of_layout);
        let requirements = match self {
            Self::Policy { path, policy } => {
                let found = find_requirements(path, policy, location);
                found.map_err(RequirementError::Policy)?
            }
            Self::Keys { keys, identity } => {
                let identity = key_identity(identity.as_ref(), reference.as_ref());
                vec![Requirement::SignedBy { keys: keys.clone(), identity }]
            }
        };
        let image = CheckedImage { root, platform, name: &name, reference: reference.as_ref() };
        check_image(images, &image, &requirements).map_err(RequirementError::Signature)
    }
}

/// Returns the names that signatures by a key may be for.
fn key_identity(given: Option<&Reference>, image: Option<&Reference>) -> IdentityMatch {
    match (given, image) {
        (Some(name), _) if name.has_tag() || name.digest().is_some() => {
            IdentityMatch::ExactReference(name.clone())
        }
        (Some(name), _) => IdentityMatch::ExactRepository(name.clone()),
        (None, Some(_)) => IdentityMatch::Repository,
        (None, None) => IdentityMatch::Any,
    }
}

/// Returns what a policy requires of an image.
fn find_requirements(
    path: &Path,
    policy: &TrustPolicy,
    location: &ImageLocation,
) -> Result<Vec<Requirement>, Diagnostic> {
    let scope = match location {
        ImageLocation::Registry(name) => PolicyScope::registry(name),
        ImageLocation::Local(local) => {
            let real = local.path.canonicalize();
            let real = real.map_err(cannot("find", local.path.display()))?;
            PolicyScope::local(local.store, &real.display().to_string())
        }
    };
    let found = policy.find_requirements(&scope, &|path| read_text(Path::new(path)));
    found.map_err(|why| unusable_policy(path, &why))
}

fn unusable_policy(path: &Path, why: &impl std::fmt::Display) -> Diagnostic {
    Diagnostic::new(format!("cannot use the policy `{}`: {why}", path.display()))
}

impl From<RequirementError> for CommandError {
    fn from(error: RequirementError) -> Self {
        match error {
            RequirementError::Signature(error) => error.into(),
            RequirementError::Policy(diagnostic) => diagnostic.into(),
        }
    }
}
