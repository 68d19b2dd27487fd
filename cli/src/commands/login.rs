//! `diskette login`.

use std::path::Path;

use clap::Args;
use diskette_builder::net::credential::Credential;
use diskette_builder::net::secret::Secret;
use diskette_builder::oci::image::reference::Reference;
use diskette_builder::recipe::diagnostic::Diagnostic;
use diskette_builder::registry::credentials::{CredentialScope, CredentialSource, LoginKey};

use crate::arguments::credentials::parse_secret;
use crate::arguments::registry::RegistryArguments;
use crate::credentials::{edit_auth_file, login_file};
use crate::environment::Environment;
use crate::error::{CommandError, storage_error};
use crate::files::read_secret;
use crate::ui::Ui;
use crate::ui::progress::ProgressMode;
use crate::ui::prompt;

/// Log in to a registry.
///
/// The registry checks the credential, which is then stored in the auth file of podman, skopeo and
/// buildah, readable only for you.
#[derive(Debug, Args)]
pub(crate) struct LoginArguments {
    /// The registry, e.g. quay.io, or a path in it, e.g. quay.io/me
    #[arg(value_name = "REGISTRY")]
    registry: LoginKey,

    /// User name [default: prompt on a terminal]
    #[arg(short, long, value_name = "NAME", conflicts_with_all = ["creds", "creds_file"])]
    username: Option<String>,

    /// Password or token; visible to other users of this machine [default: prompt on a
    /// terminal]
    #[arg(short, long, value_name = "PASSWORD", value_parser = parse_secret)]
    #[arg(conflicts_with_all = ["password_stdin", "creds", "creds_file"])]
    password: Option<Secret>,

    /// Read the password or token from standard input
    #[arg(long, conflicts_with_all = ["creds", "creds_file"])]
    password_stdin: bool,

    #[command(flatten)]
    connection: RegistryArguments,
}

pub(crate) fn run(
    arguments: &LoginArguments,
    environment: &Environment,
    ui: &Ui,
) -> Result<(), CommandError> {
    let key = &arguments.registry;
    let credential = arguments.credential(ui)?;
    let observer = ui.progress(ProgressMode::Plain)?;
    let given = CredentialSource::Direct {
        option: "login".into(),
        credential: credential.clone(),
        scope: CredentialScope::Registry(key.registry().into()),
    };
    let registry = arguments.connection.registry_with_credential(environment, observer, given)?;
    registry.check_login(&any_repository(key)?).map_err(storage_error)?;
    let path = login_file(environment, arguments.connection.authfile())?;
    edit_auth_file(&path, |edit| edit.set(key, &credential))?;
    let line = format!("{}: logged in, credential stored in {}\n", key.text(), path.display());
    Ok(ui.print_text(&line)?)
}

impl LoginArguments {
    /// Returns the credential of the options, of standard input, or of the answers to prompts.
    fn credential(&self, ui: &Ui) -> Result<Credential, CommandError> {
        if let Some(credential) = self.connection.given_credential()? {
            return Ok(credential);
        }
        let usage =
            |message: &str, help: &str| CommandError::Usage(Diagnostic::new(message).help(help));
        let asked = match &self.username {
            Some(username) => Some(username.clone()),
            None if self.password_stdin => None,
            None => prompt::ask_line("Username: ")?,
        };
        let username = asked.filter(|username| !username.is_empty());
        let username = username
            .ok_or_else(|| usage("no user given", "name the user with `--username NAME`"))?;
        let password = match &self.password {
            Some(password) => {
                let warning = Diagnostic::new("other users of this machine can see the password");
                ui.warn(&[warning.help("use `--password-stdin` and pipe it in")]);
                password.clone()
            }
            None if self.password_stdin => read_secret(Path::new("-"))?,
            None => match prompt::ask_password("Password: ")? {
                Some(password) => password,
                None => read_secret(Path::new("-"))?,
            },
        };
        if password.expose().is_empty() {
            return Err(usage("no password given", "use `--password-stdin` and pipe it in"));
        }
        Ok(Credential::Basic { username, password })
    }
}

/// Returns a repository that the credential is for; it need not exist.
fn any_repository(key: &LoginKey) -> Result<Reference, CommandError> {
    let name = format!("{}/{}", key.registry(), key.path().unwrap_or("login"));
    name.parse()
        .map_err(|error| CommandError::Usage(Diagnostic::new(format!("`{}`: {error}", key.text()))))
}
