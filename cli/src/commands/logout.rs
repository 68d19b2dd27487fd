//! `diskette logout`.

use std::path::PathBuf;

use clap::Args;
use diskette_builder::recipe::diagnostic::Diagnostic;
use diskette_builder::registry::credentials::{LoginKey, LogoutOutcome};

use crate::credentials::{edit_auth_file, login_file};
use crate::environment::Environment;
use crate::error::CommandError;
use crate::ui::Ui;

/// Log out of a registry.
#[derive(Debug, Args)]
pub(crate) struct LogoutArguments {
    /// The registry or the path in it, as it was given to login
    #[arg(value_name = "REGISTRY")]
    registry: LoginKey,

    /// Remove it from this file [default: podman's auth file]
    #[arg(long, value_name = "FILE")]
    authfile: Option<PathBuf>,
}

pub(crate) fn run(
    arguments: &LogoutArguments,
    environment: &Environment,
    ui: &Ui,
) -> Result<(), CommandError> {
    let (key, path) =
        (&arguments.registry, login_file(environment, arguments.authfile.as_deref())?);
    match edit_auth_file(&path, |edit| edit.remove(key))? {
        LogoutOutcome::Removed => {
            let line = format!("{}: removed from {}\n", key.text(), path.display());
            Ok(ui.print_text(&line)?)
        }
        LogoutOutcome::NotLoggedIn => {
            let message = format!("`{}` has no login for `{}`", path.display(), key.text());
            let help = format!("`diskette auth explain {}` shows where one is stored", key.text());
            Err(Diagnostic::new(message).help(help).into())
        }
    }
}
