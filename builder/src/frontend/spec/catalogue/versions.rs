//! The *versions* of an entry that stands for all releases of a list: for each it becomes an entry of its own.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use super::{CatalogueEntry, CataloguePlatform};
use crate::frontend::spec::located::LocatedText;
use crate::frontend::spec::release::ReleaseSpec;
use crate::frontend::spec::versions::VersionsSpec;
use crate::oci::image::tag::Tag;
use crate::recipe::diagnostic::Diagnostic;
use crate::upstream::fedora::is_finished;
use crate::upstream::versions::find_versions;
use crate::upstream::{FetchList, UpstreamError, VerifySignature, compare_versions};

/// Which releases of a list an entry stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FollowedVersions {
    /// One release: the entry is an image.
    One,
    /// All that meet conditions: they are not known yet.
    All(VersionRule),
    /// One of all, which was found in the list.
    Found,
}

/// Conditions for the releases of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VersionRule {
    /// Number of the oldest release.
    pub from: String,
    /// Whether releases that are not finished count, too.
    pub prereleases: bool,
    /// Further tags of the newest finished release.
    pub newest: Vec<Tag>,
    /// Why the releases could not be found.
    pub failure: Option<UpstreamError>,
}

/// A release of the list.
struct FoundVersion {
    /// Name in tags.
    name: String,
    /// Name in the list.
    listed: String,
    platforms: Vec<CataloguePlatform>,
}

impl CatalogueEntry {
    /// Returns an entry for each release that this one stands for, the newest finished one first and those that are not finished
    /// last; itself if it stands for one. If the list has none, that is an error.
    pub fn expand(
        &self,
        fetch: &dyn FetchList,
        verify: &dyn VerifySignature,
    ) -> Result<Vec<Self>, UpstreamError> {
        let FollowedVersions::All(rule) = &self.versions else { return Ok(vec![self.clone()]) };
        let mut versions: BTreeMap<String, FoundVersion> = BTreeMap::new();
        for platform in &self.platforms {
            let found = find_versions(&platform.release, &platform.platform, fetch, verify)?;
            for (name, listed) in found.into_iter().filter(|(_, listed)| rule.accepts(listed)) {
                let mut platform = platform.clone();
                platform.release.version = Some(listed.clone());
                let new = || FoundVersion { name: name.clone(), listed, platforms: Vec::new() };
                versions.entry(name.clone()).or_insert_with(new).platforms.push(platform);
            }
        }
        let mut versions: Vec<FoundVersion> = versions.into_values().collect();
        versions.sort_by(|one, other| compare_versions(&other.name, &one.name));
        versions.sort_by_key(|version| Reverse(is_finished(&version.listed)));
        if versions.is_empty() {
            return Err(self.no_versions(rule));
        }
        let entries = versions.into_iter().enumerate();
        Ok(entries.map(|(number, version)| self.entry_of(version, rule, number == 0)).collect())
    }

    fn entry_of(&self, version: FoundVersion, rule: &VersionRule, is_first: bool) -> Self {
        let FoundVersion { name, listed, platforms } = version;
        let mut tags: Vec<_> = self.tags.iter().map(|tag| tag.with_release(&name)).collect();
        if is_first && is_finished(&listed) {
            let newest = rule.newest.iter().map(Into::into).filter(|tag| !tags.contains(tag));
            let newest: Vec<_> = newest.collect();
            // The last is the main tag.
            tags.splice(tags.len().saturating_sub(1)..tags.len().saturating_sub(1), newest);
        }
        Self { tags, platforms, versions: FollowedVersions::Found, ..self.clone() }
    }

    fn no_versions(&self, rule: &VersionRule) -> UpstreamError {
        let urls: BTreeSet<String> =
            self.platforms.iter().map(|it| it.release.url.to_string()).collect();
        UpstreamError::Nothing {
            url: urls.into_iter().collect::<Vec<_>>().join(" and "),
            wanted: format!("matches `file` and is of a release from {} on", rule.from),
            near: String::new(),
        }
    }
}

impl VersionRule {
    /// Returns whether a release of a list is meant. A prerelease counts as the release that it becomes.
    fn accepts(&self, listed: &str) -> bool {
        let number = listed.split_whitespace().next().unwrap_or_default();
        is_number(number)
            && compare_versions(number, &self.from).is_ge()
            && (self.prereleases || is_finished(listed))
    }
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

/// Returns which releases an entry stands for.
pub(super) fn lower_versions(
    release: &ReleaseSpec,
    platforms: &[CataloguePlatform],
    problems: &mut Vec<Diagnostic>,
) -> FollowedVersions {
    let Some(versions) = &release.versions else { return FollowedVersions::One };
    let problem =
        if !release.from.value.has_versions() {
            Some(Diagnostic::new("a list of this form has no releases that are told apart").help(
                "`versions` is for `from: fedora-releases`; write a document for each release",
            ))
        } else if platforms.iter().any(|it| it.release.version.is_some()) {
            Some(
                Diagnostic::new("`version` and `versions` contradict each other")
                    .help("remove one: `version` is for an image of one release"),
            )
        } else {
            None
        };
    problems.extend(problem.map(|problem| problem.at(versions.span.clone())));
    let VersionsSpec { from, prereleases, newest } = &versions.value;
    // One that is missing was reported.
    if let Some(from) = from.as_ref().filter(|from| !is_number(&from.value)) {
        problems.push(
            Diagnostic::new(format!("`{}` is not the number of a release", from.value))
                .at(from.span.clone())
                .help("write it as `from: \"38\"`"),
        );
    }
    let newest = newest.iter().flatten().filter_map(|tag| lower_tag(tag, problems)).collect();
    FollowedVersions::All(VersionRule {
        from: from.as_ref().map(|from| from.value.clone()).unwrap_or_default(),
        prereleases: prereleases.as_ref().is_some_and(|it| it.value),
        newest,
        failure: None,
    })
}

fn lower_tag(tag: &LocatedText, problems: &mut Vec<Diagnostic>) -> Option<Tag> {
    let wrong = |error: crate::oci::image::tag::TagError| {
        let help = "it is a tag without placeholders, for example `latest`";
        problems.push(Diagnostic::new(error.to_string()).at(tag.span.clone()).help(help));
    };
    tag.value.parse().map_err(wrong).ok()
}

#[cfg(test)]
mod tests;
