//! `diskette diff`.

use std::fmt::Write as _;
use std::sync::Arc;

use clap::{Args, ValueEnum};
use diskette_builder::inspect::diff::{
    DiffContext, DiffError, DiffSide, Difference, DifferenceKind, diff_images,
};
use diskette_builder::oci::image::location::ImageLocation;
use diskette_builder::oci::image_documents::read_documents;
use diskette_builder::oci::tar::TarLimits;
use diskette_builder::recipe::diagnostic::Diagnostic;
use serde_json::json;

use crate::arguments::credentials::RegistryUse;
use crate::arguments::image_name::parse_source;
use crate::arguments::registry::RegistryArguments;
use crate::environment::Environment;
use crate::error::CommandError;
use crate::images::subject::ImageSubject;
use crate::ui::Ui;
use crate::ui::progress::{ProgressMode, ProgressView};
use crate::ui::visible::visible_line;

/// Show why two images have different digests.
///
/// Compares manifests and configs field by field, and layers entry by entry and byte by byte;
/// reports layers that differ only in compression. The exit status is that of diff: 0 for the same
/// images, 1 for different ones, 2 for errors.
#[derive(Debug, Args)]
pub(crate) struct DiffArguments {
    /// An image: quay.io/me/fedora:42, a layout's directory, oci:DIR:TAG, or an archive
    #[arg(value_name = "A", value_parser = parse_source)]
    first: ImageLocation,

    /// The image to compare with
    #[arg(value_name = "B", value_parser = parse_source)]
    second: ImageLocation,

    /// Output format
    #[arg(long = "output-format", alias = "format", value_name = "HOW", default_value = "text")]
    format: Format,

    /// Progress output; auto shows bars on a terminal, else plain lines
    #[arg(long, value_name = "HOW", default_value = "none")]
    progress: ProgressMode,

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
}

pub(crate) fn run(
    arguments: &DiffArguments,
    environment: &Environment,
    ui: &Ui,
) -> Result<(), CommandError> {
    let progress = ui.progress(arguments.progress)?;
    let found = compare_images(arguments, environment, &progress).map_err(trouble)?;
    progress.end();
    match arguments.format {
        Format::Text => ui.print_text(&differences_text(&found))?,
        Format::Json => {
            let (a, b) = (arguments.first.to_string(), arguments.second.to_string());
            let value = json!({ "a": a, "b": b, "same": found.is_empty(), "differences": found });
            ui.print_json(&format!("{value:#}\n"))?;
        }
    }
    // The differences were printed.
    if found.is_empty() { Ok(()) } else { Err(CommandError::Failed(Vec::new())) }
}

fn compare_images(
    arguments: &DiffArguments,
    environment: &Environment,
    progress: &Arc<ProgressView>,
) -> Result<Vec<Difference>, CommandError> {
    let uses = RegistryUse::default().reads_from(&arguments.first).reads_from(&arguments.second);
    let registry = arguments.registry.registry(environment, progress.clone(), &uses)?;
    let a = ImageSubject::find(&arguments.first, &registry)?;
    let b = ImageSubject::find(&arguments.second, &registry)?;
    if a.root.digest == b.root.digest {
        return Ok(Vec::new());
    }
    let (ours, theirs) = (read_documents(&*a.images, a.root)?, read_documents(&*b.images, b.root)?);
    let context = DiffContext { limits: TarLimits::default(), progress: progress.as_ref() };
    let first = DiffSide { images: &*a.images, documents: &ours };
    let second = DiffSide { images: &*b.images, documents: &theirs };
    diff_images(first, second, &context).map_err(|error| match error {
        DiffError::Cancelled => CommandError::Interrupted,
        DiffError::Images(error) => error.into(),
        DiffError::Layer { .. } => Diagnostic::new(error.to_string()).into(),
    })
}

/// Turns an error into a usage error, whose exit status is not that of a difference.
fn trouble(error: CommandError) -> CommandError {
    match error {
        CommandError::Failed(diagnostics) => {
            let first = diagnostics.into_iter().next();
            CommandError::Usage(first.unwrap_or_else(|| Diagnostic::new("the comparison failed")))
        }
        error => error,
    }
}

fn differences_text(found: &[Difference]) -> String {
    let mut text = String::new();
    for difference in found {
        let location = Some(&difference.place).filter(|location| !location.is_empty());
        let location =
            location.map(|location| format!(" {}", location.escape_debug())).unwrap_or_default();
        let (subject, what) =
            (difference.subject.escape_debug(), describe_difference(difference.kind));
        // Writing to a string does not fail.
        let _ = writeln!(text, "{subject}{location}: {what}");
        let _ = writeln!(text, "  - {}", visible_line(&difference.a));
        let _ = writeln!(text, "  + {}", visible_line(&difference.b));
    }
    text
}

fn describe_difference(kind: DifferenceKind) -> &'static str {
    match kind {
        DifferenceKind::Document => "the same fields, written differently",
        DifferenceKind::Platforms => "other images",
        DifferenceKind::Field => "another value",
        DifferenceKind::Layers => "another number of layers",
        DifferenceKind::Compression => "the same tar, compressed differently",
        DifferenceKind::Entry => "another entry",
        DifferenceKind::Content => "other bytes",
        DifferenceKind::Tar => "another tar",
    }
}
