//! A *page* is the description of one repository in Markdown, which quay shows.

use diskette_builder::frontend::spec::{CatalogueEntry, FollowedVersions};
use diskette_builder::oci::image::reference::Reference;

use super::usage::ExampleKind;
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
    /// Texts that the entries name.
    descriptions: Vec<String>,
}

impl<'a> RepositoryPage<'a> {
    /// Returns a page of nothing.
    pub(super) fn new(name: Reference) -> Self {
        Self { name, entries: Vec::new(), descriptions: Vec::new() }
    }

    /// Adds an image, and the text that it names unless another has named it before.
    pub(super) fn add(
        &mut self,
        entry: &'a CatalogueEntry,
        catalogue: &Catalogue,
    ) -> Result<(), CommandError> {
        if let Some(path) = &entry.docs.description {
            let text = read_spec(&catalogue.inputs.base.join(path))?.text.trim().to_owned();
            if !text.is_empty() && !self.descriptions.contains(&text) {
                self.descriptions.push(text);
            }
        }
        self.entries.push(entry);
        Ok(())
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
        let short = self.short_name();
        let description = self.descriptions.iter().map(|text| format!("{text}\n\n"));
        let description = description.collect::<String>();
        let row = |entry: &&CatalogueEntry| format!("| {} | {} |\n", tags(entry), platforms(entry));
        let rows = self.entries.iter().map(row).collect::<Vec<_>>().concat();
        let (usage, login) = (self.usage(), self.login());
        let changes = self.entries.iter().filter_map(|entry| {
            package_changes(&entry.short_name(), self.find_result(entry, results)?)
        });
        let changes = changes.collect::<String>();
        format!(
            "# {short}\n\n{description}| Tags | Platforms |\n|---|---|\n{rows}\n{usage}{login}{changes}"
        )
    }
}

impl RepositoryPage<'_> {
    /// Returns how virtual machines use the images: an example of each kind, of the first image of that kind.
    fn usage(&self) -> String {
        let mut kinds: Vec<(ExampleKind, &CatalogueEntry)> = Vec::new();
        for entry in &self.entries {
            let kind = ExampleKind::of(entry);
            if kinds.iter().all(|(known, _)| *known != kind) {
                kinds.push((kind, entry));
            }
        }
        let is_one = kinds.len() == 1;
        let name = self.name.full_repository();
        let examples = kinds.into_iter().map(|(kind, entry)| {
            let usage = kind.usage(&format!("{name}:{}", entry.main_tag()), entry);
            if is_one { usage } else { format!("## `{}`\n\n{usage}", entry.short_name()) }
        });
        examples.collect::<Vec<_>>().join("\n")
    }

    /// Returns how users log in; which images have which user, if it is not the same of all.
    fn login(&self) -> String {
        let mut users: Vec<(&str, Vec<String>)> = Vec::new();
        for entry in &self.entries {
            let Some(user) = entry.docs.user.as_deref() else { continue };
            let tag = format!("`{}`", entry.short_name());
            match users.iter_mut().find(|(known, _)| *known == user) {
                Some((_, tags)) => tags.push(tag),
                None => users.push((user, vec![tag])),
            }
        }
        let (short, is_one) = (self.short_name(), users.len() == 1);
        let line = |(user, tags): &(&str, Vec<String>)| {
            let of = if is_one { String::new() } else { format!(" in {}", tags.join(", ")) };
            format!("\ncloud-init makes the user `{user}`{of}: `virtctl ssh {user}@{short}`.\n")
        };
        users.iter().map(line).collect()
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
