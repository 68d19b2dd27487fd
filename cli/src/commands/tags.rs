//! `diskette tags`.

use clap::Args;
use diskette_builder::oci::image::location::parse_reference;
use diskette_builder::oci::image::reference::Reference;
use diskette_builder::oci::images::Images as _;
use diskette_builder::registry::client::RegistryImages;

use crate::arguments::registry::RegistryArguments;
use crate::environment::Environment;
use crate::error::{CommandError, storage_error};
use crate::ui::Ui;
use crate::ui::progress::ProgressMode;

/// List the tags of a repository, a line each.
#[derive(Debug, Args)]
pub(crate) struct TagsArguments {
    /// The repository, e.g. quay.io/containerdisks/fedora
    #[arg(value_name = "REF", value_parser = parse_reference)]
    repository: Reference,

    #[command(flatten)]
    registry: RegistryArguments,
}

pub(crate) fn run(
    arguments: &TagsArguments,
    environment: &Environment,
    ui: &Ui,
) -> Result<(), CommandError> {
    let progress = ui.progress(ProgressMode::Plain)?;
    let registry = arguments.registry.registry(environment, progress)?;
    let sources = registry.source_repositories(&arguments.repository).map_err(storage_error)?;
    let tags = RegistryImages::new(sources).tags()?;
    let lines: String = tags.into_iter().flat_map(|tag| [tag, "\n".into()]).collect();
    Ok(ui.print_result(lines.as_bytes())?)
}
