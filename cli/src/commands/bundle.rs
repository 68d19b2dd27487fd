//! `diskette bundle`.

mod create;
mod output;
mod push;
mod rewrite;

use clap::{Args, Subcommand};

use self::create::BundleCreateArguments;
use self::push::BundlePushArguments;
use crate::environment::Environment;
use crate::error::CommandError;
use crate::ui::Ui;

/// Carry images of many repositories to where a registry cannot be reached.
#[derive(Debug, Args)]
pub(crate) struct BundleArguments {
    #[command(subcommand)]
    command: BundleCommand,
}

#[derive(Debug, Subcommand)]
enum BundleCommand {
    Create(Box<BundleCreateArguments>),
    Push(Box<BundlePushArguments>),
}

pub(crate) fn run(
    arguments: &BundleArguments,
    environment: &Environment,
    ui: &Ui,
) -> Result<(), CommandError> {
    match &arguments.command {
        BundleCommand::Create(it) => create::run(it, environment, ui),
        BundleCommand::Push(it) => push::run(it, environment, ui),
    }
}
