//! `diskette promote`.

use std::path::PathBuf;

use clap::{ArgAction, Args};
use diskette_builder::oci::copy::{CopyContext, copy_image};
use diskette_builder::oci::image::digest::Digest;
use diskette_builder::oci::image::json::Document;
use diskette_builder::oci::image::location::ImageLocation;
use diskette_builder::oci::image::reference::Reference;
use diskette_builder::oci::images::Images;
use diskette_builder::oci::progress::Progress as _;
use diskette_builder::oci::sink::Sink;
use diskette_builder::recipe::diagnostic::Diagnostic;
use diskette_builder::registry::client::{RegistryClient, RegistryImages, RegistrySink};

use crate::arguments::credentials::{PairCredentials, RegistryUse};
use crate::arguments::focus::Focus;
use crate::arguments::referrers::ReferrersSelection;
use crate::arguments::registry::RegistryArguments;
use crate::arguments::signing::{SigningArguments, SigningKey};
use crate::arguments::transfer::TransferArguments;
use crate::arguments::trusted_keys::GateArguments;
use crate::catalogue::results::{self, ImageResult};
use crate::catalogue::target_repository;
use crate::environment::Environment;
use crate::error::{CommandError, storage_error};
use crate::signatures::RequiredSignatures;
use crate::ui::Ui;
use crate::ui::progress::ProgressView;

/// Name of this stage in results.
const STAGE: &str = "promote";

/// Copy verified images from a staging registry to the public one.
///
/// Reads the results that `diskette sync` and `diskette verify` wrote, and copies what was
/// verified, by digest, to each of its tags. An image with a platform that was not verified is not
/// copied at all. An image that fails does not stop the others; the results file has its error.
#[derive(Debug, Args)]
pub(crate) struct PromoteArguments {
    /// The results of `sync` and `verify`; the state of each image is written there
    #[arg(long, value_name = "FILE")]
    results_file: PathBuf,

    /// Source registry, e.g. quay.io/staging [default: the one they were pushed to]
    #[arg(long, value_name = "REGISTRY")]
    source_registry: Option<String>,

    /// Destination registry, e.g. quay.io/containerdisks
    #[arg(long, value_name = "REGISTRY")]
    target_registry: String,

    /// Only this image: fedora, fedora:42 or fedora:*; may be repeated
    #[arg(long, value_name = "NAME[:TAG]")]
    focus: Vec<Focus>,

    /// Show what would be copied, without copying
    #[arg(long, value_name = "BOOL", action = ArgAction::Set, default_value_t = false)]
    #[arg(num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    dry_run: bool,

    /// Exit with status 0 even if images failed; the results file has their errors
    #[arg(long)]
    no_fail: bool,

    #[command(flatten)]
    attached: ReferrersSelection,

    #[command(flatten)]
    show: TransferArguments,

    #[command(flatten)]
    signing: SigningArguments,

    #[command(flatten)]
    gate: GateArguments,

    #[command(flatten)]
    pair: PairCredentials,

    #[command(flatten)]
    registry: RegistryArguments,
}

pub(crate) fn run(
    arguments: &PromoteArguments,
    environment: &Environment,
    ui: &Ui,
) -> Result<(), CommandError> {
    let mut results = results::read_results(&arguments.results_file)?;
    let signing = arguments.signing.read(environment)?;
    let required = arguments.gate.read(environment)?;
    let progress = arguments.show.progress(ui)?;
    let uses = arguments.registry_use(results.values());
    let registry = arguments.registry.registry(environment, progress.clone(), &uses)?;
    let (signing, required) = (signing.as_ref(), required.as_ref());
    let promotion =
        Promotion { arguments, registry: &registry, progress: &progress, signing, required };
    let (mut lines, mut problems) = (String::new(), Vec::new());
    let is_meant = |key: &str| {
        arguments.focus.is_empty() || arguments.focus.iter().any(|focus| focus.matches_key(key))
    };
    for (key, result) in results.iter_mut().filter(|(key, it)| it.err.is_empty() && is_meant(key)) {
        if progress.is_cancelled() {
            return Err(CommandError::Stopped);
        }
        match promotion.run(result) {
            Ok(line) => lines.push_str(&line),
            Err(CommandError::Interrupted) => return Err(CommandError::Stopped),
            Err(error) => problems.extend(record_failure(key, result, &error)),
        }
    }
    progress.end();
    ui.print_text(&lines)?;
    if !arguments.dry_run {
        results::write_results(&arguments.results_file, &results)?;
    }
    if problems.is_empty() {
        return Ok(());
    }
    if arguments.no_fail {
        ui.warn(&problems);
        return Ok(());
    }
    Err(CommandError::Failed(problems))
}

impl PromoteArguments {
    /// Returns the images that are read and written. A name that is no repository is reported
    /// later.
    fn registry_use<'r>(&self, results: impl Iterator<Item = &'r ImageResult>) -> RegistryUse<'_> {
        let (mut reads, mut writes) = (Vec::new(), Vec::new());
        for result in results {
            reads.extend(target_repository(&result.image, self.source_registry.as_deref()));
            writes.extend(target_repository(&result.image, Some(&self.target_registry)));
        }
        RegistryUse::default().pair(&self.pair).reads(&reads).writes(&writes)
    }
}

/// Records why an image was not promoted, and returns the messages.
fn record_failure(key: &str, result: &mut ImageResult, error: &CommandError) -> Vec<Diagnostic> {
    let all = error.diagnostics();
    let first = all.first();
    let is_temporary = first.is_some_and(|it| it.is_temporary);
    result.set_error(first.map_or("", |it| &it.message), is_temporary);
    result.stage = STAGE.into();
    let named =
        |it: &Diagnostic| Diagnostic { message: format!("{key}: {}", it.message), ..it.clone() };
    all.iter().map(named).collect()
}

/// How images are promoted.
struct Promotion<'a> {
    arguments: &'a PromoteArguments,
    registry: &'a RegistryClient,
    progress: &'a ProgressView,
    signing: Option<&'a SigningKey>,
    /// Signatures that the images must have.
    required: Option<&'a RequiredSignatures>,
}

impl Promotion<'_> {
    /// Promotes one image, and returns the line to print.
    fn run(&self, result: &mut ImageResult) -> Result<String, CommandError> {
        let arguments = self.arguments;
        check_verified(result)?;
        let source = target_repository(&result.image, arguments.source_registry.as_deref())?;
        let target = target_repository(&result.image, Some(&arguments.target_registry))?;
        let digest: Digest =
            result.digest.as_deref().unwrap_or_default().parse().map_err(|error| {
                Diagnostic::new(format!("the digest of the results is {error}"))
            })?;
        let repository = self.registry.target_repository(&source).map_err(storage_error)?;
        let images = RegistryImages::new(vec![repository]);
        let root = images.read_document(digest)?.ok_or_else(|| {
            Diagnostic::new(format!("{}@{digest} does not exist", source.full_repository()))
                .help("was it pushed to another registry? use `--source-registry`")
        })?;
        if let Some(required) = self.required {
            let location = ImageLocation::Registry(source.with_digest(digest));
            required.check(&location, &images, &root, None)?;
        }
        let names: Vec<Reference> =
            result.tags.iter().map(|tag| target.with_tag(tag.clone())).collect();
        let name = names.last().map(ToString::to_string).unwrap_or_default();
        if arguments.dry_run {
            return Ok(format!("would-promote\t{name}\t{digest}\n"));
        }
        self.copy(&images, &root, &names)?;
        let line = format!("promoted\t{name}\t{digest}\n");
        result.stage = STAGE.into();
        Ok(line)
    }

    fn copy(
        &self,
        images: &dyn Images,
        root: &Document,
        names: &[Reference],
    ) -> Result<(), CommandError> {
        let jobs = self.arguments.show.jobs();
        let sink = RegistrySink::new(self.registry, jobs);
        let progress = self.progress;
        let attachments = &self.arguments.attached.referrers;
        let (local, tag) = (None, None);
        let signed = self.signing.map(|key| key.sign_in(&sink));
        let sink = signed.as_ref().map_or(&sink as &dyn Sink, |signed| signed);
        let context = CopyContext { images, sink, names, local, tag, attachments, jobs, progress };
        match copy_image(root, &context) {
            Err(_) if progress.is_cancelled() => Err(CommandError::Interrupted),
            copied => Ok(copied?),
        }
    }
}

/// Fails unless all platforms were verified.
fn check_verified(result: &ImageResult) -> Result<(), Diagnostic> {
    let there = result.platforms.iter().filter(|(_, platform)| platform.digest.is_some());
    let unverified: Vec<&str> =
        there.filter(|(_, platform)| !platform.verified).map(|(name, _)| name.as_str()).collect();
    if result.digest.is_none() || result.tags.is_empty() || result.platforms.is_empty() {
        return Err(Diagnostic::new("the results do not say what was pushed"));
    }
    if unverified.is_empty() {
        return Ok(());
    }
    Err(Diagnostic::new(format!("not verified for {}", unverified.join(", ")))
        .help("all platforms of an image are promoted, or none: `diskette verify --results-file`"))
}
