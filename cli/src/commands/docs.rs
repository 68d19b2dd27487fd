//! `diskette docs`.

mod page;
mod status;
mod table;
mod usage;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use clap::{ArgAction, Args};
use diskette_builder::oci::progress::Progress;
use diskette_builder::recipe::diagnostic::Diagnostic;
use diskette_builder::registry::quay::QuayClient;

use self::page::{RepositoryPage, image_table};
use self::status::read_status;
use self::table::PageFormat;
use crate::arguments::credentials::RegistryUse;
use crate::arguments::focus::Focus;
use crate::arguments::registry::RegistryArguments;
use crate::catalogue::results::read_results;
use crate::catalogue::{Catalogue, load_catalogues, target_repository};
use crate::environment::Environment;
use crate::error::CommandError;
use crate::files::read_secret;
use crate::ui::Ui;
use crate::ui::progress::ProgressMode;

/// Generate documentation for the images of a catalogue.
///
/// Prints Markdown: a table of all images, and for each a description, its tags, and how to create
/// a virtual machine from it. `--publish` also sets it as the description of the
/// repositories on quay. `--status` prints the state of the images in their registries instead.
#[derive(Debug, Args)]
pub(crate) struct DocsArguments {
    /// Catalogues: specs whose images have a `release`, or directories of them
    #[arg(value_name = "FILE|DIR", required = true)]
    files: Vec<PathBuf>,

    /// Only these images: fedora, or fedora:42; may be repeated
    #[arg(long, value_name = "NAME[:TAG]")]
    focus: Vec<Focus>,

    /// The registry that the images are in, e.g. quay.io/me [default: that of each image]
    #[arg(long = "target-registry", visible_alias = "registry", value_name = "REGISTRY")]
    target: Option<String>,

    /// Say which packages changed with the last release: the results file of `sync`
    #[arg(long, value_name = "FILE")]
    results_file: Option<PathBuf>,

    /// Publish it as the description of each repository on quay, and make the repositories public
    #[arg(long, requires = "quay_token_file")]
    publish: bool,

    /// File with a token of a quay OAuth application that may administer the repositories; -
    /// is standard input
    #[arg(long, value_name = "FILE")]
    quay_token_file: Option<PathBuf>,

    /// Show what would be published, without publishing
    #[arg(long, value_name = "BOOL", action = ArgAction::Set, default_value_t = false)]
    #[arg(num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    dry_run: bool,

    /// Print what the registries have of each image: versions, platforms and sizes, now and in earlier
    /// releases, whose tags are made of a version or a time
    #[arg(long, conflicts_with = "publish")]
    status: bool,

    /// Number of releases of each repository to list with `--status`
    #[arg(long, value_name = "N", default_value = "10", requires = "status")]
    history: usize,

    /// Output format of `--status`
    #[arg(long = "output-format", alias = "format")]
    #[arg(value_name = "FORMAT", default_value = "markdown", requires = "status")]
    format: PageFormat,

    #[command(flatten)]
    connection: RegistryArguments,
}

pub(crate) fn run(
    arguments: &DocsArguments,
    environment: &Environment,
    ui: &Ui,
) -> Result<(), CommandError> {
    let catalogues = load_catalogues(&arguments.files)?;
    let results = arguments.results_file.as_deref().map(read_results).transpose()?;
    let results = results.unwrap_or_default();
    let pages = arguments.pages(&catalogues)?;
    if arguments.status {
        return arguments.print_status(&pages, environment, ui);
    }
    if !arguments.publish || arguments.dry_run {
        let all: Vec<String> = pages.iter().map(|page| page.to_markdown(&results)).collect();
        return Ok(
            ui.print_result(format!("{}\n{}", image_table(&pages), all.join("\n")).as_bytes())?
        );
    }
    let Some(file) = &arguments.quay_token_file else { return Ok(()) };
    let Some(registry) = one_registry(&pages)? else { return Ok(()) };
    let token = read_secret(file)?;
    let observer: Arc<dyn Progress> = ui.progress(ProgressMode::Plain)?;
    let client = arguments.connection.registry(environment, observer, &RegistryUse::default())?;
    let quay = QuayClient::new(&client, &registry, token);
    let mut problems = Vec::new();
    for page in &pages {
        let published = quay.publish_description(&page.name, &page.to_markdown(&results));
        match published {
            Ok(()) => {
                ui.print_result(
                    format!("published\t{}\n", page.name.full_repository()).as_bytes(),
                )?;
            }
            Err(problem) => problems.push(Diagnostic::new(problem.to_string())),
        }
    }
    if problems.is_empty() { Ok(()) } else { Err(CommandError::Failed(problems)) }
}

impl DocsArguments {
    fn print_status(
        &self,
        pages: &[RepositoryPage<'_>],
        environment: &Environment,
        ui: &Ui,
    ) -> Result<(), CommandError> {
        let observer: Arc<dyn Progress> = ui.progress(ProgressMode::Plain)?;
        let uses = RegistryUse::default().reads(pages.iter().map(|page| &page.name));
        let registry = self.connection.registry(environment, observer, &uses)?;
        let (page, problems) = read_status(pages, &registry, self.history);
        ui.print_result(page.write(self.format).as_bytes())?;
        if problems.is_empty() { Ok(()) } else { Err(CommandError::Failed(problems)) }
    }

    /// Returns a page for each repository.
    fn pages<'c>(
        &self,
        catalogues: &'c [Catalogue],
    ) -> Result<Vec<RepositoryPage<'c>>, CommandError> {
        let is_meant = |entry: &_| {
            self.focus.is_empty() || self.focus.iter().any(|focus| focus.matches_entry(entry))
        };
        let mut pages: Vec<RepositoryPage<'_>> = Vec::new();
        for catalogue in catalogues {
            for entry in catalogue.entries.iter().filter(|entry| is_meant(entry)) {
                let name = target_repository(&entry.image, self.target.as_deref())?;
                let place = pages.iter().position(|page| page.name == name);
                let place = place.unwrap_or_else(|| {
                    pages.push(RepositoryPage::new(name));
                    pages.len() - 1
                });
                pages[place].add(entry, catalogue)?;
            }
        }
        Ok(pages)
    }
}

/// Returns the registry of all pages, which is the one that the token is for.
fn one_registry(pages: &[RepositoryPage<'_>]) -> Result<Option<String>, CommandError> {
    let mut registries: BTreeSet<&str> = pages.iter().map(|page| page.name.registry()).collect();
    let first = registries.pop_first().map(str::to_owned);
    let (Some(first), Some(second)) = (&first, registries.pop_first()) else { return Ok(first) };
    let message = format!(
        "`--quay-token-file` is a token for one registry, not for `{first}` and `{second}`"
    );
    let help = "publish the images of one with `--focus`, or name it with `--target-registry`";
    Err(CommandError::Usage(Diagnostic::new(message).help(help)))
}
