//! The *choice* of the newest of a list's files that match.

use std::cmp::Ordering;

use url::Url;

use super::candidate::Candidate;
use super::candidates::CandidateList;
use super::listing::Listings;
use super::{UpstreamError, version};

/// Maximum number of names in an error.
const SHOWN_NAMES_MAX: usize = 5;

/// Chooses the newest of the files that match the source. It must be newer than all others.
pub(super) fn choose_newest(
    listings: &Listings<'_>,
    url: &Url,
    candidates: &CandidateList,
) -> Result<Candidate, UpstreamError> {
    let pattern = listings.file_pattern()?;
    let wanted = match (&pattern, &listings.source.version) {
        (Some(pattern), version) => {
            let text = pattern.as_str();
            let text = text.strip_prefix("^(?:").and_then(|text| text.strip_suffix(")$"));
            let release = version.as_ref().map(|it| format!("is of the release `{it}` and "));
            format!("{}matches `{}`", release.unwrap_or_default(), text.unwrap_or_default())
        }
        (None, Some(version)) => format!("is of the release `{version}`"),
        (None, None) => "is for this platform".to_owned(),
    };
    let mut best: Vec<Candidate> = Vec::new();
    for candidate in candidates.possible_matches(pattern.as_ref().map(regex::Regex::as_str)) {
        let mut candidate = candidate.clone();
        if !pattern.as_ref().is_none_or(|pattern| candidate.match_name(pattern)) {
            continue;
        }
        let order = best.first().map_or(Ordering::Equal, |best| {
            version::compare_versions(candidate.release_version(), best.release_version())
        });
        match order {
            Ordering::Less => continue,
            Ordering::Greater => best.clear(),
            Ordering::Equal => {}
        }
        best.push(candidate);
    }
    // A list may name a file twice.
    best.dedup();
    match best.len() {
        0 | 1 => best.pop().ok_or_else(|| no_match(url, wanted, candidates)),
        _ => {
            let files = join_names(best.iter().map(|candidate| candidate.name.as_str()));
            Err(UpstreamError::Several { url: url.to_string(), wanted, files })
        }
    }
}

fn no_match(url: &Url, wanted: String, candidates: &CandidateList) -> UpstreamError {
    let near = if candidates.len() == 0 {
        "; it lists no file for this platform".to_owned()
    } else {
        format!("; it has {}", join_names(candidates.names()))
    };
    UpstreamError::Nothing { url: url.to_string(), wanted, near }
}

fn join_names<'n>(mut names: impl ExactSizeIterator<Item = &'n str>) -> String {
    let text = names.by_ref().take(SHOWN_NAMES_MAX).collect::<Vec<_>>().join(", ");
    match names.len() {
        0 => text,
        more => format!("{text} and {more} more"),
    }
}
