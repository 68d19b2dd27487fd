//! `diskette verify`.

mod attested;
mod json;
mod sarif;
mod text;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use clap::{Args, ValueEnum};
use diskette_builder::attestation::find::Attestation;
use diskette_builder::cluster::contract::{
    ContractRule, Finding, Severity, all_rules, parse_disk_path,
};
use diskette_builder::cluster::disk_artifact::ClusterTarget;
use diskette_builder::inspect::verify::{
    DEFAULT_KEPT_LEN, VerifyContext, VerifyError, VerifyReport, verify_image,
};
use diskette_builder::oci::image::location::ImageLocation;
use diskette_builder::oci::image::platform::Platform;
use diskette_builder::oci::image_documents::{PlatformImage, read_documents};
use diskette_builder::oci::tar::TarLimits;
use diskette_builder::recipe::diagnostic::Diagnostic;
use diskette_builder::signature::check::AcceptedSignature;

use crate::arguments::credentials::RegistryUse;
use crate::arguments::image_name::parse_source;
use crate::arguments::registry::RegistryArguments;
use crate::arguments::trusted_keys::TrustArguments;
use crate::boot::{BootArguments, BootContext, BootOutcome};
use crate::catalogue::results;
use crate::environment::Environment;
use crate::error::{CommandError, cannot};
use crate::images::subject::ImageSubject;
use crate::signatures::RequiredSignatures;
use crate::ui::progress::{ProgressMode, ProgressView};
use crate::ui::{Ui, signal};

/// Check an image against the rules of KubeVirt and CDI.
///
/// Works for images built by any tool. Reads every layer once and checks all digests and sizes, the
/// path and permissions of the disk, the labels that CDI will set, and the disk itself. The exit
/// status is 1 if a check fails.
#[derive(Debug, Args)]
pub(crate) struct VerifyArguments {
    /// The image: quay.io/me/fedora:42, a layout, an archive, or oci:DIR:TAG
    #[arg(value_name = "IMAGE", value_parser = parse_source)]
    #[arg(required_unless_present_any = ["rules", "results_file"])]
    image: Option<ImageLocation>,

    /// Check the images in this file, the results of `sync`, and record which platforms passed
    #[arg(long, value_name = "FILE", conflicts_with = "image")]
    results_file: Option<PathBuf>,

    /// Check this platform's image only, e.g. linux/arm64
    #[arg(long)]
    platform: Option<Platform>,

    /// Path of the disk to check, as in `containerDisk.path` of a virtual machine; CDI
    /// finds no disk outside /disk
    #[arg(long, value_name = "PATH", value_parser = parse_disk_path, conflicts_with = "boot")]
    path: Option<String>,

    /// Check a disk artifact or a VM artifact for this cluster too: kubevirt=VERSION, runtime=crio
    /// or runtime=containerd, separated by commas
    #[arg(long = "for", value_name = "CLUSTER")]
    target: Option<ClusterTarget>,

    /// Output format
    #[arg(long = "output-format", alias = "format", value_name = "HOW", default_value = "text")]
    format: Format,

    /// Fail on warnings too
    #[arg(long)]
    strict: bool,

    /// Ignore this rule, e.g. disk-cdi-only; may be repeated
    #[arg(long, value_name = "RULE", value_parser = parse_rule)]
    allow: Vec<&'static ContractRule>,

    /// List the rules
    #[arg(long, conflicts_with_all = ["image", "platform", "path", "target", "strict", "allow"])]
    rules: bool,

    /// Progress output; auto shows bars on a terminal, else plain lines
    #[arg(long, value_name = "HOW", default_value = "auto")]
    progress: ProgressMode,

    #[command(flatten)]
    trust: TrustArguments,

    #[command(flatten)]
    boot: BootArguments,

    #[command(flatten)]
    registry: RegistryArguments,
}

/// A value of `--output-format`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Text
    Text,
    /// JSON
    Json,
    /// SARIF, for tools such as GitHub's code scanning
    Sarif,
}

pub(crate) fn run(
    arguments: &VerifyArguments,
    environment: &Environment,
    ui: &Ui,
) -> Result<(), CommandError> {
    if arguments.boot.boot && arguments.format == Format::Sarif {
        let diagnostic = Diagnostic::new("the result of a boot test cannot be written as SARIF");
        return Err(CommandError::Usage(diagnostic.help("use `--output-format json`")));
    }
    if arguments.rules {
        return print_rules(arguments.format, ui);
    }
    let interrupts = signal::interrupts().map_err(cannot("handle", "signals"))?;
    let verifier = Verifier { arguments, environment, ui, interrupts };
    if let Some(path) = &arguments.results_file {
        return verifier.verify_results(path);
    }
    let Some(location) = &arguments.image else { return Ok(()) };
    match verifier.verify(location)? {
        Verdict::Good => Ok(()),
        // The findings were printed.
        Verdict::Bad => Err(CommandError::Failed(Vec::new())),
    }
}

/// Verifies images one after the other.
struct Verifier<'a> {
    arguments: &'a VerifyArguments,
    environment: &'a Environment,
    ui: &'a Ui,
    interrupts: Arc<AtomicBool>,
}

/// Verdict on an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Good,
    Bad,
}

impl Verifier<'_> {
    /// Verifies an image, and prints the findings.
    fn verify(&self, location: &ImageLocation) -> Result<Verdict, CommandError> {
        let arguments = self.arguments;
        let progress = self.ui.progress_until(arguments.progress, Arc::clone(&self.interrupts));
        let judged = judge_image(arguments, location, self.environment, &progress);
        progress.end();
        let mut judged = judged?;
        let report = &mut judged.report;
        if let Some(target) = &arguments.target {
            for note in report.judge_for(target) {
                self.ui.print_note(note);
            }
        }
        report.findings.retain(|finding| !arguments.allow.contains(&finding.rule));
        let name = location.to_string();
        match arguments.format {
            Format::Text => {
                self.ui.print_text(&text::report_text(&name, &judged))?;
            }
            Format::Json => {
                self.ui.print_json(&json::report_json(&name, &judged))?;
            }
            Format::Sarif => self.ui.print_json(&sarif::report_sarif(location, &judged.report))?,
        }
        let limit = if arguments.strict { Severity::Warning } else { Severity::Error };
        let is_bad = judged.report.findings.iter().any(|finding| finding.rule.severity <= limit);
        let is_good = !is_bad && judged.boots.iter().all(BootOutcome::is_good);
        Ok(if is_good { Verdict::Good } else { Verdict::Bad })
    }

    /// Verifies all images that a sync has pushed, whether or not others are good.
    fn verify_results(&self, path: &Path) -> Result<(), CommandError> {
        let mut results = results::read_results(path)?;
        let mut problems = Vec::new();
        for (key, result) in results.iter_mut().filter(|(_, result)| result.err.is_empty()) {
            let Some(digest) = &result.digest else { continue };
            let location = format!("{}@{digest}", result.image);
            let judged = match location.parse() {
                Ok(location) => self.verify(&location),
                Err(error) => Err(Diagnostic::new(format!("`{location}`: {error}")).into()),
            };
            result.stage = "verify".into();
            match judged {
                Ok(Verdict::Good) => result.mark_verified(self.arguments.platform.as_ref()),
                Ok(Verdict::Bad) => result.set_error("KubeVirt or CDI would not take it", false),
                Err(CommandError::Interrupted) => return Err(CommandError::Interrupted),
                Err(error) => {
                    let first = error.diagnostics().first();
                    let is_temporary = first.is_some_and(|it| it.is_temporary);
                    result.set_error(first.map_or("", |it| &it.message), is_temporary);
                }
            }
            if !result.err.is_empty() {
                problems.push(Diagnostic::new(format!("{key}: {}", result.err)));
            }
        }
        results::write_results(path, &results)?;
        if problems.is_empty() { Ok(()) } else { Err(CommandError::Failed(problems)) }
    }
}

/// What was found out about an image.
struct JudgedImage {
    report: VerifyReport,
    /// Signatures that were accepted.
    signatures: Vec<AcceptedSignature>,
    attestations: Vec<Attestation>,
    boots: Vec<BootOutcome>,
}

fn judge_image(
    arguments: &VerifyArguments,
    location: &ImageLocation,
    environment: &Environment,
    progress: &Arc<ProgressView>,
) -> Result<JudgedImage, CommandError> {
    let uses = RegistryUse::default().reads_from(location);
    let registry = arguments.registry.registry(environment, progress.clone(), &uses)?;
    let ImageSubject { images, root } = ImageSubject::find(location, &registry)?;
    let images = &*images;
    let (name, only) = (location.to_string(), arguments.platform.as_ref());
    let required = arguments.trust.read(environment)?;
    let checked = required.as_ref().map(|required| required.check(location, images, &root, only));
    let signatures = checked.transpose()?.unwrap_or_default();
    let keys = required.as_ref().map_or(&[][..], RequiredSignatures::keys);
    let attestations = attested::find_all(images, &root, only, keys, &name)?;
    // Errors of the documents are reported by the verification below.
    let documents = arguments.boot.boot.then(|| read_documents(images, root.clone()));
    let documents = documents.and_then(Result::ok);
    let chosen: Vec<&PlatformImage> = match (&documents, only) {
        (Some(documents), Some(wanted)) => {
            let number = documents.choose_platform(wanted, &name).ok();
            number.and_then(|number| documents.images.get(number)).into_iter().collect()
        }
        (Some(documents), None) => documents.without_attestations().collect(),
        (None, _) => Vec::new(),
    };
    BootArguments::check(&chosen, environment)?;
    let (limits, progress) = (TarLimits::default(), progress.as_ref());
    let context = VerifyContext {
        name: &name,
        images,
        disk_path: arguments.path.as_deref(),
        limits,
        kept: DEFAULT_KEPT_LEN,
        progress,
    };
    let report = verify_image(root, only, &context)?;
    let bootable: Vec<&PlatformImage> =
        chosen.into_iter().filter(|image| has_disk(image, &report)).collect();
    let boots = arguments.boot.run(&bootable, BootContext { images, environment, progress })?;
    Ok(JudgedImage { report, signatures, attestations, boots })
}

/// Returns whether the image has a disk to boot. A missing disk is a finding already.
fn has_disk(image: &PlatformImage, report: &VerifyReport) -> bool {
    let mut found = report.images.iter();
    found.any(|found| found.manifest == image.manifest.digest && found.disk().is_some())
}

impl From<VerifyError> for CommandError {
    fn from(error: VerifyError) -> Self {
        match error {
            VerifyError::Cancelled => Self::Interrupted,
            VerifyError::Platform(error) => error.into(),
            VerifyError::Documents(error) => Diagnostic::new(error.to_string()).into(),
        }
    }
}

/// Prints all rules.
fn print_rules(format: Format, ui: &Ui) -> Result<(), CommandError> {
    let result = match format {
        Format::Text => text::rules_text(),
        Format::Json => json::rules_json(),
        Format::Sarif => {
            let diagnostic = Diagnostic::new("rules cannot be listed as SARIF");
            return Err(CommandError::Usage(diagnostic.help("use `--output-format json`")));
        }
    };
    Ok(ui.print_result(result.as_bytes())?)
}

fn parse_rule(text: &str) -> Result<&'static ContractRule, String> {
    let rule = all_rules().find(|rule| rule.id == text);
    rule.ok_or_else(|| "no such rule; `diskette verify --rules` lists them".into())
}

/// Returns the number of findings of a severity.
fn count_findings(findings: &[Finding], severity: Severity) -> usize {
    findings.iter().filter(|finding| finding.rule.severity == severity).count()
}
