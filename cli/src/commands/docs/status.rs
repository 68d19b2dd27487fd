//! The *status* of a catalogue: what its registries have of each image now, and its releases before.

use std::collections::{BTreeMap, BTreeSet};

use diskette_builder::frontend::spec::CatalogueEntry;
use diskette_builder::oci::image::digest::Digest;
use diskette_builder::oci::image_documents::{ImageDocuments, read_documents};
use diskette_builder::oci::images::Images;
use diskette_builder::recipe::diagnostic::Diagnostic;
use diskette_builder::registry::client::{RegistryClient, RegistryImages};
use diskette_builder::sync::VERSION;
use diskette_builder::upstream::compare_versions;
use indicatif::HumanBytes;

use super::page::RepositoryPage;
use super::table::{StatusPage, Table};
use crate::error::{CommandError, storage_error};
use crate::ui::redact::redact;

/// Columns of all tables.
const COLUMNS: [&str; 4] = ["", "Version", "Platforms", "Digest"];

/// An image in a registry.
struct Release {
    /// Its tags.
    tags: Vec<String>,
    documents: ImageDocuments,
}

/// Reads the status of all repositories, with the newest `history` releases of each. Returns what failed,
/// too.
pub(super) fn read_status(
    pages: &[RepositoryPage<'_>],
    registry: &RegistryClient,
    history: usize,
) -> (StatusPage, Vec<Diagnostic>) {
    let mut current = Table { title: None, columns: columns("Image"), rows: Vec::new() };
    let (mut tables, mut problems) = (Vec::new(), Vec::new());
    for page in pages {
        let name = page.name.full_repository();
        match RepositoryStatus::read(page, registry, history) {
            Ok(status) => {
                current.rows.extend(status.current);
                if !status.history.is_empty() {
                    let columns = columns("Tags");
                    tables.push(Table { title: Some(name), columns, rows: status.history });
                }
            }
            Err(error) => {
                let first = error.diagnostics().first();
                let why = first
                    .map_or_else(|| "failed".to_owned(), |it| redact(&it.message).into_owned());
                current.rows.push(vec![name, why, String::new(), String::new()]);
                problems.extend(error.diagnostics().iter().cloned());
            }
        }
    }
    tables.insert(0, current);
    (StatusPage { tables }, problems)
}

fn columns(first: &str) -> Vec<String> {
    let mut columns = COLUMNS.map(str::to_owned).to_vec();
    first.clone_into(&mut columns[0]);
    columns
}

/// Rows of the tables of one repository.
struct RepositoryStatus {
    current: Vec<Vec<String>>,
    history: Vec<Vec<String>>,
}

impl RepositoryStatus {
    fn read(
        page: &RepositoryPage<'_>,
        registry: &RegistryClient,
        history: usize,
    ) -> Result<Self, CommandError> {
        let repositories = registry.source_repositories(&page.name).map_err(storage_error)?;
        let images = RegistryImages::new(repositories);
        let (mut current, mut is_there) = (Vec::new(), false);
        for entry in &page.entries {
            let tag = entry.main_tag();
            let name = page.name.with_tag(tag.clone()).to_string();
            current.push(match read_release(&images, tag.as_str())? {
                Some(documents) => {
                    is_there = true;
                    row(name, &documents)
                }
                None => vec![name, "not published".into(), String::new(), String::new()],
            });
        }
        // Of a repository that nothing was pushed to, no tags can be listed.
        if !is_there {
            return Ok(Self { current, history: Vec::new() });
        }
        let releases = read_history(&page.entries, &images, history)?;
        let history = releases.iter().map(|it| row(it.tags.join(", "), &it.documents)).collect();
        Ok(Self { current, history })
    }
}

fn read_release(images: &dyn Images, tag: &str) -> Result<Option<ImageDocuments>, CommandError> {
    let root = images.find_image(tag)?;
    Ok(root.map(|root| read_documents(images, root)).transpose()?)
}

/// Reads the newest releases: the images whose tags a catalogue makes of releases.
fn read_history(
    entries: &[&CatalogueEntry],
    images: &dyn Images,
    history: usize,
) -> Result<Vec<Release>, CommandError> {
    let mut found: Vec<Release> = Vec::new();
    let mut known: BTreeMap<Digest, usize> = BTreeMap::new();
    for tag in newest_tags(entries, images, history)? {
        let Some(root) = images.find_image(&tag)? else { continue };
        if let Some(number) = known.get(&root.digest) {
            found[*number].tags.push(tag);
            continue;
        }
        known.insert(root.digest, found.len());
        found.push(Release { tags: vec![tag], documents: read_documents(images, root)? });
    }
    found.truncate(history);
    Ok(found)
}

/// Returns the newest tags of each template with placeholders: a release has one of each.
fn newest_tags(
    entries: &[&CatalogueEntry],
    images: &dyn Images,
    history: usize,
) -> Result<Vec<String>, CommandError> {
    let templates = entries.iter().flat_map(|entry| entry.tags.iter().map(move |tag| (entry, tag)));
    let (constant, variable): (Vec<_>, Vec<_>) = templates.partition(|(_, tag)| tag.is_constant());
    let constant: BTreeSet<String> = constant.iter().map(|(_, tag)| tag.to_string()).collect();
    let all = images.tags()?.into_iter().filter(|tag| !tag.is_of_attachments());
    let mut tags: Vec<String> = all.map(|tag| tag.as_str().to_owned()).collect();
    tags.retain(|tag| !constant.contains(tag));
    tags.sort_by(|one, other| compare_versions(other, one));
    let mut newest: Vec<String> = Vec::new();
    for (entry, template) in variable {
        let is_of_release = entry.tag_matcher(template);
        let fitting = tags.iter().filter(|tag| is_of_release(tag)).take(history);
        let new: Vec<String> = fitting.filter(|tag| !newest.contains(tag)).cloned().collect();
        newest.extend(new);
    }
    Ok(newest)
}

fn row(name: String, documents: &ImageDocuments) -> Vec<String> {
    let images: Vec<_> = documents.without_attestations().collect();
    let versions: BTreeSet<&str> = images
        .iter()
        .filter_map(|it| it.entry_annotations.get(VERSION))
        .map(String::as_str)
        .collect();
    let versions: Vec<&str> = versions.into_iter().collect();
    let platforms: Vec<String> = images
        .iter()
        .map(|image| {
            let size = image.layers.iter().fold(0, |sum: u64, it| sum.saturating_add(it.size));
            let platform = image.platform().map(|it| it.to_string()).unwrap_or_default();
            format!("{platform} {}", HumanBytes(size))
        })
        .collect();
    let digest = documents.root.digest.to_string();
    vec![name, versions.join(", "), platforms.join(", "), digest]
}
