//! `diskette docs`.

mod page;

use std::path::PathBuf;
use std::sync::Arc;

use clap::{ArgAction, Args};
use diskette_builder::net::http::HttpClient;
use diskette_builder::oci::image::reference::Reference;
use diskette_builder::oci::progress::Progress;
use diskette_builder::recipe::diagnostic::Diagnostic;
use diskette_builder::registry::quay::QuayClient;
use url::Url;

use self::page::{RepositoryPage, image_table};
use crate::arguments::focus::Focus;
use crate::arguments::registry::RegistryArguments;
use crate::catalogue::{Catalogue, load_catalogues, target_repository};
use crate::environment::Environment;
use crate::error::{CommandError, cannot};
use crate::files::read_secret;
use crate::ui::Ui;
use crate::ui::progress::ProgressMode;

/// Write descriptions of the images of a catalogue, or publish them.
///
/// Prints Markdown: a table of all images, and for each a description, its tags, and how to create a
/// virtual machine from it. `--publish` makes that the description of the repositories on quay, which
/// has an API for it.
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

    /// Make it the description of each repository on quay, and make the repositories public
    #[arg(long, requires = "quay_token_file")]
    publish: bool,

    /// The token of an OAuth application on quay that may administer the repositories; - reads it
    /// from standard input
    #[arg(long, value_name = "FILE")]
    quay_token_file: Option<PathBuf>,

    /// Show what would be published, and publish nothing
    #[arg(long, value_name = "BOOL", action = ArgAction::Set, default_value_t = false)]
    #[arg(num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    dry_run: bool,

    #[command(flatten)]
    connection: RegistryArguments,
}

pub(crate) fn run(
    arguments: &DocsArguments,
    environment: &Environment,
    ui: &Ui,
) -> Result<(), CommandError> {
    let catalogues = load_catalogues(&arguments.files)?;
    let pages = arguments.pages(&catalogues)?;
    if !arguments.publish || arguments.dry_run {
        let all: Vec<String> = pages.iter().map(RepositoryPage::to_markdown).collect();
        return Ok(
            ui.print_result(format!("{}\n{}", image_table(&pages), all.join("\n")).as_bytes())?
        );
    }
    let Some(file) = &arguments.quay_token_file else { return Ok(()) };
    let token = read_secret(file)?;
    let observer: Arc<dyn Progress> = ui.progress(ProgressMode::Plain)?;
    let client = arguments.connection.http_client(environment, &observer)?;
    let mut problems = Vec::new();
    for page in &pages {
        let published =
            arguments.quay_client(&client, &page.name, token.clone()).and_then(|quay| {
                quay.publish_description(page.name.repository(), &page.to_markdown())
                    .map_err(|error| Diagnostic::new(error.to_string()))
            });
        match published {
            Ok(()) => {
                ui.print_result(
                    format!("published\t{}\n", page.name.full_repository()).as_bytes(),
                )?;
            }
            Err(problem) => problems.push(problem),
        }
    }
    if problems.is_empty() { Ok(()) } else { Err(CommandError::Failed(problems)) }
}

impl DocsArguments {
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
                match pages.iter_mut().find(|page| page.name == name) {
                    Some(page) => page.entries.push(entry),
                    None => pages.push(RepositoryPage::new(name, entry, catalogue)?),
                }
            }
        }
        Ok(pages)
    }

    fn quay_client<'c>(
        &self,
        client: &'c HttpClient,
        name: &Reference,
        token: diskette_builder::net::secret::Secret,
    ) -> Result<QuayClient<'c>, Diagnostic> {
        let host = name.registry();
        // As with registries, a server on this machine is contacted without TLS.
        let is_near = host.starts_with("127.0.0.1") || host.starts_with("localhost");
        let is_plain = self.connection.is_plain() || is_near;
        let base = format!("{}://{host}/", if is_plain { "http" } else { "https" });
        let base = Url::parse(&base).map_err(cannot("publish to", host))?;
        Ok(QuayClient::new(client, base, token))
    }
}
