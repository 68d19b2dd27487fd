//! Writes the *objects*.

use diskette_builder::cluster::kubernetes::{
    ImageSubject, KubernetesObject, ObjectMeta, UserData, authorities_config_map, data_import_cron,
    data_source, data_volume, default_name, helm_values, user_data_secret, virtual_machine,
};
use diskette_builder::oci::image::location::ImageLocation;
use diskette_builder::oci::image::reference::Reference;

use super::access::{AccessNames, SecretUses};
use super::image::ManifestImage;
use super::kinds::{NamespaceChoice, ObjectKind};
use super::{ManifestsArguments, cluster_reference, usage_error};
use crate::environment::Environment;
use crate::error::{CommandError, cannot};
use crate::ui::Ui;

/// Writes the objects.
pub(super) struct ManifestWriter<'a> {
    pub(super) arguments: &'a ManifestsArguments,
    location: &'a ImageLocation,
    reference: &'a Reference,
    name: String,
    pub(super) names: AccessNames,
}

impl<'a> ManifestWriter<'a> {
    pub(super) fn new(
        arguments: &'a ManifestsArguments,
        location: &'a ImageLocation,
    ) -> Result<Self, CommandError> {
        let reference = cluster_reference(arguments, location)?;
        let kinds = &arguments.kinds;
        let namespace = match arguments.namespace {
            Some(_) => NamespaceChoice::Known,
            None => NamespaceChoice::Unknown,
        };
        kinds.check(namespace)?;
        if kinds.has(ObjectKind::DataImportCron) && reference.tag().is_none() {
            let message = format!("`{reference}` has no tag, and a DataImportCron follows one");
            return Err(usage_error(message, "name the image with the tag that moves"));
        }
        if arguments.by_tag && reference.tag().is_none() {
            let message = format!("`{reference}` has no tag");
            return Err(usage_error(
                message,
                "name the image with its tag, or leave out `--by-tag`",
            ));
        }
        let name = arguments.name.clone().unwrap_or_else(|| default_name(reference));
        let machine = kinds.has(ObjectKind::Vm).then(|| arguments.machine.root_place());
        let uses = SecretUses::new(kinds, machine);
        let names = arguments.access.names(kinds, uses, &name, &arguments.storage)?;
        Ok(Self { arguments, location, reference, name, names })
    }

    pub(super) fn meta(&self) -> ObjectMeta<'_> {
        ObjectMeta { name: &self.name, namespace: self.arguments.namespace.as_deref() }
    }

    pub(super) fn objects(
        &self,
        environment: &Environment,
        ui: &Ui,
    ) -> Result<Vec<KubernetesObject>, CommandError> {
        let Self { arguments, reference, names, .. } = self;
        let mut objects = Vec::new();
        let user_data = self.user_data()?;
        if let Some(UserData::Secret { name, text }) = &user_data {
            objects.push(user_data_secret(ObjectMeta { name, ..self.meta() }, text));
        }
        if arguments.kinds.has(ObjectKind::Secret) {
            let credential = arguments.credential(reference, environment)?;
            objects.extend(names.secrets(
                self.meta(),
                reference.registry(),
                credential.as_ref(),
            )?);
        }
        if arguments.kinds.has(ObjectKind::ConfigMap) {
            objects.push(self.config_map()?);
        }
        if arguments.kinds.need_image() {
            let seen = ManifestImage::read(arguments, self.location, environment, ui)?;
            objects.extend(self.image_objects(&seen, user_data.as_ref())?);
            if let Some(first) = objects.first_mut() {
                first.comment.insert(0, seen.comment(reference));
            }
        }
        if names.uses.imports && arguments.registry.is_insecure() {
            ui.print_note(&format!(
                "CDI speaks to `{0}` only if `insecureRegistries` in its configuration has `{0}`",
                reference.registry()
            ));
        }
        Ok(objects)
    }

    /// Returns what cloud-init reads in the machine, if one is written.
    fn user_data(&self) -> Result<Option<UserData>, CommandError> {
        if self.arguments.kinds.has(ObjectKind::Vm) {
            self.arguments.machine.user_data(&self.name)
        } else {
            Ok(None)
        }
    }

    fn config_map(&self) -> Result<KubernetesObject, CommandError> {
        let Some(path) = self.arguments.registry.ca_file() else {
            let help = "use `--ca-file ca.crt`; \
                 `openssl s_client -showcerts -connect HOST:PORT </dev/null` prints a server's";
            return Err(usage_error("no certificates given for the ConfigMap".into(), help));
        };
        let pem = crate::trust::read_certificate(path).map_err(cannot("read", path.display()))?;
        let name = self.names.authorities.as_deref().unwrap_or(&self.name);
        authorities_config_map(ObjectMeta { name, ..self.meta() }, &pem).map_err(|error| {
            let diagnostic = cannot("use", path.display())(error);
            diagnostic.help("`openssl x509 -inform der -in FILE` makes PEM of DER").into()
        })
    }

    /// Returns the objects that name the image.
    fn image_objects(
        &self,
        seen: &ManifestImage,
        user_data: Option<&UserData>,
    ) -> Result<Vec<KubernetesObject>, CommandError> {
        let Self { arguments, reference, names, .. } = self;
        let (meta, access) = (self.meta(), names.access(&arguments.storage));
        let subject = |reference| ImageSubject {
            reference,
            architecture: seen.architecture().cloned(),
            labels: seen.labels.clone(),
        };
        let tagged = reference.without_digest().map(subject);
        let pinned = subject(reference.with_digest(seen.digest));
        let named = tagged.as_ref().filter(|_| arguments.by_tag).unwrap_or(&pinned);
        if let Some(machine) = &seen.machine {
            return self.machine_objects(seen, machine, named);
        }
        let storage = || arguments.storage.storage(seen);
        let object = |kind| {
            Ok(Some(match kind {
                ObjectKind::DataVolume => data_volume(meta, named, access, &storage()?),
                ObjectKind::DataImportCron => {
                    let tagged = tagged.as_ref().unwrap_or(named);
                    data_import_cron(meta, tagged, access, &storage()?, arguments.cron.cron())
                }
                ObjectKind::DataSource => {
                    data_source(meta, meta.namespace.unwrap_or_default(), named)
                }
                ObjectKind::Vm => {
                    let clone = arguments.storage.clone_of();
                    let machine = arguments.machine.machine(seen, user_data, clone, storage)?;
                    virtual_machine(meta, named, access, &machine)
                }
                ObjectKind::HelmValues => helm_values(named, reference.tag(), access, &storage()?),
                ObjectKind::Secret | ObjectKind::ConfigMap | ObjectKind::Claim => return Ok(None),
            }))
        };
        arguments.kinds.iter().filter_map(|kind| object(kind).transpose()).collect()
    }
}
