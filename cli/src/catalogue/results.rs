//! *Results*: the outcome of each image of a catalogue, in a file that one command passes to the
//! next. `sync` writes it, `verify` examines the images in it, `promote` copies those that were
//! verified. Keys, stages and the first three fields are those of medius.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::path::Path;

use diskette_builder::oci::image::nearest::find_nearest;
use diskette_builder::oci::image::platform::Platform;
use diskette_builder::oci::image::tag::Tag;
use diskette_builder::recipe::diagnostic::Diagnostic;
use serde::de::Error as _;
use serde::{Deserialize, Serialize};

use crate::error::cannot;
use crate::files::{open_file, read_at_most, write_file};
use crate::images::changes::ListedChanges;

/// Maximum length of a results file in bytes: some hundred thousand images.
const RESULTS_MAX: usize = 256 << 20;

/// Results by `NAME:TAG`: the last part of the repository, and the tag that does not change. Of images
/// that are called alike, the second has its full repository in its key.
pub(crate) type CatalogueResults = BTreeMap<String, ImageResult>;

/// Outcome of one image.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct ImageResult {
    /// Tags that the image got or would get, the one that does not change last.
    pub(crate) tags: Vec<Tag>,
    /// The last stage that was completed or attempted: `push`, `verify` or `promote`.
    pub(crate) stage: String,
    /// Error message; empty if there was no error.
    pub(crate) err: String,
    /// Whether a later run may succeed, if there was an error.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) temporary: bool,
    /// Repository that the image was pushed to.
    pub(crate) image: String,
    /// `published`, `unchanged`, `would-publish` or `failed`.
    pub(crate) outcome: String,
    /// Digest of the published index, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) digest: Option<String>,
    /// Outcomes by platform, e.g. `linux/amd64`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) platforms: BTreeMap<String, PlatformResult>,
}

/// Outcome of one platform of an image.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct PlatformResult {
    /// Error message; empty if there was no error.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) err: String,
    /// `published`, `unchanged`, `kept` (an older one, since the new one failed) or `failed`.
    pub(crate) outcome: String,
    /// Digest of the published manifest, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) digest: Option<String>,
    /// Sum of the sizes of the layers in bytes, if the image was built.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) size: Option<u64>,
    /// Upstream's name of the release.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) version: String,
    /// URL of the disk.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) source: String,
    /// Whether `verify` found no errors.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) verified: bool,
    /// The packages in the disk of an image that was built, if they are listed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) packages: Option<PackageResult>,
}

/// The packages in the disk of an image.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct PackageResult {
    /// Number of the packages.
    pub(crate) count: usize,
    /// The changes from the image that was published before, if its packages are known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) changes: Option<ListedChanges>,
}

/// Outcomes of an image. A run has published it, has found it as it should be, would publish it, or could not.
pub(crate) const PUBLISHED: &str = "published";
pub(crate) const UNCHANGED: &str = "unchanged";
pub(crate) const WOULD_PUBLISH: &str = "would-publish";
pub(crate) const FAILED: &str = "failed";

/// Outcome of an image of a catalogue of which no results file has a result.
pub(crate) const MISSING: &str = "missing";

/// All outcomes that a run writes.
pub(crate) const RUN_OUTCOMES: [&str; 4] = [PUBLISHED, UNCHANGED, WOULD_PUBLISH, FAILED];

/// Returns the full name of an image: its repository with the tag of its key; the key if the repository is not known.
pub(crate) fn image_name(key: &str, result: &ImageResult) -> String {
    if result.image.is_empty() {
        return key.to_owned();
    }
    let tag = key.rsplit_once(':').map_or("", |(_, tag)| tag);
    format!("{}:{tag}", result.image)
}

/// Returns a line about an image: outcome, name, digest and tags.
pub(crate) fn result_line(name: &str, result: &ImageResult) -> String {
    let digest = result.digest.as_deref().unwrap_or("-");
    let tags: Vec<&str> = result.tags.iter().map(Tag::as_str).collect();
    format!("{}\t{name}\t{digest}\t{}\n", result.outcome, tags.join(","))
}

impl ImageResult {
    /// Records the error of a later stage.
    pub(crate) fn set_error(&mut self, message: &str, is_temporary: bool) {
        message.clone_into(&mut self.err);
        self.temporary = is_temporary;
    }

    /// Returns the errors of the image, or those of the platforms that kept an older one.
    pub(crate) fn errors(&self) -> Vec<String> {
        if !self.err.is_empty() {
            return vec![self.err.clone()];
        }
        let parts = self.platforms.iter().filter(|(_, part)| !part.err.is_empty());
        parts.map(|(platform, part)| format!("{platform}: {}", part.err)).collect()
    }

    /// Adds an error if the result says nothing that can be counted: an outcome of another program, or a failure without a
    /// reason. medius writes no outcome.
    pub(crate) fn judge_outcome(&mut self) {
        if !self.errors().is_empty() {
            return;
        }
        self.err = match self.outcome.as_str() {
            "" | PUBLISHED | UNCHANGED | WOULD_PUBLISH | MISSING => return,
            FAILED => "it failed, and the results do not say why".to_owned(),
            other => format!("its outcome is `{}`, which is unknown", other.escape_debug()),
        };
    }

    /// Returns the key that a result must have and has not. medius writes a stage, and neither an outcome nor a repository
    /// (`ArtifactResult` in `pkg/api/artifact.go` of containerdisks).
    fn missing_key(&self) -> Option<&'static str> {
        if self.stage.is_empty() {
            return Some("Stage");
        }
        (self.image.is_empty() && !self.outcome.is_empty()).then_some("Image")
    }

    /// Returns whether there is no result of the image.
    pub(crate) fn is_missing(&self) -> bool {
        self.outcome == MISSING
    }

    /// Returns upstream's names of the releases of its platforms, each once.
    pub(crate) fn versions(&self) -> Vec<&str> {
        let all = self.platforms.values().map(|part| part.version.as_str());
        let all: BTreeSet<&str> = all.filter(|version| !version.is_empty()).collect();
        all.into_iter().collect()
    }

    /// Returns the size of what was built, of all platforms, in bytes.
    pub(crate) fn size(&self) -> Option<u64> {
        let sizes = self.platforms.values().filter_map(|part| part.size);
        sizes.reduce(u64::saturating_add)
    }

    /// Marks all platforms as verified, or the one that is nearest to `only`.
    pub(crate) fn mark_verified(&mut self, only: Option<&Platform>) {
        let mut exist: Vec<(&String, &mut PlatformResult)> =
            self.platforms.iter_mut().filter(|(_, platform)| platform.digest.is_some()).collect();
        let Some(wanted) = only else {
            for (_, platform) in exist {
                platform.verified = true;
            }
            return;
        };
        let names = exist.iter().map(|(name, _)| Ok::<_, Infallible>(name.parse().ok()));
        let Ok(chosen) = find_nearest(&self.image, wanted, names);
        if let Some((_, platform)) = chosen.ok().and_then(|number| exist.get_mut(number)) {
            platform.verified = true;
        }
    }
}

/// Reads a results file.
pub(crate) fn read_results(path: &Path) -> Result<CatalogueResults, Diagnostic> {
    let bytes = open_file(path).and_then(|file| read_at_most(file, RESULTS_MAX));
    let bytes = bytes.map_err(cannot("read", path.display()))?;
    let results = if bytes.len() > RESULTS_MAX {
        Err(serde_json::Error::custom("it is longer than any results"))
    } else {
        serde_json::from_slice(&bytes).and_then(check_keys)
    };
    results.map_err(|error| {
        cannot("read the results in", path.display())(error)
            .help("`diskette sync --results-file FILE` writes them")
    })
}

/// Checks that each result is one: a file of something else has none of its keys.
fn check_keys(results: CatalogueResults) -> Result<CatalogueResults, serde_json::Error> {
    match results.iter().find_map(|(name, result)| Some((name, result.missing_key()?))) {
        Some((name, key)) => {
            let name = name.escape_debug();
            Err(serde_json::Error::custom(format!("`{name}` is no result: it has no `{key}`")))
        }
        None => Ok(results),
    }
}

/// Writes a results file, completely or not at all.
pub(crate) fn write_results(path: &Path, results: &CatalogueResults) -> Result<(), Diagnostic> {
    let text = serde_json::to_string_pretty(results).map_err(cannot("write", path.display()))?;
    write_file(path, format!("{text}\n").as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_platform_that_was_judged_is_marked() {
        let check = |names: &[&str], only: Option<&str>, expected: &[&str]| {
            let platform = |name: &&str| {
                let (name, is_missing) = match name.strip_prefix('-') {
                    Some(name) => (name, true),
                    None => (*name, false),
                };
                let digest = (!is_missing).then(|| "sha256:0".to_owned());
                (name.to_owned(), PlatformResult { digest, ..PlatformResult::default() })
            };
            let platforms = names.iter().map(platform).collect();
            let mut result = ImageResult { platforms, ..ImageResult::default() };
            result.mark_verified(only.map(|only| only.parse().unwrap()).as_ref());
            let marked = result.platforms.iter().filter(|(_, platform)| platform.verified);
            let marked: Vec<&str> = marked.map(|(name, _)| name.as_str()).collect();
            assert_eq!(marked, expected, "{only:?} of {names:?}");
        };
        let both = ["linux/amd64", "linux/arm64"];
        check(&both, None, &both);
        check(&["linux/amd64", "-linux/arm64"], None, &["linux/amd64"]);
        check(&both, Some("linux/arm64"), &["linux/arm64"]);
        check(&both, Some("linux/s390x"), &[]);
        check(&["linux/amd64", "linux/arm64/v8"], Some("linux/arm64"), &["linux/arm64/v8"]);
        check(&both, Some("linux/arm64/v8"), &["linux/arm64"]);
        check(&["-linux/arm64"], Some("linux/arm64"), &[]);
    }
}
