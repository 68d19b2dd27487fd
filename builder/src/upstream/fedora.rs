//! Fedora's *releases.json*: the files of all releases, with their checksums.

use std::collections::BTreeMap;

use serde::Deserialize;
use url::Url;

use super::UpstreamError;
use super::candidate::{Candidate, ListedDigest};
use super::json::{self, file_name};
use super::listing::Listings;
use super::template::machine_name;

/// The list in messages.
pub(super) const FORM: &str = "Fedora's list of releases";

#[derive(Deserialize)]
struct ReleaseFile {
    version: String,
    arch: String,
    link: String,
    #[serde(default)]
    sha256: Option<String>,
    #[serde(default)]
    size: Option<String>,
}

/// Reads the disks of a list. Unless a version is requested, prereleases are left out.
pub(super) fn read_candidates(
    listings: &Listings<'_>,
    url: &Url,
) -> Result<Vec<Candidate>, UpstreamError> {
    let files: Vec<ReleaseFile> = json::read_json(listings, url, FORM)?;
    let arch = machine_name(listings.platform);
    let is_wanted = |file: &ReleaseFile| match &listings.source.version {
        Some(wanted) => normalize_version(&file.version) == normalize_version(wanted),
        None => is_finished(&file.version),
    };
    let files = files.into_iter().filter(|file| file.arch == arch && is_wanted(file));
    Ok(files
        .map(|file| Candidate {
            name: file_name(&file.link).to_owned(),
            checksum: file.sha256.map(ListedDigest::Sha256),
            size: file.size.and_then(|size| size.parse().ok()),
            version: Some(normalize_version(&file.version)),
            location: Some(file.link),
            ..Candidate::default()
        })
        .collect())
}

/// Returns the releases that have a matching file for the platform: their names in tags, and in the list.
pub(super) fn read_versions(
    listings: &Listings<'_>,
    url: &Url,
) -> Result<BTreeMap<String, String>, UpstreamError> {
    let files: Vec<ReleaseFile> = json::read_json(listings, url, FORM)?;
    let arch = machine_name(listings.platform);
    let pattern = listings.file_pattern()?;
    let is_match = |file: &ReleaseFile| {
        let name = file_name(&file.link);
        file.arch == arch && pattern.as_ref().is_none_or(|pattern| pattern.is_match(name))
    };
    let files = files.into_iter().filter(is_match);
    Ok(files.map(|file| (normalize_version(&file.version), file.version)).collect())
}

/// Returns whether a release is finished: the names of others have words, as `44 Beta` has.
pub(crate) fn is_finished(version: &str) -> bool {
    version.bytes().all(|b| b.is_ascii_digit())
}

/// Returns a version as it is written in tags: `44 Beta` is `44-beta`.
fn normalize_version(version: &str) -> String {
    version.to_lowercase().replace(' ', "-")
}
