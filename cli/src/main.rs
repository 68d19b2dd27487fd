//! The program `diskette`: reads arguments, opens what they name, and shows what the library
//! `diskette-builder` does with it.

mod args;
mod commands;
#[cfg_attr(not(test), expect(dead_code, reason = "for the commands that talk to registries"))]
mod credentials;
mod environment;
mod error;
mod files;
mod output;
mod render;
mod ui;

use std::process::ExitCode;

use clap::Parser;

use crate::args::{Arguments, Command};
use crate::environment::Environment;
use crate::ui::Ui;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let environment = Environment::read();
    let ui = Ui::new(&environment);
    let result = match arguments.command {
        Command::Build(build) => commands::build::run(&build, &environment, &ui),
        Command::Schema(_) => commands::schema::run(&ui),
        Command::Completions(completions) => commands::completions::run(&completions, &ui),
        Command::Man(man) => commands::man::run(&man),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => ui.fail(&error),
    }
}
