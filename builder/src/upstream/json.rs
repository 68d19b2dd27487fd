//! *JSON* lists: what they have in common is how one says that they are not what they should be.

use serde::de::DeserializeOwned;
use url::Url;

use super::UpstreamError;
use super::listing::Listings;

/// Reads a list that is JSON.
pub(super) fn read<T: DeserializeOwned>(
    listings: &Listings<'_>,
    url: &Url,
    form: &'static str,
) -> Result<T, UpstreamError> {
    serde_json::from_slice(&listings.read(url)?).map_err(|error| UpstreamError::Form {
        url: url.to_string(),
        form,
        why: error.to_string(),
    })
}

/// Returns the last part of a path or URL.
pub(super) fn file_name(place: &str) -> &str {
    let path = place.split(['?', '#']).next().unwrap_or_default();
    path.rsplit('/').next().unwrap_or_default()
}
