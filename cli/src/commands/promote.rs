//! `diskette promote`.

use std::path::PathBuf;

use clap::{ArgAction, Args};
use diskette_builder::oci::copy::{CopyContext, copy};
use diskette_builder::oci::image::reference::Reference;
use diskette_builder::oci::images::Images as _;
use diskette_builder::oci::progress::Progress as _;
use diskette_builder::recipe::diagnostic::Diagnostic;
use diskette_builder::registry::client::{Registry, RegistryImages, RegistrySink};

use crate::catalogue::{Focus, repository};
use crate::commands::transfer::{Show, storage_error};
use crate::environment::Environment;
use crate::error::CommandError;
use crate::registry::RegistryArguments;
use crate::results::{self, ImageResult};
use crate::ui::Ui;
use crate::ui::progress::ProgressView;

/// Copy images that were verified from a staging registry to where everybody gets them.
///
/// Goes by the results that `diskette sync` and `diskette verify` wrote: what is copied is what was
/// verified, by digest, to each of its tags. An image of which a platform was not verified is not
/// copied at all. An image that fails keeps no other back; the results tell.
#[derive(Debug, Args)]
pub(crate) struct PromoteArguments {
    /// The results of `sync` and `verify`; what becomes of each image is written there
    #[arg(long, value_name = "FILE")]
    results_file: PathBuf,

    /// Where the images are, e.g. quay.io/staging [default: where they were pushed to]
    #[arg(long, value_name = "REGISTRY")]
    source_registry: Option<String>,

    /// Where they shall be, e.g. quay.io/containerdisks
    #[arg(long, value_name = "REGISTRY")]
    target_registry: String,

    /// Only this image: fedora, fedora:42 or fedora:*; may be repeated
    #[arg(long, value_name = "NAME[:TAG]")]
    focus: Vec<Focus>,

    /// Show what would be copied, and copy nothing
    #[arg(long, value_name = "BOOL", action = ArgAction::Set, default_value_t = false)]
    #[arg(num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    dry_run: bool,

    /// Exit with status 0 though images failed; the results tell
    #[arg(long)]
    no_fail: bool,

    #[command(flatten)]
    show: Show,

    #[command(flatten)]
    registry: RegistryArguments,
}

pub(crate) fn run(
    arguments: &PromoteArguments,
    environment: &Environment,
    ui: &Ui,
) -> Result<(), CommandError> {
    let mut results = results::read(&arguments.results_file)?;
    let progress = arguments.show.progress(ui)?;
    let registry = arguments.registry.registry(environment, progress.clone())?;
    let mut problems = Vec::new();
    let mut lines = Vec::new();
    let is_meant = |key: &str| {
        arguments.focus.is_empty() || arguments.focus.iter().any(|focus| focus.is_key(key))
    };
    for (key, result) in results.iter_mut().filter(|(key, it)| it.err.is_empty() && is_meant(key)) {
        if progress.is_cancelled() {
            return Err(CommandError::Stopped);
        }
        match promote(arguments, result, &registry, &progress) {
            Ok(name) if arguments.dry_run => lines.push(format!("would-promote\t{name}\n")),
            Ok(name) => {
                lines.push(format!("promoted\t{name}\n"));
                result.stage = "promote".into();
            }
            Err(CommandError::Interrupted) => return Err(CommandError::Stopped),
            Err(error) => {
                let first = error.diagnostics().first();
                result.err = first.map(|it| it.message.clone()).unwrap_or_default();
                result.stage = "promote".into();
                let named = |it: &Diagnostic| Diagnostic {
                    message: format!("{key}: {}", it.message),
                    ..it.clone()
                };
                problems.extend(error.diagnostics().iter().map(named));
            }
        }
    }
    progress.end();
    ui.result(lines.concat().as_bytes())?;
    if !arguments.dry_run {
        results::write(&arguments.results_file, &results)?;
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

/// Copies one image, and returns what it is called now.
fn promote(
    arguments: &PromoteArguments,
    result: &ImageResult,
    registry: &Registry,
    progress: &ProgressView,
) -> Result<String, CommandError> {
    check(result)?;
    let source = repository(&result.image, arguments.source_registry.as_deref())?;
    let target = repository(&result.image, Some(&arguments.target_registry))?;
    let digest = result.digest.as_deref().unwrap_or_default();
    let repository = registry.target(&source).map_err(storage_error)?;
    let images = RegistryImages::new(vec![repository]);
    let root = images.find(digest)?.ok_or_else(|| {
        Diagnostic::new(format!("{}@{digest} is not there", source.place()))
            .help("was it pushed to another registry? say `--source-registry`")
    })?;
    let names: Vec<Reference> =
        result.tags.iter().map(|tag| target.with_tag(tag.clone())).collect();
    let name = names.last().map(ToString::to_string).unwrap_or_default();
    if arguments.dry_run {
        return Ok(format!("{name}\t{digest}"));
    }
    let sink = RegistrySink::new(registry, arguments.show.jobs());
    let context = CopyContext {
        images: &images,
        sink: &sink,
        names: &names,
        tag: None,
        jobs: arguments.show.jobs(),
        progress,
    };
    match copy(&root, &context) {
        Err(_) if progress.is_cancelled() => Err(CommandError::Interrupted),
        copied => {
            copied?;
            Ok(format!("{name}\t{digest}"))
        }
    }
}

/// Fails unless all that would be copied was verified.
fn check(result: &ImageResult) -> Result<(), Diagnostic> {
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
