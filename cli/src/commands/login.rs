//! `diskette login`.

use std::io::{IsTerminal, stdin};
use std::path::Path;

use clap::Args;
use diskette_builder::net::credential::Credential;
use diskette_builder::oci::image::reference::Reference;
use diskette_builder::recipe::diagnostic::Diagnostic;
use diskette_builder::registry::credentials::LoginKey;

use crate::arguments::registry::RegistryArguments;
use crate::credentials::{edit_auth_file, login_file};
use crate::environment::Environment;
use crate::error::{CommandError, storage_error};
use crate::files::read_secret;
use crate::ui::Ui;
use crate::ui::progress::ProgressMode;

/// Remember the credential for a registry, after the registry has accepted it.
///
/// It is written where podman, skopeo and buildah keep theirs, for the user alone.
#[derive(Debug, Args)]
pub(crate) struct LoginArguments {
    /// The registry, e.g. quay.io, or a path in it, e.g. quay.io/me
    #[arg(value_name = "REGISTRY")]
    registry: LoginKey,

    /// The user
    #[arg(short, long, value_name = "NAME")]
    username: String,

    /// Read the password or token from standard input
    #[arg(long)]
    password_stdin: bool,

    #[command(flatten)]
    connection: RegistryArguments,
}

pub(crate) fn run(
    arguments: &LoginArguments,
    environment: &Environment,
    ui: &Ui,
) -> Result<(), CommandError> {
    if !arguments.password_stdin && stdin().is_terminal() {
        let diagnostic = Diagnostic::new("where does the password come from?");
        let help = "say `--password-stdin` and pipe it in; on a command line others could see it";
        return Err(CommandError::Usage(diagnostic.help(help)));
    }
    let key = &arguments.registry;
    let password = read_secret(Path::new("-"))?;
    let credential = Credential::Basic { username: arguments.username.clone(), password };
    let observer = ui.progress(ProgressMode::Plain)?;
    let registry =
        arguments.connection.registry_with_credential(environment, observer, credential.clone())?;
    registry.check_login(&any_repository(key)?).map_err(storage_error)?;
    let path = login_file(environment, arguments.connection.authfile())?;
    edit_auth_file(&path, |edit| edit.set(key, &credential))?;
    let line = format!("{}: logged in, remembered in {}\n", key.text(), path.display());
    Ok(ui.print_result(line.as_bytes())?)
}

/// Returns a repository that the credential is for; it need not exist.
fn any_repository(key: &LoginKey) -> Result<Reference, CommandError> {
    let name = format!("{}/{}", key.registry(), key.path().unwrap_or("login"));
    name.parse()
        .map_err(|error| CommandError::Usage(Diagnostic::new(format!("`{}`: {error}", key.text()))))
}
