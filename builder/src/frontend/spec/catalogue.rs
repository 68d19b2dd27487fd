//! A *catalogue* is a spec whose documents follow releases: it is read to entries instead of
//! recipes. An entry says where the disks of an image are published.

mod docs;
mod platform;
mod versions;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

pub use self::docs::ImageDocs;
use self::docs::lower_docs;
pub use self::platform::CataloguePlatform;
use self::platform::{common_groups, lower_platforms};
pub use self::versions::FollowedVersions;
use self::versions::lower_versions;
use super::compression::check_compression;
use super::environment::{Overridable, lower_string_map};
use super::fields::FromNode;
use super::keep::lower_keep;
use super::lower::{check_version, lower_attest};
use super::names::lower_names;
use super::node::Node;
use super::release::PlatformsPolicy;
use super::tags::{TagScope, TagTemplate, lower_tags};
use super::types::{Spec, SpecKind};
use super::{empty_spec, yaml};
use crate::oci::image::tag::Tag;
use crate::oci::retention::RetentionRules;
use crate::recipe::AttestationKind;
use crate::recipe::diagnostic::{Diagnostic, SourceText, Span};

/// One image that follows a release.
#[derive(Debug, Clone)]
pub struct CatalogueEntry {
    /// Repository, e.g. `quay.io/containerdisks/almalinux`.
    pub image: String,
    /// Tags in the order in which they are set; the last is the main tag.
    pub tags: Vec<TagTemplate>,
    /// Platforms in the order of the file.
    pub platforms: Vec<CataloguePlatform>,
    /// Whether it is one image, or stands for one of each release of the list.
    pub versions: FollowedVersions,
    /// What happens when there is no new disk for one of the platforms.
    pub policy: PlatformsPolicy,
    /// Which old images stay, if not all; without what follows from tags.
    pub(crate) keep: Option<RetentionRules>,
    /// Annotations of the index and of every manifest.
    pub annotations: BTreeMap<String, String>,
    /// What is said of the image in attestations.
    pub attest: BTreeSet<AttestationKind>,
    /// Contents of the image's description.
    pub docs: ImageDocs,
    /// Span of the release's definition, for messages.
    pub origin: Span,
}

impl CatalogueEntry {
    /// Returns the main tag of the image: it is set last, and its index records what was published. Of an entry that stands
    /// for several images, one of the newest.
    pub fn main_tag(&self) -> Tag {
        match &self.versions {
            FollowedVersions::All(rule) => rule.newest.first().cloned().unwrap_or(Tag::LATEST),
            _ => self.tags.last().and_then(TagTemplate::constant).unwrap_or(Tag::LATEST),
        }
    }

    /// Returns whether the entry stands for all releases of a list, which are not known yet.
    pub fn stands_for_all(&self) -> bool {
        matches!(self.versions, FollowedVersions::All(_))
    }

    /// Returns what stands behind the repository in the name of the image: its main tag, or `*` if it stands for several.
    pub fn tag_name(&self) -> String {
        match self.versions {
            FollowedVersions::All(_) => "*".to_owned(),
            _ => self.main_tag().to_string(),
        }
    }

    /// Returns the name of the image in results and on the command line: `fedora:42`.
    pub fn short_name(&self) -> String {
        format!("{}:{}", self.repository_name(), self.tag_name())
    }

    /// Returns the artifact type of the index; none if it is of images.
    pub(crate) fn artifact_type(&self) -> Option<&str> {
        self.platforms.first()?.recipe_without_disk.config.artifact_type()
    }

    /// Returns whether disk artifacts are published, and not container images.
    pub fn is_artifact(&self) -> bool {
        self.artifact_type().is_some()
    }

    /// Returns the last part of the repository.
    pub fn repository_name(&self) -> &str {
        self.image.rsplit('/').next().unwrap_or_default()
    }
}

/// Reads a catalogue; each of its documents is one entry.
///
/// The error lists all problems in the order of the text.
pub fn load_catalogue(source: &Arc<SourceText>) -> Result<Vec<CatalogueEntry>, Vec<Diagnostic>> {
    let documents = yaml::parse(source).map_err(|problem| vec![problem])?;
    if documents.is_empty() {
        return Err(vec![empty_spec(source)]);
    }
    let mut problems = Vec::new();
    let entries: Vec<CatalogueEntry> =
        documents.iter().filter_map(|document| lower_entry(document, &mut problems)).collect();
    if problems.is_empty() {
        return Ok(entries);
    }
    problems.sort_by_key(|problem| problem.span.as_ref().map(|span| span.range.start));
    // The top of a document is checked once for each platform.
    problems.dedup();
    Err(problems)
}

fn lower_entry(document: &Node, problems: &mut Vec<Diagnostic>) -> Option<CatalogueEntry> {
    let before = problems.len();
    let spec = Spec::from_node(document, &document.span, problems)?;
    if let Err(other_version) = check_version(&spec) {
        problems.push(other_version);
        return None;
    }
    let Some(release) = &spec.release else {
        // A release that cannot be read was reported already.
        if problems.len() > before {
            return None;
        }
        problems.push(
            Diagnostic::new("this image follows no release")
                .at(document.span.clone())
                .help("add `release:` with the list in which its disks are published"),
        );
        return None;
    };
    if let Some(problem) = find_unfollowed(&spec) {
        problems.push(problem);
        return None;
    }
    let Some(image) = &spec.image else {
        problems.push(
            Diagnostic::new("an image that follows a release needs a name")
                .at(release.span.clone())
                .help("add `image:` with the repository"),
        );
        return None;
    };
    lower_names(Some(image), None, problems);
    check_compression(spec.compression.as_ref(), problems);
    if spec.is_disk_artifact() {
        problems.extend(spec.for_containers.iter().chain(&spec.for_compressed).cloned());
    }
    let platforms = lower_platforms(&spec, release, problems);
    let annotations = Overridable { top: spec.annotations.as_ref(), own: None };
    let keep = spec.policy.as_ref().and_then(|policy| policy.value.keep.as_ref());
    let policy = spec.policy.as_ref().and_then(|policy| policy.value.platforms.as_ref());
    let docs = spec.docs.as_ref();
    let docs = docs.map(|docs| lower_docs(docs, spec.is_disk_artifact(), &platforms, problems));
    let docs = docs.unwrap_or_default();
    let versions = lower_versions(&release.value, &platforms, problems);
    let scope = match versions {
        FollowedVersions::All(_) => TagScope::AllReleases,
        _ => TagScope::OneRelease,
    };
    Some(CatalogueEntry {
        image: image.value.clone(),
        tags: lower_tags(spec.tags.as_ref(), &common_groups(&platforms), scope, problems),
        platforms,
        versions,
        policy: policy.map(|policy| policy.value).unwrap_or_default(),
        keep: keep.map(|keep| lower_keep(keep, problems)),
        annotations: lower_string_map("an annotation", &annotations, problems),
        docs,
        attest: lower_attest(&spec),
        origin: release.span.clone(),
    })
}

/// Returns the problem of a key that is for images that follow no release.
fn find_unfollowed(spec: &Spec) -> Option<Diagnostic> {
    let kind = spec.kind.as_ref().filter(|kind| kind.value == SpecKind::Vm);
    let (message, span, key) = match (kind, &spec.subject) {
        (Some(kind), _) => ("a VM artifact follows no release", &kind.span, "kind"),
        (None, Some(subject)) => {
            ("an image that follows a release refers to no other", &subject.span, "subject")
        }
        (None, None) => return None,
    };
    Some(Diagnostic::new(message).at(span.clone()).help(format!("remove `{key}`, or `release`")))
}

#[cfg(test)]
mod tests;
