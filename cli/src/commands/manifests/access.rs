//! How a cluster gets access to the image: secrets and certificates, and their names.

use clap::Args;
use diskette_builder::cluster::kubernetes::{
    ImageAccess, KubernetesObject, ObjectMeta, PullMethod, SecretContent, import_secret,
    parse_subdomain_name, pull_secret,
};
use diskette_builder::net::credential::Credential;
use diskette_builder::oci::image::reference::Reference;
use diskette_builder::recipe::diagnostic::Diagnostic;

use super::kinds::{ObjectKind, ObjectKinds};
use super::machine::RootPlace;
use super::storage::StorageArguments;
use super::{ManifestsArguments, usage_error};
use crate::arguments::credentials::RegistryUse;
use crate::environment::Environment;
use crate::error::{CommandError, cannot};

/// Secrets and certificates.
#[derive(Debug, Args)]
pub(super) struct AccessArguments {
    /// Pull secret of the nodes, in docker's format [default: NAME-pull, if it is written too]
    #[arg(long, value_name = "NAME")]
    pull_secret: Option<String>,

    /// Pull secret of CDI, with user and password [default: NAME-import, if it is written too]
    #[arg(long, value_name = "NAME", value_parser = parse_subdomain_name)]
    secret: Option<String>,

    /// `ConfigMap` with CA certificates for CDI [default: NAME-ca, if it is written too]
    #[arg(long, value_name = "NAME", value_parser = parse_subdomain_name)]
    cert_configmap: Option<String>,

    /// Write the local credential for the image into the secrets; without this option they
    /// have placeholders
    #[arg(long)]
    with_credentials: bool,
}

/// Which secrets are needed.
#[derive(Debug, Clone, Copy)]
pub(super) struct SecretUses {
    /// Nodes pull the image.
    pub(super) pulls: bool,
    /// CDI imports the image.
    pub(super) imports: bool,
}

impl SecretUses {
    pub(super) fn new(kinds: &ObjectKinds, machine: Option<RootPlace>) -> Self {
        Self {
            pulls: machine == Some(RootPlace::Image),
            imports: kinds.has(ObjectKind::DataVolume)
                || kinds.has(ObjectKind::DataImportCron)
                || machine == Some(RootPlace::Import),
        }
    }
}

/// Names of the secrets and certificates that exist.
#[derive(Debug)]
pub(super) struct AccessNames {
    pub(super) pull_secret: Option<String>,
    pub(super) import_secret: Option<String>,
    pub(super) authorities: Option<String>,
    pub(super) uses: SecretUses,
}

impl AccessArguments {
    /// Returns the names of what exists: those that were given, else names made from that of the
    /// objects.
    pub(super) fn names(
        &self,
        kinds: &ObjectKinds,
        uses: SecretUses,
        name: &str,
        storage: &StorageArguments,
    ) -> Result<AccessNames, CommandError> {
        self.check(kinds, storage)?;
        let written = |own: &Option<String>, other: &Option<String>, used: bool| {
            let any = uses.pulls || uses.imports;
            own.is_some() || ((other.is_none() || any) && (used || !any))
        };
        let by_pod = storage.pull_method() == PullMethod::Pod;
        let pulls =
            kinds.has(ObjectKind::Secret) && written(&self.pull_secret, &self.secret, uses.pulls);
        let imports = kinds.has(ObjectKind::Secret)
            && by_pod
            && written(&self.secret, &self.pull_secret, uses.imports);
        let named = |given: &Option<String>, is_written: bool, end: &str| {
            given.clone().or_else(|| is_written.then(|| format!("{name}-{end}")))
        };
        Ok(AccessNames {
            pull_secret: named(&self.pull_secret, pulls, "pull"),
            import_secret: named(&self.secret, imports, "import"),
            authorities: named(
                &self.cert_configmap,
                kinds.has(ObjectKind::ConfigMap) && by_pod,
                "ca",
            ),
            uses,
        })
    }

    fn check(&self, kinds: &ObjectKinds, storage: &StorageArguments) -> Result<(), CommandError> {
        if self.with_credentials && !kinds.has(ObjectKind::Secret) {
            let message = "`--with-credentials` is for a secret, and none is written".to_owned();
            return Err(usage_error(message, "write `secret` too, e.g. `secret,vm`"));
        }
        // A Helm chart can generate the name at installation.
        if let Some(name) = self.pull_secret.as_ref().filter(|_| !kinds.has(ObjectKind::HelmValues))
        {
            parse_subdomain_name(name).map_err(|error| {
                CommandError::Usage(Diagnostic::new(format!("`{name}` names no secret: {error}")))
            })?;
        }
        let unused = [("secret", &self.secret), ("cert-configmap", &self.cert_configmap)];
        let unused = unused.into_iter().find(|(_, value)| value.is_some());
        match unused {
            Some((option, _)) if storage.pull_method() == PullMethod::Node => {
                let message = format!(
                    "`--{option}` is for CDI's importer, and with `--pull-method node` nodes pull"
                );
                let help = "they pull with the secrets of the namespace's service account, \
                     and trust what the node trusts";
                Err(usage_error(message, help))
            }
            _ => Ok(()),
        }
    }
}

impl ManifestsArguments {
    /// Returns the credential for the image, if it is to be written into secrets.
    pub(super) fn credential(
        &self,
        reference: &Reference,
        environment: &Environment,
    ) -> Result<Option<Credential>, CommandError> {
        if !self.access.with_credentials {
            return Ok(None);
        }
        let place = reference.full_repository();
        let uses = RegistryUse::default().reads([reference]);
        let found = self.registry.credentials(environment, &uses)?.find(reference);
        let found = found.map_err(cannot("find the credential for", &place))?;
        let Some(found) = found else {
            let message = format!("no credential for `{place}` is known");
            let help = format!(
                "log in with `diskette login {}`, or use `--creds USER:PASSWORD`",
                reference.registry()
            );
            return Err(Diagnostic::new(message).help(help).into());
        };
        Ok(Some(found.credential))
    }
}

impl AccessNames {
    /// Returns the secrets.
    pub(super) fn secrets(
        &self,
        meta: ObjectMeta<'_>,
        registry: &str,
        credential: Option<&Credential>,
    ) -> Result<Vec<KubernetesObject>, CommandError> {
        let shown = credential.map_or(SecretContent::Placeholder, SecretContent::Credential);
        let named = |name| ObjectMeta { name, ..meta };
        let mut secrets = Vec::new();
        if let Some(name) = &self.pull_secret {
            secrets.push(pull_secret(named(name), registry, shown));
        }
        if let Some(name) = &self.import_secret {
            let secret = import_secret(named(name), registry, shown).map_err(|error| {
                let help = "use `--pull-secret NAME` for the nodes' secret alone, \
                     or log in with a user and a password";
                Diagnostic::new(error.to_string()).help(help)
            })?;
            secrets.push(secret);
        }
        Ok(secrets)
    }

    /// Returns the access part of the objects that refer to the image.
    pub(super) fn access(&self, storage: &StorageArguments) -> ImageAccess<'_> {
        ImageAccess {
            pull_secret: self.pull_secret.as_deref(),
            import_secret: self.import_secret.as_deref(),
            authorities: self.authorities.as_deref(),
            pull_method: storage.pull_method(),
        }
    }
}
