//! `diskette verify`.

mod json;
mod sarif;
mod text;

use std::sync::Arc;

use clap::{Args, ValueEnum};
use diskette_builder::archive::Limits;
use diskette_builder::contract::{Finding, Rule, Severity, rules};
use diskette_builder::diagnostic::Diagnostic;
use diskette_builder::examine::{Context, ExamineError, KEPT, Report, examine, is_wanted};
use diskette_builder::image::place::Place;
use diskette_builder::image::platform::Platform;
use diskette_builder::survey::{Image, survey};

use crate::boot::{Boot, BootArguments, Ground};
use crate::environment::Environment;
use crate::error::{CommandError, cannot};
use crate::registry::RegistryArguments;
use crate::subject::{Subject, parse_subject};
use crate::ui::progress::{ProgressMode, ProgressView};
use crate::ui::{Ui, signal};

/// Judge a finished image by what KubeVirt and CDI accept.
///
/// Reads every layer once, whoever built the image: checks all digests and sizes, where the disk
/// lies and who may read it, the labels that CDI will set, and the disk itself. The exit status is
/// 1 if something will not work.
#[derive(Debug, Args)]
pub(crate) struct VerifyArguments {
    /// The image: quay.io/me/fedora:42, a layout, an archive, or oci:DIR:TAG
    #[arg(value_name = "IMAGE", value_parser = parse_subject, required_unless_present = "rules")]
    image: Option<Place>,

    /// Judge this platform's image only, e.g. linux/arm64
    #[arg(long)]
    platform: Option<Platform>,

    /// How the result is written
    #[arg(long, value_name = "HOW", default_value = "text")]
    format: Format,

    /// Fail on warnings too
    #[arg(long)]
    strict: bool,

    /// Do not apply this rule, e.g. disk-cdi-only; may be given several times
    #[arg(long, value_name = "RULE", value_parser = parse_rule)]
    allow: Vec<&'static Rule>,

    /// List the rules instead
    #[arg(long, conflicts_with_all = ["image", "platform", "strict", "allow"])]
    rules: bool,

    /// How progress is shown; auto is bars on a terminal and plain lines elsewhere
    #[arg(long, value_name = "HOW", default_value = "auto")]
    progress: ProgressMode,

    #[command(flatten)]
    boot: BootArguments,

    #[command(flatten)]
    registry: RegistryArguments,
}

/// What can be given to `--format`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Text,
    /// For programs
    Json,
    /// For what collects findings of tools, such as GitHub's code scanning
    Sarif,
}

pub(crate) fn run(
    arguments: &VerifyArguments,
    environment: &Environment,
    ui: &Ui,
) -> Result<(), CommandError> {
    let Some(place) = &arguments.image else { return list(arguments.format, ui) };
    if arguments.boot.boot && arguments.format == Format::Sarif {
        let diagnostic = Diagnostic::new("what becomes of a boot cannot be written as SARIF");
        return Err(CommandError::Usage(diagnostic.help("use `--format json`")));
    }
    let interrupts = signal::interrupts().map_err(cannot("handle", "signals"))?;
    let progress = Arc::new(ui.progress(arguments.progress, interrupts));
    let (mut report, boots) = judge(arguments, place, environment, &progress)?;
    progress.end();
    report.findings.retain(|finding| !arguments.allow.contains(&finding.rule));
    let name = place.to_string();
    let result = match arguments.format {
        Format::Text => text::report(&name, &report, &boots),
        Format::Json => json::report(&name, &report, &boots),
        Format::Sarif => sarif::report(place, &report),
    };
    ui.result(result.as_bytes())?;
    let limit = if arguments.strict { Severity::Warning } else { Severity::Error };
    let is_bad = report.findings.iter().any(|finding| finding.rule.severity <= limit);
    if is_bad || !boots.iter().all(Boot::is_good) {
        // The result has said why.
        return Err(CommandError::Failed(Vec::new()));
    }
    Ok(())
}

fn judge(
    arguments: &VerifyArguments,
    place: &Place,
    environment: &Environment,
    progress: &Arc<ProgressView>,
) -> Result<(Report, Vec<Boot>), CommandError> {
    let registry = arguments.registry.registry(environment, progress.clone())?;
    let Subject { images, root } = Subject::find(place, &registry)?;
    let images = &*images;
    // What the documents do not say is found below.
    let boots = arguments.boot.boot.then(|| survey(images, root.clone()));
    let survey = boots.and_then(Result::ok);
    let wanted = |image: &&Image| is_wanted(image, arguments.platform.as_ref());
    let chosen: Vec<&Image> =
        survey.iter().flat_map(|survey| &survey.images).filter(wanted).collect();
    BootArguments::check(&chosen, environment)?;
    let context =
        Context { images, limits: Limits::default(), kept: KEPT, progress: progress.as_ref() };
    let report = examine(root, arguments.platform.as_ref(), &context)?;
    let bootable: Vec<&Image> =
        chosen.into_iter().filter(|image| has_disk(image, &report)).collect();
    let boots = arguments.boot.run(&bootable, Ground { images, environment, progress })?;
    Ok((report, boots))
}

/// Tells whether there is something to boot. An image without a disk was told of already.
fn has_disk(image: &Image, report: &Report) -> bool {
    let mut found = report.images.iter();
    found.any(|found| found.manifest == image.manifest.digest && found.disk.is_some())
}

impl From<ExamineError> for CommandError {
    fn from(error: ExamineError) -> Self {
        match error {
            ExamineError::Cancelled => Self::Interrupted,
            ExamineError::Platform { .. } => Self::Usage(Diagnostic::new(error.to_string())),
            ExamineError::Survey(_) => Diagnostic::new(error.to_string()).into(),
        }
    }
}

/// Writes all rules.
fn list(format: Format, ui: &Ui) -> Result<(), CommandError> {
    let result = match format {
        Format::Text => text::rules(),
        Format::Json => json::rules(),
        Format::Sarif => {
            let diagnostic = Diagnostic::new("rules cannot be listed as SARIF");
            return Err(CommandError::Usage(diagnostic.help("use `--format json`")));
        }
    };
    Ok(ui.result(result.as_bytes())?)
}

fn parse_rule(text: &str) -> Result<&'static Rule, String> {
    let rule = rules().find(|rule| rule.id == text);
    rule.ok_or_else(|| "no such rule; `diskette verify --rules` lists them".into())
}

/// Returns how many findings are of a severity.
fn count(findings: &[Finding], severity: Severity) -> usize {
    findings.iter().filter(|finding| finding.rule.severity == severity).count()
}
