//! *JSON* lists, and the error of one that is malformed.

use serde::de::DeserializeOwned;
use url::Url;

use super::UpstreamError;
use super::listing::Listings;

/// Reads a list that is JSON; `form` names its format in the error.
pub(super) fn read_json<T: DeserializeOwned>(
    listings: &Listings<'_>,
    url: &Url,
    form: &'static str,
) -> Result<T, UpstreamError> {
    serde_json::from_slice(&listings.read_list(url)?).map_err(|error| UpstreamError::Form {
        url: url.to_string(),
        form,
        why: error.to_string(),
    })
}

/// Returns the last part of a path or URL.
pub(super) fn file_name(location: &str) -> &str {
    let path = location.split(['?', '#']).next().unwrap_or_default();
    path.rsplit('/').next().unwrap_or_default()
}
