//! The program `diskette`: reads arguments, opens what they name, and shows what the library
//! `diskette-builder` does with it.

mod args;
mod boot;
mod catalogue;
mod commands;
mod context;
mod credentials;
mod disk_file;
mod environment;
mod error;
mod files;
mod foreign;
mod gpgv;
mod output;
mod places;
mod registry;
mod render;
mod results;
mod subject;
mod trust;
mod ui;

use std::process::ExitCode;

use clap::Parser;

use crate::args::{Arguments, Command};
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
    let result = match arguments.command {
        Command::Build(build) => commands::build::run(&build, &environment, &ui),
        Command::Init(init) => commands::init::run(&init, &environment, &ui),
        Command::Vddk(vddk) => commands::vddk::run(&vddk, &environment, &ui),
        Command::Push(push) => commands::push::run(&push, &environment, &ui),
        Command::Pull(pull) => commands::pull::run(&pull, &environment, &ui),
        Command::Copy(copy) => commands::copy::run(&copy, &environment, &ui),
        Command::Tags(tags) => commands::tags::run(&tags, &environment, &ui),
        Command::Sync(sync) => commands::sync::run(&sync, &environment, &ui),
        Command::Promote(promote) => commands::promote::run(&promote, &environment, &ui),
        Command::Docs(docs) => commands::docs::run(&docs, &environment, &ui),
        Command::Index(index) => commands::index::run(&index, &environment, &ui),
        Command::Releases(releases) => commands::releases::run(&releases, &environment, &ui),
        Command::Diff(diff) => commands::diff::run(&diff, &environment, &ui),
        Command::Inspect(inspect) => commands::inspect::run(&inspect, &environment, &ui),
        Command::Extract(extract) => commands::extract::run(&extract, &environment, &ui),
        Command::Verify(verify) => commands::verify::run(&verify, &environment, &ui),
        Command::Manifests(manifests) => commands::manifests::run(&manifests, &environment, &ui),
        Command::Doctor(doctor) => commands::doctor::run(&doctor, &environment, &ui),
        Command::Login(login) => commands::login::run(&login, &environment, &ui),
        Command::Logout(logout) => commands::logout::run(&logout, &environment, &ui),
        Command::Auth(auth) => commands::auth::run(&auth, &environment, &ui),
        Command::Schema(_) => commands::schema::run(&ui),
        Command::Completions(completions) => commands::completions::run(&completions, &ui),
        Command::Man(man) => commands::man::run(&man),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => ui.fail(&error),
    }
}
