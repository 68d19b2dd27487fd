//! `diskette auth`.

use clap::{Args, Subcommand};
use diskette_builder::oci::image::reference::Reference;
use diskette_builder::recipe::diagnostic::Diagnostic;
use diskette_builder::registry::credentials::{LoginKey, Outcome, Readers, Step};

use crate::credentials::credentials;
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

/// Tell which credential is used for an image or registry, and why; never the secret.
#[derive(Debug, Args)]
struct ExplainArguments {
    /// The image, e.g. quay.io/me/fedora, or a registry
    #[arg(value_name = "REF")]
    image: String,

    /// Look in this file alone
    #[arg(long, value_name = "FILE")]
    authfile: Option<std::path::PathBuf>,
}

pub(crate) fn run(
    arguments: &AuthArguments,
    environment: &Environment,
    ui: &Ui,
) -> Result<(), CommandError> {
    let AuthCommand::Explain(arguments) = &arguments.command;
    let image = image(&arguments.image)?;
    let steps = credentials(environment, None, arguments.authfile.clone()).explain(&image);
    let place = image.place();
    let used = steps.iter().any(|step| matches!(step.outcome, Outcome::Used(_)));
    let mut lines: Vec<String> = steps.iter().map(line).collect();
    if !used {
        lines.push(format!("{place}: asked for without a credential"));
    }
    Ok(ui.result(format!("{}\n", lines.join("\n")).as_bytes())?)
}

/// A registry alone stands for any repository in it.
pub(crate) fn image(text: &str) -> Result<Reference, CommandError> {
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

/// Says what one source of credentials has.
pub(crate) fn line(step: &Step) -> String {
    let said = match &step.outcome {
        Outcome::Absent => "not there".to_owned(),
        Outcome::Nothing => "has no entry for it".to_owned(),
        Outcome::Blank(key) => format!("has an empty entry at `{key}`"),
        Outcome::HelperHasNothing(helper) => {
            format!("`docker-credential-{helper}` has nothing for it")
        }
        Outcome::HelperNotInstalled(helper) => {
            format!("`docker-credential-{helper}` is not installed")
        }
        Outcome::Used(found) => {
            let key = found.key.iter().map(|key| format!(" at `{key}`"));
            let helper =
                found.helper.iter().map(|name| format!(" from `docker-credential-{name}`"));
            let from: String = key.chain(helper).collect();
            format!("used: {}{from}", found.credential.noun())
        }
        Outcome::Outranked(Some(key)) => format!("has `{key}`, but an earlier one is used"),
        Outcome::Outranked(None) => "an earlier one is used".to_owned(),
        Outcome::Failed(error) => format!("cannot be used: {error}"),
        Outcome::NotAsked => "not asked".to_owned(),
    };
    let readers = match step.readers {
        Some(Readers::Others) => "; others can read it, say `chmod 600`",
        Some(Readers::Owner) | None => "",
    };
    format!("{}: {said}{readers}", step.place)
}
