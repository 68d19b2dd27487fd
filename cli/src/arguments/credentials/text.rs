//! The *text* of a credential, `USER:PASSWORD`.

use std::path::Path;

use diskette_builder::net::credential::Credential;
use diskette_builder::net::secret::Secret;
use diskette_builder::recipe::diagnostic::Diagnostic;

use crate::error::CommandError;
use crate::files::read_secret;
use crate::ui::prompt;

/// Parses `USER:PASSWORD`. A password that is missing is asked for on a terminal.
pub(super) fn parse_credential(
    option: &'static str,
    text: &Secret,
) -> Result<Credential, CommandError> {
    let usage =
        |message: String, help: &str| Err(CommandError::Usage(Diagnostic::new(message).help(help)));
    let help = "write it as `USER:PASSWORD`, or use `--creds-file FILE` or `diskette login`";
    let (user, password) = match text.expose().split_once(':') {
        Some((user, password)) => (user, Some(password)),
        None => (text.expose(), None),
    };
    match password {
        _ if user.is_empty() => usage(format!("`{option}` has no user"), help),
        Some("") => usage(format!("`{option}` has no password"), help),
        Some(password) => Ok(Credential::basic(user, password)),
        None if option == "--creds" && (user == "-" || Path::new(user).is_file()) => usage(
            "`--creds` takes `USER:PASSWORD`, not a file".into(),
            "use `--creds-file` to read it from a file, or from standard input with `-`",
        ),
        None => match prompt::ask_password("Password: ")? {
            Some(password) => Ok(Credential::Basic { username: user.into(), password }),
            None => usage(format!("`{option}` has no password"), help),
        },
    }
}

/// Reads `USER:PASSWORD` from a file or, where it is `-`, from standard input.
pub(super) fn read_credential(path: &Path) -> Result<Credential, CommandError> {
    // The credential itself may have been given by mistake, and no message may repeat that.
    if path.to_string_lossy().contains(':') && !path.exists() {
        return Err(CommandError::Usage(
            Diagnostic::new("`--creds-file` takes a file, and this one does not exist")
                .help("use `--creds USER:PASSWORD` for the credential itself"),
        ));
    }
    let text = read_secret(path)?;
    match text.expose().split_once(':') {
        Some((user, password)) if !user.is_empty() => Ok(Credential::basic(user, password)),
        _ => {
            let message = format!("there is no `USER:PASSWORD` in `{}`", path.display());
            Err(Diagnostic::new(message).into())
        }
    }
}
