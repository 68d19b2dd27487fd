//! Fedora's *releases.json*: all files of all releases, with their checksums.

use serde::Deserialize;
use url::Url;

use super::UpstreamError;
use super::candidate::{Candidate, Digits};
use super::json::{self, file_name};
use super::listing::Listings;
use super::template::uname;

#[derive(Deserialize)]
struct File {
    version: String,
    arch: String,
    link: String,
    #[serde(default)]
    sha256: Option<String>,
    #[serde(default)]
    size: Option<String>,
}

/// Without a version that is wanted, only finished releases count.
pub(super) fn read(listings: &Listings<'_>, url: &Url) -> Result<Vec<Candidate>, UpstreamError> {
    let files: Vec<File> = json::read(listings, url, "Fedora's list of releases")?;
    let arch = uname(listings.platform);
    let is_wanted = |file: &File| match &listings.source.version {
        Some(wanted) => normal(&file.version) == normal(wanted),
        None => file.version.bytes().all(|b| b.is_ascii_digit()),
    };
    let files = files.into_iter().filter(|file| file.arch == arch && is_wanted(file));
    Ok(files
        .map(|file| Candidate {
            name: file_name(&file.link).to_owned(),
            checksum: file.sha256.map(Digits::Sha256),
            size: file.size.and_then(|size| size.parse().ok()),
            version: Some(normal(&file.version)),
            place: Some(file.link),
            ..Candidate::default()
        })
        .collect())
}

/// `44 Beta` is the tag `44-beta`.
fn normal(version: &str) -> String {
    version.to_lowercase().replace(' ', "-")
}
