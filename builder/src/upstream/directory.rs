//! A web server's listing of a *directory*: links to files, whose checksums are in files beside them.

use std::sync::LazyLock;

use regex::Regex;
use url::Url;

use super::candidate::Candidate;
use super::json::file_name;
use super::listing::Listings;
use super::{UpstreamDisk, UpstreamError, checksums};

/// Name of the checksum file if the source gives none.
const DEFAULT_CHECKSUMS: &str = "SHA256SUMS";

static LINK: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r#"(?i)<a\s[^>]*?href\s*=\s*["']?([^"'\s>]+)"#).ok());

/// Reads the files of a directory: only links to files in the directory itself are used.
pub(super) fn read_candidates(
    listings: &Listings<'_>,
    url: &Url,
) -> Result<Vec<Candidate>, UpstreamError> {
    let page = listings.fetch.fetch(url.as_str(), PAGE_MAX)?;
    let text = String::from_utf8_lossy(&page);
    let links = LINK.iter().flat_map(|link| link.captures_iter(&text));
    let links = links.filter_map(|found| url.join(&found[1]).ok());
    let directory = url.join(".").map_or_else(|_| url.to_string(), String::from);
    let names = links.filter_map(|link| {
        let below = link.as_str().strip_prefix(&directory)?.to_owned();
        (!below.is_empty() && !below.contains(['/', '?', '#'])).then_some(below)
    });
    Ok(names.map(|name| Candidate { name, ..Candidate::default() }).collect())
}

/// Maximum length of the page in bytes. The page itself has no signature.
const PAGE_MAX: u64 = 16 << 20;

/// Returns the chosen file with its checksum.
pub(super) fn add_checksum(
    listings: &Listings<'_>,
    url: &Url,
    chosen: Candidate,
) -> Result<UpstreamDisk, UpstreamError> {
    let name = listings.source.checksums.as_deref().unwrap_or(DEFAULT_CHECKSUMS);
    let name = name.replace("{file}", &chosen.name);
    let at = url.join(&name).map_err(|_| UpstreamError::Form {
        url: url.to_string(),
        form: "a directory",
        why: format!("`{name}` is no path"),
    })?;
    let listed = checksums::read_candidates(listings, &at)?;
    let own = listed.into_iter().find(|listed| file_name(&listed.name) == chosen.name);
    let (checksum, size) = own.map_or((None, None), |own| (own.checksum, own.size));
    Candidate { checksum, size, ..chosen }.into_disk(listings, &at)
}
