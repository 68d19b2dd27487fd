//! `diskette manifests`.

mod access;
mod artifact;
mod image;
mod kinds;
mod machine;
mod ova;
mod storage;
mod user_data;
mod writer;

use std::path::PathBuf;

use clap::Args;
use diskette_builder::cluster::kubernetes::{KubernetesObject, parse_label_name, write_yaml};
use diskette_builder::oci::image::location::ImageLocation;
use diskette_builder::oci::image::platform::Platform;
use diskette_builder::oci::image::reference::Reference;
use diskette_builder::recipe::diagnostic::Diagnostic;

use self::access::AccessArguments;
use self::kinds::{ObjectKind, ObjectKinds, parse_kinds};
pub(super) use self::machine::MEMORY;
use self::machine::{MachineArguments, RootPlace};
use self::ova::ManifestsSubject;
use self::storage::{CronArguments, StorageArguments};
use self::writer::ManifestWriter;
use crate::arguments::image_name::parse_reference;
use crate::arguments::registry::RegistryArguments;
use crate::credentials::write_private;
use crate::environment::Environment;
use crate::error::{CommandError, cannot};
use crate::files::write_file;
use crate::ui::Ui;

/// Write the Kubernetes objects that use an image, for `kubectl apply -f -`
///
/// The objects refer to the image by its digest, request as much storage as its disk needs, and use
/// its instance type and preference. Objects that are written together refer to each other: a
/// virtual machine names the secret that is written with it.
#[derive(Debug, Args)]
pub(crate) struct ManifestsArguments {
    /// Kinds of objects, separated by commas: vm, datavolume, datasource, dataimportcron, secret,
    /// configmap; pvc of a VM artifact; or helm-values
    #[arg(value_name = "KIND", value_parser = parse_kinds)]
    kinds: ObjectKinds,

    /// The image, e.g. quay.io/me/fedora:42; a layout or an archive with --image; or an OVA
    #[arg(value_name = "REF")]
    subject: ManifestsSubject,

    /// Name of the image in the cluster, if it is not REF
    #[arg(long, value_name = "REF", value_parser = parse_reference)]
    image: Option<Reference>,

    /// Use this platform's image, e.g. linux/arm64
    #[arg(long)]
    platform: Option<Platform>,

    /// Refer to the image by its tag instead of its digest
    #[arg(long)]
    by_tag: bool,

    /// Name of the objects [default: the last part of the image's name]
    #[arg(long, value_name = "NAME", value_parser = parse_label_name)]
    name: Option<String>,

    /// Namespace of the objects [default: that of `kubectl apply`]
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
    let objects = match &arguments.subject {
        ManifestsSubject::Image(location) => {
            ManifestWriter::new(arguments, location)?.objects(environment, ui)?
        }
        ManifestsSubject::Ova(path) => arguments.ova_objects(path)?,
    };
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

/// Returns the reference that the cluster uses.
fn cluster_reference<'a>(
    arguments: &'a ManifestsArguments,
    location: &'a ImageLocation,
) -> Result<&'a Reference, CommandError> {
    match (&arguments.image, location) {
        (Some(reference), _) | (None, ImageLocation::Registry(reference)) => Ok(reference),
        (None, place) => {
            let message = format!("no cluster can pull `{place}`");
            Err(usage_error(
                message,
                "name it as the cluster will find it, `--image \
                 quay.io/me/fedora:42`",
            ))
        }
    }
}

fn usage_error(message: String, help: &str) -> CommandError {
    CommandError::Usage(Diagnostic::new(message).help(help))
}
