//! `diskette diff`.

mod packages;

use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::Arc;

use clap::{Args, ValueEnum};
use diskette_builder::inspect::diff::{
    DiffContext, DiffError, DiffSide, Difference, DifferenceKind, diff_images,
};
use diskette_builder::oci::image::location::ImageLocation;
use diskette_builder::oci::image::platform::Platform;
use diskette_builder::oci::image_documents::read_documents;
use diskette_builder::oci::tar::TarLimits;
use diskette_builder::recipe::diagnostic::Diagnostic;
use serde_json::json;

use crate::arguments::credentials::RegistryUse;
use crate::arguments::disk_or_image::DiskOrImage;
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
/// images, 1 for different ones, 2 for errors. With `--packages`, and for two files of disks, compares
/// what is installed in the disks instead.
#[derive(Debug, Args)]
pub(crate) struct DiffArguments {
    /// An image: quay.io/me/fedora:42, a layout's directory, oci:DIR:TAG, or an archive; or the file of a
    /// disk
    #[arg(value_name = "A")]
    first: DiskOrImage,

    /// The image or the disk to compare with
    #[arg(value_name = "B")]
    second: DiskOrImage,

    /// Show which packages were added, removed or changed in the disk
    #[arg(long)]
    packages: bool,

    /// Compare the packages of this platform's disks, e.g. linux/arm64 [default: this machine's, if there are several]
    #[arg(long, requires = "packages")]
    platform: Option<Platform>,

    /// Compare the packages of this disk of artifacts, by the name of its volume or file
    #[arg(long, value_name = "NAME", requires = "packages")]
    disk: Option<String>,

    /// Directory for the temporary files of disks that can be read only from front to back
    /// [default: $TMPDIR, else /tmp]
    #[arg(long, value_name = "DIR", requires = "packages")]
    spool: Option<PathBuf>,

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

/// The result of a comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Same,
    Different,
}

impl Verdict {
    /// Returns what the exit status is made of; differences were printed.
    fn into_result(self) -> Result<(), CommandError> {
        match self {
            Self::Same => Ok(()),
            Self::Different => Err(CommandError::Failed(Vec::new())),
        }
    }
}

pub(crate) fn run(
    arguments: &DiffArguments,
    environment: &Environment,
    ui: &Ui,
) -> Result<(), CommandError> {
    let progress = ui.progress(arguments.progress)?;
    let (first, second) = match (&arguments.first, &arguments.second) {
        (DiskOrImage::Image(first), DiskOrImage::Image(second)) if !arguments.packages => {
            (first, second)
        }
        _ => {
            let verdict = packages::run(arguments, environment, ui, &progress);
            return verdict.map_err(trouble)?.into_result();
        }
    };
    let found = compare_images((first, second), arguments, environment, &progress);
    let found = found.map_err(trouble)?;
    progress.end();
    match arguments.format {
        Format::Text => ui.print_text(&differences_text(&found))?,
        Format::Json => {
            let (a, b) = (first.to_string(), second.to_string());
            let value = json!({ "a": a, "b": b, "same": found.is_empty(), "differences": found });
            ui.print_json(&format!("{value:#}\n"))?;
        }
    }
    if found.is_empty() { Verdict::Same } else { Verdict::Different }.into_result()
}

fn compare_images(
    (first, second): (&ImageLocation, &ImageLocation),
    arguments: &DiffArguments,
    environment: &Environment,
    progress: &Arc<ProgressView>,
) -> Result<Vec<Difference>, CommandError> {
    let uses = RegistryUse::default().reads_from(first).reads_from(second);
    let registry = arguments.registry.registry(environment, progress.clone(), &uses)?;
    let a = ImageSubject::find(first, &registry)?;
    let b = ImageSubject::find(second, &registry)?;
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
