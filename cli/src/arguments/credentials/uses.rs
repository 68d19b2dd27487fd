//! The *registries* that a command uses, and the images in them that a credential is for.

use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock};

use diskette_builder::oci::image::location::ImageLocation;
use diskette_builder::oci::image::reference::Reference;
use diskette_builder::recipe::diagnostic::Diagnostic;
use diskette_builder::registry::credentials::CredentialScope;

use super::PairCredentials;
use crate::error::CommandError;

/// The images in registries that a command reads and writes. A credential of an option is sent to
/// their registries only.
#[derive(Debug, Default)]
pub(crate) struct RegistryUse<'a> {
    reads: Vec<Reference>,
    writes: Vec<Reference>,
    bases: Option<BaseRegistry>,
    pub(super) pair: Option<&'a PairCredentials>,
}

/// The registry of the bases of a Dockerfile, which are known only after it was read.
#[derive(Debug, Clone, Default)]
pub(crate) struct BaseRegistry(Arc<OnceLock<String>>);

impl<'a> RegistryUse<'a> {
    /// Adds images that are read.
    pub(crate) fn reads<'r>(mut self, names: impl IntoIterator<Item = &'r Reference>) -> Self {
        self.reads.extend(names.into_iter().cloned());
        self
    }

    /// Adds images that are written.
    pub(crate) fn writes<'r>(mut self, names: impl IntoIterator<Item = &'r Reference>) -> Self {
        self.writes.extend(names.into_iter().cloned());
        self
    }

    /// Adds the image of a location that is read, if it is in a registry.
    pub(crate) fn reads_from(self, location: &ImageLocation) -> Self {
        self.reads(reference(location))
    }

    /// Adds the image of a location that is written, if it is in a registry.
    pub(crate) fn writes_to(self, location: &ImageLocation) -> Self {
        self.writes(reference(location))
    }

    /// Adds bases that become known later.
    pub(crate) fn bases(mut self, registry: &BaseRegistry) -> Self {
        self.bases = Some(registry.clone());
        self
    }

    /// Sets `--src-creds` and `--dest-creds`.
    pub(crate) fn pair(mut self, pair: &'a PairCredentials) -> Self {
        self.pair = Some(pair);
        self
    }

    /// Returns the scope of a credential for all images; nothing if no registry is used.
    pub(super) fn scope(
        &self,
        option: &'static str,
    ) -> Result<Option<CredentialScope>, CommandError> {
        let registry = one_registry(option, self.reads.iter().chain(&self.writes))?;
        let scope = registry.map(CredentialScope::Registry);
        Ok(scope.or_else(|| self.bases.as_ref().map(BaseRegistry::scope)))
    }

    /// Returns the scopes of a credential for the images that are read.
    pub(super) fn read_scopes(
        &self,
        option: &'static str,
    ) -> Result<Vec<CredentialScope>, CommandError> {
        let mut scopes = scopes(option, &self.reads, &self.writes)?;
        scopes.extend(self.bases.as_ref().map(BaseRegistry::scope));
        Ok(scopes)
    }

    /// Returns the scopes of a credential for the images that are written.
    pub(super) fn write_scopes(
        &self,
        option: &'static str,
    ) -> Result<Vec<CredentialScope>, CommandError> {
        scopes(option, &self.writes, &self.reads)
    }
}

fn reference(location: &ImageLocation) -> Option<&Reference> {
    match location {
        ImageLocation::Registry(name) => Some(name),
        ImageLocation::Local(_) => None,
    }
}

impl BaseRegistry {
    /// Returns whether the image is in the registry of the first base.
    pub(crate) fn admit(&self, name: &Reference) -> bool {
        self.0.get_or_init(|| name.registry().to_owned()) == name.registry()
    }

    fn scope(&self) -> CredentialScope {
        CredentialScope::Later(self.0.clone())
    }
}

/// Returns the images that a credential of one side is for: all of the registry, or only the named
/// repositories if the other side uses the registry too.
fn scopes(
    option: &'static str,
    own: &[Reference],
    other: &[Reference],
) -> Result<Vec<CredentialScope>, CommandError> {
    let Some(registry) = one_registry(option, own)? else { return Ok(Vec::new()) };
    if other.iter().all(|name| name.registry() != registry) {
        return Ok(vec![CredentialScope::Registry(registry)]);
    }
    let repositories = own.iter().map(Reference::full_repository).collect::<BTreeSet<_>>();
    Ok(repositories.into_iter().map(CredentialScope::Repository).collect())
}

/// Returns the registry of the images; an error if they are in several.
fn one_registry<'r>(
    option: &'static str,
    names: impl IntoIterator<Item = &'r Reference>,
) -> Result<Option<String>, CommandError> {
    let mut registries: BTreeSet<&str> = names.into_iter().map(Reference::registry).collect();
    let first = registries.pop_first().map(str::to_owned);
    let (Some(first), Some(second)) = (&first, registries.pop_first()) else { return Ok(first) };
    let message =
        format!("`{option}` is a credential for one registry, not for `{first}` and `{second}`");
    let help = match option {
        "--creds" | "--creds-file" => {
            "use `--src-creds` and `--dest-creds`, or `diskette login` for each registry"
        }
        _ => "use `diskette login` for each registry",
    };
    Err(CommandError::Usage(Diagnostic::new(message).help(help)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_base_decides_the_registry() {
        let registry = BaseRegistry::default();
        let admit = |name: &str| registry.admit(&name.parse().unwrap());
        let admitted = ["q.io/a", "q.io/b", "r.io/a", "q.io:1/a"].map(admit);
        assert_eq!(admitted, [true, true, false, false]);
    }
}
