//! `diskette manifests`.

mod access;
mod image;
mod kinds;
mod machine;
mod storage;

use std::path::PathBuf;

use clap::Args;
use diskette_builder::cluster::kubernetes::{
    ImageSubject, KubernetesObject, ObjectMeta, UserData, authorities_config_map, data_import_cron,
    data_source, data_volume, default_name, helm_values, parse_label_name, user_data_secret,
    virtual_machine, write_yaml,
};
use diskette_builder::oci::image::location::{ImageLocation, parse_reference};
use diskette_builder::oci::image::platform::Platform;
use diskette_builder::oci::image::reference::Reference;
use diskette_builder::recipe::diagnostic::Diagnostic;

use self::access::{AccessArguments, AccessNames, SecretUses};
use self::image::ManifestImage;
use self::kinds::{NamespaceChoice, ObjectKind, ObjectKinds, parse_kinds};
use self::machine::{MachineArguments, RootPlace};
use self::storage::{CronArguments, StorageArguments};
use crate::arguments::registry::RegistryArguments;
use crate::credentials::write_private;
use crate::environment::Environment;
use crate::error::{CommandError, cannot};
use crate::files::write_file;
use crate::images::subject::parse_subject;
use crate::ui::Ui;

/// Write the Kubernetes objects that an image is used with, for `kubectl apply -f -`
///
/// They name the image by its digest, ask for as much storage as its disk needs, and carry what the
/// image says of instance types. What is written together fits together: a machine names the secret
/// that stands beside it.
#[derive(Debug, Args)]
pub(crate) struct ManifestsArguments {
    /// What to write, several with commas: vm, datavolume, datasource, dataimportcron, secret,
    /// configmap; or helm-values
    #[arg(value_name = "KIND", value_parser = parse_kinds)]
    kinds: ObjectKinds,

    /// The image, e.g. quay.io/me/fedora:42; a layout or an archive with --image
    #[arg(value_name = "REF", value_parser = parse_subject)]
    subject: ImageLocation,

    /// Where the cluster finds the image, if not where it is looked at
    #[arg(long, value_name = "REF", value_parser = parse_reference)]
    image: Option<Reference>,

    /// Use this platform's image, e.g. linux/arm64
    #[arg(long)]
    platform: Option<Platform>,

    /// Name the image by its tag, and not by its digest
    #[arg(long)]
    by_tag: bool,

    /// What the objects are called [default: the last part of the image's name]
    #[arg(long, value_name = "NAME", value_parser = parse_label_name)]
    name: Option<String>,

    /// The namespace they are in [default: the one that they are applied to]
    #[arg(short, long, value_name = "NAME", value_parser = parse_label_name)]
    namespace: Option<String>,

    /// Write to this file [default: standard output]
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,

    #[command(flatten)]
    access: AccessArguments,

    #[command(flatten)]
    storage: StorageArguments,

    #[command(flatten)]
    machine: MachineArguments,

    #[command(flatten)]
    cron: CronArguments,

    #[command(flatten)]
    registry: RegistryArguments,
}

pub(crate) fn run(
    arguments: &ManifestsArguments,
    environment: &Environment,
    ui: &Ui,
) -> Result<(), CommandError> {
    let writer = ManifestWriter::new(arguments)?;
    let objects = writer.objects(environment, ui)?;
    let text = write_yaml(&objects).map_err(cannot("write", "the objects"))?;
    match &arguments.output {
        Some(path) if objects.iter().any(is_secret) => write_private(path, text.as_bytes())?,
        Some(path) => write_file(path, text.as_bytes())?,
        None => ui.print_result(text.as_bytes())?,
    }
    Ok(())
}

fn is_secret(object: &KubernetesObject) -> bool {
    object.value["kind"] == "Secret"
}

impl ManifestsArguments {
    /// Returns whether an object is written that needs the size of the disk.
    fn need_size(&self) -> bool {
        let has = |kind| self.kinds.has(kind);
        has(ObjectKind::DataVolume)
            || has(ObjectKind::DataImportCron)
            || has(ObjectKind::HelmValues)
            || (has(ObjectKind::Vm) && self.machine.root_place() == RootPlace::Import)
    }
}

/// Writes the objects.
struct ManifestWriter<'a> {
    arguments: &'a ManifestsArguments,
    reference: &'a Reference,
    name: String,
    names: AccessNames,
}

impl<'a> ManifestWriter<'a> {
    fn new(arguments: &'a ManifestsArguments) -> Result<Self, CommandError> {
        let reference = cluster_reference(arguments)?;
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
        Ok(Self { arguments, reference, name, names })
    }

    fn meta(&self) -> ObjectMeta<'_> {
        ObjectMeta { name: &self.name, namespace: self.arguments.namespace.as_deref() }
    }

    fn objects(
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
            let seen = ManifestImage::read(arguments, environment, ui)?;
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
            let help = "say `--ca-file ca.crt`; \
                 `openssl s_client -showcerts -connect HOST:PORT </dev/null` prints a server's";
            return Err(usage_error("which certificates shall the ConfigMap have?".into(), help));
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
            architecture: seen.architecture.clone(),
            labels: seen.labels.clone(),
        };
        let tagged = reference.tag().map(|tag| subject(reference.with_tag(tag.to_owned())));
        let pinned = subject(reference.with_digest(seen.digest));
        let named = tagged.as_ref().filter(|_| arguments.by_tag).unwrap_or(&pinned);
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
                ObjectKind::Secret | ObjectKind::ConfigMap => return Ok(None),
            }))
        };
        arguments.kinds.iter().filter_map(|kind| object(kind).transpose()).collect()
    }
}

/// Returns the reference that the cluster uses.
fn cluster_reference(arguments: &ManifestsArguments) -> Result<&Reference, CommandError> {
    match (&arguments.image, &arguments.subject) {
        (Some(reference), _) | (None, ImageLocation::Registry(reference)) => Ok(reference),
        (None, place) => {
            let message = format!("no cluster can pull `{place}`");
            Err(usage_error(message, "say where it will be, `--image quay.io/me/fedora:42`"))
        }
    }
}

fn usage_error(message: String, help: &str) -> CommandError {
    CommandError::Usage(Diagnostic::new(message).help(help))
}
