//! `diskette results`.

mod junit;
mod markdown;
mod merge;
mod missing;

use std::num::NonZeroU64;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use diskette_builder::oci::retention::parse_age;
use diskette_builder::recipe::diagnostic::Diagnostic;

use self::merge::{MergedResults, read_all};
use crate::catalogue::load_catalogues;
use crate::catalogue::results::{image_name, result_line};
use crate::environment::Environment;
use crate::error::{CommandError, cannot};
use crate::ui::Ui;

/// Merge the results files of several runs of `sync` into one report.
///
/// For a catalogue whose parts are synced by several machines: the report has all images, and the exit
/// status is that of one `sync` of all of them: 1 if an image failed, 75 if all failures are temporary.
/// A results file that does not exist is reported as missing, and so is an image of
/// `--catalogue` without a result.
#[derive(Debug, Args)]
pub(crate) struct ResultsArguments {
    /// Results files, or directories of them; of an image in several, the last counts
    #[arg(value_name = "FILE|DIR", required = true)]
    files: Vec<PathBuf>,

    /// Output format
    #[arg(long = "output-format", alias = "format")]
    #[arg(value_name = "FORMAT", default_value = "text")]
    format: ReportFormat,

    /// All images of this catalogue must have a result: a spec whose images have a `release`, or a
    /// directory of them; may be repeated
    #[arg(long, value_name = "FILE|DIR")]
    catalogue: Vec<PathBuf>,

    /// Number of parts of the catalogue, as in `--shard I/N`: missing images are reported by part
    #[arg(long, value_name = "N", requires = "catalogue")]
    shards: Option<NonZeroU64>,

    /// Leave out results files that are older, e.g. 12h, 2d or 90min: they are from an earlier run. Without
    /// `--catalogue` they are missing
    #[arg(long, value_name = "AGE", value_parser = parse_age)]
    max_age: Option<Duration>,
}

/// A value of `--output-format`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ReportFormat {
    /// One line per image, as `sync` prints it
    Text,
    /// Markdown, for example for the summary of a job
    Markdown,
    /// A results file
    Json,
    /// `JUnit`'s XML, with a test case for each image
    Junit,
}

pub(crate) fn run(
    arguments: &ResultsArguments,
    environment: &Environment,
    ui: &Ui,
) -> Result<(), CommandError> {
    let oldest = arguments.max_age.map(|age| (environment.started, age));
    let mut merged = read_all(&arguments.files, oldest)?;
    merged.miss_reported();
    if arguments.catalogue.is_empty() {
        merged.miss_outdated();
    } else {
        let catalogues = load_catalogues(&arguments.catalogue)?;
        let entries = catalogues.iter().flat_map(|catalogue| &catalogue.entries);
        merged.add_missing(entries, arguments.shards);
    }
    match arguments.format {
        ReportFormat::Text => ui.print_text(&lines(&merged))?,
        ReportFormat::Markdown => ui.print_result(markdown::write(&merged).as_bytes())?,
        ReportFormat::Json => {
            let text = serde_json::to_string_pretty(&merged.images);
            ui.print_json(&format!("{}\n", text.map_err(cannot("write", "the results"))?))?;
        }
        ReportFormat::Junit => ui.print_result(junit::write(&merged).as_bytes())?,
    }
    ui.print_line(&merged.count());
    let problems = merged.problems();
    if problems.is_empty() { Ok(()) } else { Err(CommandError::Failed(problems)) }
}

/// Returns a line for each image: outcome, name, digest and tags.
fn lines(merged: &MergedResults) -> String {
    let lines =
        merged.images.iter().map(|(key, result)| result_line(&image_name(key, result), result));
    lines.collect()
}

impl MergedResults {
    /// Returns the errors of the report.
    fn problems(&self) -> Vec<Diagnostic> {
        let failed = self.images.iter().flat_map(|(key, result)| {
            // What is missing is reported once for a part.
            let errors = if result.is_missing() { Vec::new() } else { result.errors() };
            let name = image_name(key, result);
            let problem = move |error| {
                Diagnostic::new(format!("{name}: {error}")).temporary(result.temporary)
            };
            errors.into_iter().map(problem).collect::<Vec<_>>()
        });
        failed.chain(self.missing.iter().map(missing::MissingResults::diagnostic)).collect()
    }
}
