//! `diskette auth`.

use clap::{Args, Subcommand};
use diskette_builder::oci::image::reference::Reference;
use diskette_builder::recipe::diagnostic::Diagnostic;
use diskette_builder::registry::credentials::{
    AuthFileReaders, CredentialOutcome, CredentialStep, LoginKey,
};

use crate::credentials::user_credentials;
use crate::environment::Environment;
use crate::error::CommandError;
use crate::ui::Ui;

/// Look at credentials.
#[derive(Debug, Args)]
pub(crate) struct AuthArguments {
    #[command(subcommand)]
    command: AuthCommand,
}

#[derive(Debug, Subcommand)]
enum AuthCommand {
    Explain(ExplainArguments),
}

/// Show which credential is used for an image or registry, and why; never the secret.
#[derive(Debug, Args)]
struct ExplainArguments {
    /// The image, e.g. quay.io/me/fedora, or a registry
    #[arg(value_name = "REF")]
    image: String,

    /// Look only in this file
    #[arg(long, value_name = "FILE")]
    authfile: Option<std::path::PathBuf>,
}

pub(crate) fn run(
    arguments: &AuthArguments,
    environment: &Environment,
    ui: &Ui,
) -> Result<(), CommandError> {
    let AuthCommand::Explain(arguments) = &arguments.command;
    let image = parse_image_or_registry(&arguments.image)?;
    let steps =
        user_credentials(environment, Vec::new(), arguments.authfile.clone()).explain(&image);
    let location = image.full_repository();
    let used = steps.iter().any(|step| matches!(step.outcome, CredentialOutcome::Used(_)));
    let mut lines: Vec<String> = steps.iter().map(describe_step).collect();
    if !used {
        lines.push(format!("{location}: asked for without a credential"));
    }
    Ok(ui.print_text(&format!("{}\n", lines.join("\n")))?)
}

/// Parses an image, or a registry, which stands for any repository in it.
pub(crate) fn parse_image_or_registry(text: &str) -> Result<Reference, CommandError> {
    let name = text.strip_prefix("docker://").unwrap_or(text);
    let is_registry = !name.contains('/') && name.contains(['.', ':']);
    let name = match name.parse::<LoginKey>() {
        Ok(key) if is_registry => format!("{}/any", key.registry()),
        _ => name.to_owned(),
    };
    name.parse().map_err(|error| {
        let message = format!("`{text}` is not an image name: {error}");
        CommandError::Usage(Diagnostic::new(message).help("for example quay.io/me/fedora"))
    })
}

/// Returns the line about one source of credentials.
pub(crate) fn describe_step(step: &CredentialStep) -> String {
    let said = match &step.outcome {
        CredentialOutcome::Absent => "not there".to_owned(),
        CredentialOutcome::Nothing => "has no entry for it".to_owned(),
        CredentialOutcome::Blank(key) => format!("has an empty entry at `{key}`"),
        CredentialOutcome::HelperHasNothing(helper) => {
            format!("`docker-credential-{helper}` has nothing for it")
        }
        CredentialOutcome::HelperNotInstalled(helper) => {
            format!("`docker-credential-{helper}` is not installed")
        }
        CredentialOutcome::Used(found) => {
            let key = found.key.iter().map(|key| format!(" at `{key}`"));
            let helper =
                found.helper.iter().map(|name| format!(" from `docker-credential-{name}`"));
            let from: String = key.chain(helper).collect();
            format!("used: {}{from}", found.credential.describe())
        }
        CredentialOutcome::Outranked(Some(key)) => {
            format!("has `{key}`, but an earlier one is used")
        }
        CredentialOutcome::Outranked(None) => "an earlier one is used".to_owned(),
        CredentialOutcome::Failed(error) => format!("cannot be used: {error}"),
        CredentialOutcome::NotAsked => "not asked".to_owned(),
    };
    let readers = match step.readers {
        Some(AuthFileReaders::Others) => "; other users can read it, run `chmod 600`",
        Some(AuthFileReaders::Owner) | None => "",
    };
    format!("{}: {said}{readers}", step.location)
}
