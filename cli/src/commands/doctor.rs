//! `diskette doctor`.

mod machine;
mod settings;

use clap::{Args, ValueEnum};
use diskette_builder::oci::error::StorageError;
use diskette_builder::oci::image::reference::Reference;
use diskette_builder::oci::images::Images as _;
use diskette_builder::registry::client::{
    RegistryClient, RegistryError, RegistryErrorCause, RegistryImages,
};
use diskette_builder::registry::credentials::CredentialOutcome;
use serde_json::json;

use crate::arguments::credentials::RegistryUse;
use crate::arguments::registry::RegistryArguments;
use crate::commands::auth;
use crate::environment::Environment;
use crate::error::CommandError;
use crate::ui::Ui;
use crate::ui::progress::ProgressMode;

/// Check this machine's setup and registry credentials.
///
/// Checks the cache, the free space, and the programs that some commands use; the
/// settings of proxies and registries; and for each registry or image that is named, whether
/// it is reachable, its certificate is trusted, and the credential is accepted. The exit
/// status is 1 if a registry cannot be used.
#[derive(Debug, Args)]
pub(crate) struct DoctorArguments {
    /// Registries, or images in them, e.g. quay.io or quay.io/me/fedora:42
    #[arg(value_name = "REF")]
    places: Vec<String>,

    /// Output format
    #[arg(long = "output-format", alias = "format")]
    #[arg(value_name = "FORMAT", default_value = "text")]
    format: DoctorFormat,

    #[command(flatten)]
    registry: RegistryArguments,
}

/// A value of `--output-format`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum DoctorFormat {
    /// One line per finding
    Text,
    /// JSON array with one object per item finding
    Json,
}

/// Result of examining one thing.
struct DoctorFinding {
    health: Health,
    subject: String,
    text: String,
}

/// How well something works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Health {
    /// It will work.
    Good,
    /// It works for some uses.
    Doubtful,
    /// It will not.
    Bad,
}

impl Health {
    fn word(self) -> &'static str {
        match self {
            Self::Good => "ok",
            Self::Doubtful => "note",
            Self::Bad => "problem",
        }
    }
}

impl DoctorFinding {
    fn new(health: Health, subject: impl Into<String>, text: impl Into<String>) -> Self {
        Self { health, subject: subject.into(), text: text.into() }
    }
}

pub(crate) fn run(
    arguments: &DoctorArguments,
    environment: &Environment,
    ui: &Ui,
) -> Result<(), CommandError> {
    let names = arguments.places.iter().map(|text| auth::parse_image_or_registry(text));
    let names = names.collect::<Result<Vec<Reference>, _>>()?;
    let mut findings = machine::examine_machine(environment);
    findings.extend(settings::examine_settings(&arguments.registry, environment)?);
    if !names.is_empty() {
        let progress = ui.progress(ProgressMode::None)?;
        let uses = RegistryUse::default().reads(&names);
        let registry = arguments.registry.registry(environment, progress, &uses)?;
        for (text, name) in arguments.places.iter().zip(&names) {
            findings.extend(examine_registry(text, name, arguments, environment, &registry)?);
        }
    }
    match arguments.format {
        DoctorFormat::Text => {
            let line =
                |it: &DoctorFinding| format!("{}\t{}\t{}\n", it.health.word(), it.subject, it.text);
            ui.print_text(&findings.iter().map(line).collect::<String>())?;
        }
        DoctorFormat::Json => {
            let all = findings.iter().map(
                |it| json!({ "health": it.health.word(), "subject": it.subject, "text": it.text }),
            );
            let all = serde_json::Value::Array(all.collect());
            ui.print_json(&format!("{all:#}\n"))?;
        }
    }
    if findings.iter().any(|finding| finding.health == Health::Bad) {
        // The findings were printed.
        return Err(CommandError::Failed(Vec::new()));
    }
    Ok(())
}

/// Examines a registry, or an image in one.
fn examine_registry(
    text: &str,
    name: &Reference,
    arguments: &DoctorArguments,
    environment: &Environment,
    registry: &RegistryClient,
) -> Result<Vec<DoctorFinding>, CommandError> {
    let scope = RegistryUse::default().reads([name]);
    let steps = arguments.registry.credentials(environment, &scope)?.explain(name);
    let used = steps.iter().find(|step| matches!(step.outcome, CredentialOutcome::Used(_)));
    let failed = steps.iter().find(|step| matches!(step.outcome, CredentialOutcome::Failed(_)));
    let mut findings = vec![match (used, failed) {
        (_, Some(step)) => DoctorFinding::new(Health::Bad, text, auth::describe_step(step)),
        (Some(step), None) => DoctorFinding::new(Health::Good, text, auth::describe_step(step)),
        (None, None) => DoctorFinding::new(Health::Doubtful, text, "there is no credential for it"),
    }];
    if failed.is_some() {
        return Ok(findings);
    }
    let answer = if used.is_some() {
        registry.check_login(name).map(|()| "reachable, credential accepted")
    } else {
        anonymous_access(name, registry)
    };
    findings.push(match answer {
        Ok(says) => DoctorFinding::new(Health::Good, text, says),
        Err(RegistryError { cause: RegistryErrorCause::Unauthorized(_), .. }) if used.is_none() => {
            let says =
                format!("reachable, requires a credential: `diskette login {}`", name.registry());
            DoctorFinding::new(Health::Doubtful, text, says)
        }
        Err(error) => {
            let help = error.help().map(|help| format!("; {help}")).unwrap_or_default();
            DoctorFinding::new(Health::Bad, text, format!("{error}{help}"))
        }
    });
    if text.contains('/') && used.is_none() {
        findings.push(examine_image(text, name, registry));
    }
    Ok(findings)
}

fn anonymous_access(
    name: &Reference,
    registry: &RegistryClient,
) -> Result<&'static str, RegistryError> {
    registry.check_login(name).map(|()| "reachable, anonymous access")
}

/// Examines whether an image can be read without credentials.
fn examine_image(text: &str, name: &Reference, registry: &RegistryClient) -> DoctorFinding {
    let found =
        registry.target_repository(name).map_err(StorageError::from).and_then(|repository| {
            let images = RegistryImages::new(vec![repository]);
            images.find_image(name.digest().or(name.tag()).unwrap_or_default())
        });
    match found {
        Ok(Some(document)) => {
            DoctorFinding::new(Health::Good, text, format!("exists, {}", document.digest))
        }
        Ok(None) => DoctorFinding::new(Health::Doubtful, text, "the image does not exist yet"),
        Err(error) => DoctorFinding::new(Health::Doubtful, text, error.to_string()),
    }
}
