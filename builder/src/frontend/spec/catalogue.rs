//! A *catalogue* is a spec whose documents follow releases: instead of recipes, entries come of it, which
//! say where the disks are to be looked for.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::environment::Layered;
use super::fields::ReadNode;
use super::followed::source;
use super::located::{Located, Text};
use super::lower::{check_version, disk_in, lower_without_disk, platform, texts};
use super::names::names;
use super::node::Node;
use super::release::{PlatformsPolicy, ReleaseSpec};
use super::source::check_name;
use super::tags::{TagTemplate, tags};
use super::types::{PlatformSpec, Platforms, Spec};
use super::{empty, yaml};
use crate::oci::image::platform::Platform;
use crate::recipe::diagnostic::{Diagnostic, SourceText, Span};
use crate::recipe::{
    DownloadDetails, PlatformRecipe, RecipeStep, SourceLocation, SourceRecipe, SourceRole,
};
use crate::upstream::{UpstreamDisk, UpstreamSource, UrlRewrite};

/// What a disk is called whose own name cannot stand in an image.
const DISK_NAME: &str = "disk.img";

/// One image that follows a release.
#[derive(Debug, Clone)]
pub struct CatalogueEntry {
    /// The repository, e.g. `quay.io/containerdisks/almalinux`.
    pub image: String,
    /// In the order in which they are set; the last is the one that the image is known by.
    pub tags: Vec<TagTemplate>,
    /// In the order of the file.
    pub platforms: Vec<CataloguePlatform>,
    /// What happens when there is no new disk for one of the platforms.
    pub policy: PlatformsPolicy,
    /// Set on the index and on every manifest.
    pub annotations: BTreeMap<String, String>,
    /// What the image's description says.
    pub docs: ImageDocs,
    /// Where the release is spoken of, for messages.
    pub origin: Span,
}

/// What an image's description says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ImageDocs {
    /// A file of Markdown, relative to the catalogue.
    pub description: Option<String>,
    /// The user that cloud-init makes.
    pub user: Option<String>,
}

/// One platform of an image that follows a release.
#[derive(Debug, Clone)]
pub struct CataloguePlatform {
    /// What it runs on.
    pub platform: Platform,
    /// Where the disk comes from.
    pub release: UpstreamSource,
    /// All of the image but the disk.
    pub rest: PlatformRecipe,
    /// Where the release is spoken of, for messages.
    pub origin: Span,
}

impl CatalogueEntry {
    /// Returns the tag that the image is known by: it is set last, and what stands there says what
    /// was published.
    pub fn known_by(&self) -> String {
        self.tags.last().map(ToString::to_string).unwrap_or_default()
    }

    /// Returns what the image is called in results and on the command line: `fedora:42`.
    pub fn key(&self) -> String {
        format!("{}:{}", self.name(), self.known_by())
    }

    /// Returns the last part of the repository.
    pub fn name(&self) -> &str {
        self.image.rsplit('/').next().unwrap_or_default()
    }
}

impl CataloguePlatform {
    /// Returns the recipe of the image that has this disk.
    pub(crate) fn recipe(&self, disk: &UpstreamDisk, rewrites: &[UrlRewrite]) -> PlatformRecipe {
        let at = |url: &str| UrlRewrite::apply(rewrites, url);
        let location = SourceLocation::Url(at(&disk.url));
        let file = location.file_name();
        let name = disk.packing.map_or(file, |packing| packing.strip(file));
        let name = check_name(name).map_or(DISK_NAME, |()| name).to_owned();
        let source = SourceRecipe {
            compression: disk.packing,
            checksum: Some(disk.checksum.clone()),
            origin: Some(self.origin.clone()),
            download: Some(Box::new(DownloadDetails {
                mirrors: disk.mirrors.iter().map(|mirror| at(mirror)).collect(),
                size: disk.size,
                decompressed: disk.unpacked.clone(),
            })),
            ..SourceRecipe::new(location, SourceRole::Disk)
        };
        let mut recipe = self.rest.clone();
        recipe.steps.insert(0, RecipeStep::Layer(disk_in(&name, source)));
        recipe
    }
}

/// Reads a catalogue; each of its documents is one entry.
///
/// The error holds everything that is wrong with the text, in its order.
pub fn load_catalogue(source: &Arc<SourceText>) -> Result<Vec<CatalogueEntry>, Vec<Diagnostic>> {
    let documents = yaml::parse(source).map_err(|problem| vec![problem])?;
    if documents.is_empty() {
        return Err(vec![empty(source)]);
    }
    let mut problems = Vec::new();
    let entries: Vec<CatalogueEntry> =
        documents.iter().filter_map(|document| entry(document, &mut problems)).collect();
    if problems.is_empty() {
        return Ok(entries);
    }
    problems.sort_by_key(|problem| problem.span.as_ref().map(|span| span.range.start));
    // What stands at the top of a document is judged once for each platform.
    problems.dedup();
    Err(problems)
}

fn entry(document: &Node, problems: &mut Vec<Diagnostic>) -> Option<CatalogueEntry> {
    let before = problems.len();
    let spec = Spec::read(document, &document.span, problems)?;
    if let Err(other_version) = check_version(&spec) {
        problems.push(other_version);
        return None;
    }
    let Some(release) = &spec.release else {
        // One that cannot be read was spoken of already.
        if problems.len() > before {
            return None;
        }
        problems.push(
            Diagnostic::new("this image follows no release")
                .at(document.span.clone())
                .help("say where its disks are published, under `release:`"),
        );
        return None;
    };
    let Some(image) = &spec.image else {
        problems.push(
            Diagnostic::new("an image that follows a release needs a name")
                .at(release.span.clone())
                .help("add `image:` with the repository"),
        );
        return None;
    };
    names(Some(image), None, problems);
    let platforms = platforms(&spec, release, problems);
    let annotations = Layered { top: spec.annotations.as_ref(), own: None };
    let text = |text: &Option<Text>| text.as_ref().map(|text| text.value.clone());
    let docs = spec.docs.as_ref();
    let policy = spec.policy.as_ref().and_then(|policy| policy.value.platforms.as_ref());
    Some(CatalogueEntry {
        image: image.value.clone(),
        tags: tags(spec.tags.as_ref(), &groups(&platforms), problems),
        platforms,
        policy: policy.map(|policy| policy.value).unwrap_or_default(),
        annotations: texts("an annotation", &annotations, problems),
        docs: docs.map_or_else(ImageDocs::default, |docs| ImageDocs {
            description: text(&docs.description),
            user: text(&docs.user),
        }),
        origin: release.span.clone(),
    })
}

/// Returns the names of groups that the patterns of all platforms have.
fn groups(platforms: &[CataloguePlatform]) -> Vec<String> {
    let names = |entry: &CataloguePlatform| {
        let pattern = entry.release.file.as_ref()?.pattern(&entry.platform).ok()?;
        Some(pattern.capture_names().flatten().map(str::to_owned).collect::<Vec<_>>())
    };
    let mut all = platforms.iter().map(|entry| names(entry).unwrap_or_default());
    let first = all.next().unwrap_or_default();
    let rest: Vec<Vec<String>> = all.collect();
    first.into_iter().filter(|name| rest.iter().all(|other| other.contains(name))).collect()
}

/// Returns what is published for each platform.
fn platforms(
    spec: &Spec,
    release: &Located<ReleaseSpec>,
    problems: &mut Vec<Diagnostic>,
) -> Vec<CataloguePlatform> {
    let listed: Vec<(&Text, Option<&PlatformSpec>)> = match &spec.platforms {
        None => Vec::new(),
        Some(Platforms::Names(names)) => names.value.iter().map(|name| (name, None)).collect(),
        Some(Platforms::Each(each)) => {
            each.value.0.iter().map(|(name, own)| (name, Some(own))).collect()
        }
    };
    let mut found: Vec<CataloguePlatform> = Vec::new();
    for (name, own) in listed {
        if own.is_some_and(|own| own.disk.is_some()) {
            problems.push(
                Diagnostic::new("an image that follows a release has no disks of its own")
                    .at(name.span.clone())
                    .help("list the platforms alone: `platforms: [linux/amd64, linux/arm64]`"),
            );
        }
        let Some(platform) = platform(name, problems) else { continue };
        if found.iter().any(|other| other.platform == platform) {
            problems.push(
                Diagnostic::new(format!("the platform `{platform}` is given twice"))
                    .at(name.span.clone())
                    .help("remove one"),
            );
            continue;
        }
        let changes = own.and_then(|own| own.release.as_ref());
        let Some(source) = source(&release.value, changes, problems) else { continue };
        let rest = lower_without_disk(platform.clone(), spec, own, problems);
        let origin = changes.map_or(&release.span, |changes| &changes.span).clone();
        found.push(CataloguePlatform { platform, release: source, rest, origin });
    }
    found
}

#[cfg(test)]
mod tests;
