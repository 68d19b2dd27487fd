//! `diskette releases`.

mod links;

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use diskette_builder::frontend::spec::{CatalogueEntry, CataloguePlatform};
use diskette_builder::net::http::HttpClient;
use diskette_builder::oci::progress::Progress;
use diskette_builder::recipe::diagnostic::Diagnostic;
use diskette_builder::upstream::{
    UpstreamDisk, UpstreamError, UpstreamWeb, UrlRewrite, find_newest_disk,
};
use serde_json::{Value, json};

use self::links::CheckedLinks;
use crate::arguments::list_format::ListFormat;
use crate::arguments::registry::RegistryArguments;
use crate::arguments::rewrite::parse_rewrite;
use crate::arguments::server_limits::ServerLimitArguments;
use crate::catalogue::versions::{expand_catalogues, unlisted_error};
use crate::catalogue::{Catalogue, load_catalogues};
use crate::environment::Environment;
use crate::error::CommandError;
use crate::ui::Ui;
use crate::ui::progress::ProgressMode;

/// List the newest disks that distributions have published for a catalogue.
///
/// Reads the lists that upstream publishes, checks their signatures where the catalogue has a
/// keyring, and prints for each image and platform the newest disk with its checksum. No disk is
/// downloaded. Disks that cannot be found are reported at the end, with exit status 1. With
/// `--check-links` the servers are asked for the disks, too: those of mirrors included.
#[derive(Debug, Args)]
pub(crate) struct ReleasesArguments {
    /// Catalogues: specs whose images have a `release`, or directories of them; - reads one from
    /// standard input
    #[arg(value_name = "FILE|DIR", required = true)]
    files: Vec<PathBuf>,

    /// Output format
    #[arg(long = "output-format", alias = "format")]
    #[arg(value_name = "FORMAT", default_value = "text")]
    format: ListFormat,

    /// Replace the URL prefix FROM with TO, for example to use a mirror; may be
    /// repeated
    #[arg(long, value_name = "FROM=TO", value_parser = parse_rewrite)]
    rewrite_url: Vec<UrlRewrite>,

    /// Ask the servers whether they have the disks, in the size that is listed, and print a line for
    /// each URL: status, size, and what is wrong. A link that is broken makes the exit status 1
    #[arg(long)]
    check_links: bool,

    /// Number of links to check in parallel
    #[arg(long, value_name = "N", default_value = "4", requires = "check_links")]
    workers: NonZeroUsize,

    #[command(flatten)]
    limits: ServerLimitArguments,

    #[command(flatten)]
    registry: RegistryArguments,
}

/// Upstream's release for one platform of an entry.
struct FoundRelease<'a> {
    entry: &'a CatalogueEntry,
    platform: &'a CataloguePlatform,
    disk: UpstreamDisk,
}

pub(crate) fn run(
    arguments: &ReleasesArguments,
    environment: &Environment,
    ui: &Ui,
) -> Result<(), CommandError> {
    let mut catalogues = load_catalogues(&arguments.files)?;
    let observer: Arc<dyn Progress> = ui.progress(ProgressMode::Plain)?;
    let registry = arguments.registry.limited(arguments.limits.limits());
    let client = registry.http_client(environment, &observer)?;
    let web = UpstreamWeb::new(&client, &arguments.rewrite_url);
    expand_catalogues(&mut catalogues, &|_| true, &web)?;
    let (found, mut problems) = find_releases(&catalogues, &web, &*observer)?;
    let links = arguments.check(&found, &client)?;
    match arguments.format {
        ListFormat::Text => {
            let text: String = match &links {
                Some(links) => links.lines(&found),
                None => found.iter().map(FoundRelease::line).collect(),
            };
            ui.print_text(&text)?;
        }
        ListFormat::Json => {
            let mut all: Vec<Value> = found.iter().map(FoundRelease::json).collect();
            if let Some(links) = &links {
                links.add_json(&mut all);
            }
            ui.print_json(&format!("{:#}\n", Value::Array(all)))?;
        }
    }
    problems.extend(links.iter().flat_map(|links| links.problems(&found)));
    if problems.is_empty() { Ok(()) } else { Err(CommandError::Failed(problems)) }
}

impl ReleasesArguments {
    /// Checks the links of the releases, if that is wanted.
    fn check(
        &self,
        found: &[FoundRelease<'_>],
        client: &HttpClient,
    ) -> Result<Option<CheckedLinks>, CommandError> {
        if !self.check_links {
            return Ok(None);
        }
        let links = found.iter().map(|release| release.disk.links(&self.rewrite_url)).collect();
        let checked = CheckedLinks::check(links, self.workers, client);
        checked.map(Some).ok_or(CommandError::Interrupted)
    }
}

/// Finds the newest disks, and the errors of those that cannot be found.
fn find_releases<'c>(
    catalogues: &'c [Catalogue],
    web: &UpstreamWeb<'_>,
    observer: &dyn Progress,
) -> Result<(Vec<FoundRelease<'c>>, Vec<Diagnostic>), CommandError> {
    let (mut found, mut problems) = (Vec::new(), Vec::new());
    for Catalogue { gpgv, entries, .. } in catalogues {
        for entry in entries {
            if entry.stands_for_all() {
                problems.extend(unlisted_error(entry));
                continue;
            }
            for platform in &entry.platforms {
                if observer.is_cancelled() {
                    return Err(CommandError::Interrupted);
                }
                match find_newest_disk(&platform.release, &platform.platform, web, gpgv) {
                    Ok(disk) => found.push(FoundRelease { entry, platform, disk }),
                    Err(error) => problems.push(diagnostic(entry, platform, &error)),
                }
            }
        }
    }
    Ok((found, problems))
}

/// Returns the error of an entry whose releases could not be found.
fn diagnostic(
    entry: &CatalogueEntry,
    platform: &CataloguePlatform,
    error: &UpstreamError,
) -> Diagnostic {
    Diagnostic::new(format!("{} for {}: {error}", entry.image, platform.platform))
        .at(platform.origin.clone())
        .help(error.help())
}

impl FoundRelease<'_> {
    /// Returns the fields that the release is known by: image, version, platform.
    fn name(&self) -> String {
        let version = self.disk.version.as_str();
        let version = if version.is_empty() { "-" } else { version };
        format!("{}\t{version}\t{}", self.entry.image, self.platform.platform)
    }

    fn line(&self) -> String {
        let (checksum, url) = (&self.disk.checksum, self.disk.shown_url());
        format!("{}\t{checksum}\t{url}\n", self.name())
    }

    fn json(&self) -> Value {
        let UpstreamDisk {
            checksum,
            uncompressed_checksum: unpacked,
            size,
            compression,
            version,
            groups,
            lists,
            ..
        } = &self.disk;
        let (url, mirrors) = (self.disk.shown_url(), self.disk.shown_mirrors());
        let mut object = json!({ "image": self.entry.image, "platform": self.platform.platform.to_string(), "version": version, "url": url, "checksum": checksum.to_string(), "mirrors": mirrors, "groups": groups, });
        let lists = lists.iter().map(|list| {
            json!({ "url": list.url, "digest": list.digest.to_string(), "signedBy": list.signed_by })
        });
        object["lists"] = lists.collect();
        if let Some(size) = size {
            object["size"] = json!(size);
        }
        if let Some(compression) = compression {
            object["packing"] = json!(compression.to_string());
        }
        if let Some(unpacked) = unpacked {
            object["unpackedChecksum"] = json!(unpacked.to_string());
        }
        object
    }
}
