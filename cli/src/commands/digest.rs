//! `diskette digest`.

use clap::Args;
use diskette_builder::oci::copy::choose_platform;
use diskette_builder::oci::image::location::ImageLocation;
use diskette_builder::oci::image::platform::Platform;

use crate::arguments::credentials::RegistryUse;
use crate::arguments::image_name::parse_source;
use crate::arguments::registry::RegistryArguments;
use crate::environment::Environment;
use crate::error::CommandError;
use crate::images::subject::ImageSubject;
use crate::ui::Ui;
use crate::ui::progress::ProgressMode;

/// Print the digest of an image.
///
/// The digest of the index of all platforms, or of the only manifest; with `--platform` that of one
/// manifest.
#[derive(Debug, Args)]
pub(crate) struct DigestArguments {
    /// The image: quay.io/me/fedora:42, oci:DIR:TAG, or oci-archive:FILE:TAG
    #[arg(value_name = "IMAGE", value_parser = parse_source)]
    image: ImageLocation,

    /// Print the digest of this platform's manifest, e.g. linux/arm64
    #[arg(long)]
    platform: Option<Platform>,

    #[command(flatten)]
    registry: RegistryArguments,
}

pub(crate) fn run(
    arguments: &DigestArguments,
    environment: &Environment,
    ui: &Ui,
) -> Result<(), CommandError> {
    let progress = ui.progress(ProgressMode::Plain)?;
    let uses = RegistryUse::default().reads_from(&arguments.image);
    let registry = arguments.registry.registry(environment, progress, &uses)?;
    let ImageSubject { images, root } = ImageSubject::find(&arguments.image, &registry)?;
    let name = arguments.image.to_string();
    let chosen = choose_platform(&*images, root, arguments.platform.as_ref(), &name)?;
    Ok(ui.print_result(format!("{}\n", chosen.digest).as_bytes())?)
}
