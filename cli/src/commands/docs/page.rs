//! A *page* is the description of one repository in Markdown, which quay shows.

use diskette_builder::frontend::spec::{CatalogueEntry, FollowedVersions};
use diskette_builder::oci::image::reference::Reference;

use super::usage::{artifact_usage, image_usage, secure_usage};
use crate::catalogue::Catalogue;
use crate::catalogue::results::{CatalogueResults, ImageResult, image_name};
use crate::error::CommandError;
use crate::files::read_spec;

/// How many packages are listed for each platform.
const LINES_MAX: usize = 20;

/// Description of one repository.
pub(super) struct RepositoryPage<'a> {
    pub(super) name: Reference,
    /// Images in the repository, each with its own tags.
    pub(super) entries: Vec<&'a CatalogueEntry>,
    description: String,
}

impl<'a> RepositoryPage<'a> {
    /// Reads the description that the first entry names.
    pub(super) fn new(
        name: Reference,
        entry: &'a CatalogueEntry,
        catalogue: &Catalogue,
    ) -> Result<Self, CommandError> {
        let description = match &entry.docs.description {
            Some(path) => read_spec(&catalogue.inputs.base.join(path))?.text.trim().to_owned(),
            None => String::new(),
        };
        Ok(Self { name, entries: vec![entry], description })
    }

    /// Returns the last part of the repository's name.
    fn short_name(&self) -> &str {
        self.entries.first().map_or("", |entry| entry.repository_name())
    }

    /// Returns the result of an image. It can have been published in another registry, from which it was promoted.
    fn find_result<'r>(
        &self,
        entry: &CatalogueEntry,
        results: &'r CatalogueResults,
    ) -> Option<&'r ImageResult> {
        let name = format!("{}:{}", self.name.full_repository(), entry.main_tag());
        let mut all = results.iter();
        let own = all.find(|(key, result)| image_name(key, result) == name);
        own.map(|(_, result)| result).or_else(|| results.get(&entry.short_name()))
    }

    /// Returns the page as Markdown. `results` are those of the last sync.
    pub(super) fn to_markdown(&self, results: &CatalogueResults) -> String {
        let (name, short) = (self.name.full_repository(), self.short_name());
        let description = match self.description.as_str() {
            "" => String::new(),
            text => format!("{text}\n\n"),
        };
        let row = |entry: &&CatalogueEntry| format!("| {} | {} |\n", tags(entry), platforms(entry));
        let rows = self.entries.iter().map(row).collect::<Vec<_>>().concat();
        let first = self.entries.first();
        let tag = first.map(|entry| entry.main_tag().to_string()).unwrap_or_default();
        let image = format!("{name}:{tag}");
        let user = first.and_then(|entry| entry.docs.user.as_deref());
        let login = user.map_or_else(String::new, |user| {
            format!("\ncloud-init makes the user `{user}`: `virtctl ssh {user}@{short}`.\n")
        });
        let usage = match first {
            Some(entry) if entry.is_artifact() => artifact_usage(&image),
            Some(entry) if entry.docs.secure_boot => secure_usage(short, &image, entry),
            _ => image_usage(short, &image),
        };
        let changes = self.entries.iter().filter_map(|entry| {
            package_changes(&entry.short_name(), self.find_result(entry, results)?)
        });
        let changes = changes.collect::<String>();
        format!(
            "# {short}\n\n{description}| Tags | Platforms |\n|---|---|\n{rows}\n{usage}{login}{changes}"
        )
    }
}

/// Returns which packages changed with the last release of an image. Platforms with the same changes are named together.
fn package_changes(name: &str, result: &ImageResult) -> Option<String> {
    let mut texts: Vec<(String, Vec<&str>)> = Vec::new();
    for (platform, part) in &result.platforms {
        let Some(packages) = &part.packages else { continue };
        let Some(changes) = packages.changes.as_ref().filter(|it| !it.is_empty()) else { continue };
        let lines = changes.system_text().into_iter().chain(changes.first_lines(LINES_MAX));
        let lines = lines.map(|line| format!("- `{}`\n", line.replace('`', "'")));
        let (counts, count) = (changes.counts(), packages.count);
        let text = format!("{counts} of {count} packages:\n\n{}", lines.collect::<String>());
        match texts.iter_mut().find(|(known, _)| *known == text) {
            Some((_, platforms)) => platforms.push(platform),
            None => texts.push((text, vec![platform])),
        }
    }
    let parts = texts.iter().map(|(text, all)| format!("\n{}: {text}", all.join(", ")));
    let parts = parts.collect::<String>();
    (!parts.is_empty()).then(|| format!("\n## What changed in `{name}`\n{parts}"))
}

/// Returns a table of all images.
pub(super) fn image_table(pages: &[RepositoryPage<'_>]) -> String {
    let rows = pages.iter().flat_map(|page| page.entries.iter().map(move |entry| (page, entry)));
    let rows = rows.map(|(page, entry)| {
        format!("| {} | {} | {} |\n", page.name.full_repository(), tags(entry), platforms(entry))
    });
    let head = "| Image | Tags | Platforms |\n|---|---|---|\n".to_owned();
    std::iter::once(head).chain(rows).collect::<Vec<_>>().concat()
}

/// Returns the tags, the one that the image is known by first.
fn tags(entry: &CatalogueEntry) -> String {
    let tags: Vec<String> = entry.tags.iter().rev().map(|tag| format!("`{tag}`")).collect();
    let FollowedVersions::All(rule) = &entry.versions else { return tags.join(", ") };
    let newest: Vec<String> = rule.newest.iter().map(|tag| format!("`{tag}`")).collect();
    let newest = match &newest[..] {
        [] => String::new(),
        tags => format!("; the newest also {}", tags.join(", ")),
    };
    format!("{} for each release from {} on{newest}", tags.join(", "), rule.from)
}

fn platforms(entry: &CatalogueEntry) -> String {
    let platforms: Vec<String> =
        entry.platforms.iter().map(|platform| platform.platform.to_string()).collect();
    platforms.join(", ")
}
