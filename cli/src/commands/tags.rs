//! `diskette tags`.

use clap::Args;
use diskette_builder::oci::image::location::ImageLocation;

use crate::arguments::credentials::RegistryUse;
use crate::arguments::image_name::parse_source;
use crate::arguments::registry::RegistryArguments;
use crate::environment::Environment;
use crate::error::CommandError;
use crate::images::subject::open_images_at;
use crate::ui::Ui;
use crate::ui::progress::ProgressMode;

/// List the tags of a repository, a layout or an archive, one per line.
#[derive(Debug, Args)]
pub(crate) struct TagsArguments {
    /// The repository, e.g. quay.io/containerdisks/fedora; or oci:DIR, or an archive
    #[arg(value_name = "REF", value_parser = parse_source)]
    repository: ImageLocation,

    #[command(flatten)]
    registry: RegistryArguments,
}

pub(crate) fn run(
    arguments: &TagsArguments,
    environment: &Environment,
    ui: &Ui,
) -> Result<(), CommandError> {
    let progress = ui.progress(ProgressMode::Plain)?;
    let uses = RegistryUse::default().reads_from(&arguments.repository);
    let registry = arguments.registry.registry(environment, progress, &uses)?;
    let tags = open_images_at(&arguments.repository, &registry)?.tags()?;
    let lines: String = tags.iter().flat_map(|tag| [tag.as_str(), "\n"]).collect();
    Ok(ui.print_text(&lines)?)
}
