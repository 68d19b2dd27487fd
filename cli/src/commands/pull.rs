//! `diskette pull`.

use clap::Args;
use diskette_builder::oci::attachments::AttachmentSelector;
use diskette_builder::oci::copy::choose_platform;
use diskette_builder::oci::image::location::{ImageLocation, LocalImage, StoreKind};
use diskette_builder::oci::image::platform::Platform;
use diskette_builder::oci::image::reference::Reference;
use diskette_builder::oci::images::Images;
use diskette_builder::oci::sink::Sink;
use diskette_builder::registry::client::RegistryImages;

use crate::arguments::credentials::RegistryUse;
use crate::arguments::destination::OpenedDestination;
use crate::arguments::image_name::{parse_local, parse_reference};
use crate::arguments::referrers::ReferrersSelection;
use crate::arguments::registry::RegistryArguments;
use crate::arguments::transfer::TransferArguments;
use crate::arguments::trusted_keys::GateArguments;
use crate::engines::{ContainerEngine, EngineChoice, OpenedEngine};
use crate::environment::Environment;
use crate::error::{CommandError, image_not_found, storage_error};
use crate::transfer::Transfer;
use crate::ui::Ui;

/// Pull an image from a registry into a layout.
///
/// Pulls all platforms, unless one is named. All content is checked against its digest.
#[derive(Debug, Args)]
pub(crate) struct PullArguments {
    /// The image, e.g. quay.io/containerdisks/fedora:42
    #[arg(value_name = "REF", value_parser = parse_reference)]
    image: Reference,

    /// Destination: oci:DIR[:TAG] or a path for a layout, oci-archive:FILE or - (standard output)
    /// for an archive [default: the last part of the image's name]
    #[arg(short, long, value_name = "DEST", value_parser = parse_local)]
    output: Option<LocalImage>,

    /// Load the image into docker if its daemon is running, else into podman, or into the given
    /// engine; of several platforms, only that of this machine
    #[arg(
        long,
        value_name = "ENGINE",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true",
        conflicts_with = "output"
    )]
    load: Option<EngineChoice>,

    /// Pull this platform's image only, e.g. linux/arm64
    #[arg(long)]
    platform: Option<Platform>,

    #[command(flatten)]
    attached: ReferrersSelection,

    #[command(flatten)]
    show: TransferArguments,

    #[command(flatten)]
    gate: GateArguments,

    #[command(flatten)]
    registry: RegistryArguments,
}

pub(crate) fn run(
    arguments: &PullArguments,
    environment: &Environment,
    ui: &Ui,
) -> Result<(), CommandError> {
    let name = &arguments.image;
    let engine = ContainerEngine::find(arguments.load)?;
    let required = arguments.gate.read(environment)?;
    let progress = arguments.show.progress(ui)?;
    let uses = RegistryUse::default().reads([name]);
    let registry = arguments.registry.registry(environment, progress.clone(), &uses)?;
    let images = RegistryImages::new(registry.source_repositories(name).map_err(storage_error)?);
    let wanted = name.digest().or(name.tag()).unwrap_or_default();
    let root = images.find_image(wanted)?.ok_or_else(|| image_not_found(&name.to_string()))?;
    if let Some(required) = required {
        let location = ImageLocation::Registry(name.clone());
        required.check(&location, &images, &root, arguments.platform.as_ref())?;
    }
    let root = choose_platform(&images, root, arguments.platform.as_ref(), &name.to_string())?;
    let destination = arguments.output.clone().unwrap_or_else(|| {
        let last = name.repository().rsplit('/').next().unwrap_or_default();
        LocalImage { store: StoreKind::Layout, path: last.into(), name: None }
    });
    let names = [name.clone()];
    // Engines load one image.
    let none = AttachmentSelector::None;
    let transfer = |sink: &dyn Sink, local: Option<&dyn Images>| {
        let show = &arguments.show;
        let attachments = if engine.is_some() { &none } else { &arguments.attached.referrers };
        let (images, names) = (&images, &names);
        let transfer = Transfer { images, sink, names, tag: None, local, attachments, show };
        transfer.run(&root, &progress)
    };
    if let Some(engine) = &engine {
        transfer(&*OpenedEngine::open(engine, environment)?.sink()?, None)?;
        engine.finish()?;
    } else {
        let opened = OpenedDestination::open(&destination, environment)?;
        let local = opened.images();
        let local = local.as_ref().map(|local| -> &dyn Images { local });
        transfer(&*opened.naming_sink()?, local)?;
    }
    if destination.is_stream() {
        return Ok(());
    }
    arguments.show.print_result(&names, &root, ui)
}
