//! The program `diskette`: reads arguments, opens what they name, and shows what the library
//! `diskette-builder` does with it.

mod arguments;
mod assembly;
mod boot;
mod catalogue;
mod commands;
mod context;
mod credentials;
mod dependencies;
mod disk_file;
mod environment;
mod error;
mod files;
mod foreign;
mod gpgv;
mod images;
mod render;
mod results;
mod spec_files;
mod transfer;
mod trust;
mod ui;

use std::process::ExitCode;

use clap::Parser;

use crate::commands::Arguments;
use crate::environment::Environment;
use crate::error::CommandError;
use crate::ui::Ui;

fn main() -> ExitCode {
    let environment = Environment::read();
    let ui = Ui::new(&environment);
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => match foreign::explain(&error) {
            Some(diagnostic) => return ui.fail(&CommandError::Usage(diagnostic)),
            None => error.exit(),
        },
    };
    let ui = ui.with_messages(arguments.message_format);
    match arguments.command.run(&environment, &ui) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => ui.fail(&error),
    }
}
