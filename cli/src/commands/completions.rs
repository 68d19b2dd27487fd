//! `diskette completions`.

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use super::Arguments;
use crate::error::CommandError;
use crate::ui::Ui;

/// Print a completion script for a shell.
///
/// For example: diskette completions bash > ~/.local/share/bash-completion/completions/diskette
#[derive(Debug, Args)]
pub(crate) struct CompletionsArguments {
    /// Name of the shell
    shell: Shell,
}

pub(crate) fn run(arguments: &CompletionsArguments, ui: &Ui) -> Result<(), CommandError> {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut Arguments::command(), "diskette", &mut script);
    Ok(ui.print_result(&script)?)
}
