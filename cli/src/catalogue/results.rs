//! *Results*: what became of each image of a catalogue, in a file that one command hands to the
//! next: `sync` writes it, `verify` judges what it names, `promote` copies what was verified. Keys,
//! stages and the first three fields are medius's.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::path::Path;

use diskette_builder::oci::image::nearest::find_nearest;
use diskette_builder::oci::image::platform::Platform;
use diskette_builder::recipe::diagnostic::Diagnostic;
use serde::{Deserialize, Serialize};

use crate::error::cannot;
use crate::files::{read_spec, write_file};

/// By `NAME:TAG`: the last part of the repository, and the tag that stays.
pub(crate) type Results = BTreeMap<String, ImageResult>;

/// What became of one image.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct ImageResult {
    /// The tags that were given or would be, the one that stays last.
    pub(crate) tags: Vec<String>,
    /// `push`, `verify` or `promote`: the last that went well or was attempted.
    pub(crate) stage: String,
    /// Why it failed; empty if it did not.
    pub(crate) err: String,
    /// The repository that it was pushed to.
    pub(crate) image: String,
    /// `published`, `unchanged`, `would-publish` or `failed`.
    pub(crate) outcome: String,
    /// Of the index that is there now, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) digest: Option<String>,
    /// By platform, e.g. `linux/amd64`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) platforms: BTreeMap<String, PlatformResult>,
}

/// What became of an image's part for one platform.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct PlatformResult {
    /// Why it failed; empty if it did not.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) err: String,
    /// `published`, `unchanged`, `kept` (an older one, since the new one failed) or `failed`.
    pub(crate) outcome: String,
    /// Of its manifest, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) digest: Option<String>,
    /// What upstream calls the release.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) version: String,
    /// Where the disk comes from.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) source: String,
    /// Whether it was judged and found good.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) verified: bool,
}

impl ImageResult {
    /// Records that it was found good, for all platforms or for the one that is nearest to `only`.
    pub(crate) fn mark(&mut self, only: Option<&Platform>) {
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

/// Reads results.
pub(crate) fn read(path: &Path) -> Result<Results, Diagnostic> {
    let text = read_spec(path)?;
    serde_json::from_str(&text.text).map_err(cannot("read the results in", path.display()))
}

/// Writes results, whole or not at all.
pub(crate) fn write(path: &Path, results: &Results) -> Result<(), Diagnostic> {
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
            result.mark(only.map(|only| only.parse().unwrap()).as_ref());
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
