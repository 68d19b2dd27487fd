//! The program `diskette`: reads arguments, opens what they name, and shows what the library
//! `diskette-builder` does with it.

mod arguments;
mod assembly;
mod boot;
mod catalogue;
mod commands;
mod credentials;
mod disks;
mod engines;
mod environment;
mod error;
mod files;
mod images;
mod keys;
mod sarif;
mod signatures;
mod transfer;
mod trust;
mod ui;

use std::process::ExitCode;

use crate::commands::{Arguments, complete_words};
use crate::environment::Environment;
use crate::ui::{Ui, message};

fn main() -> ExitCode {
    complete_words();
    let environment = Environment::read();
    let ui = Ui::new(&environment);
    let arguments = match Arguments::parse_command_line() {
        Ok(arguments) => arguments,
        Err(error) => return ui.fail(&error),
    };
    message::set_format(arguments.message_format);
    match arguments.command.run(&environment, &ui) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => ui.fail(&error),
    }
}
