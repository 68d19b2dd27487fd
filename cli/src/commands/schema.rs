//! `diskette schema`.

use clap::Args;
use diskette_builder::frontend::spec;

use crate::error::CommandError;
use crate::ui::Ui;

/// Print the JSON Schema of diskette.yaml, for editors and linters.
#[derive(Debug, Args)]
pub(crate) struct SchemaArguments {}

pub(crate) fn run(ui: &Ui) -> Result<(), CommandError> {
    Ok(ui.print_result(spec::schema().as_bytes())?)
}
