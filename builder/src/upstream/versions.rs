//! The *versions* of a list that has several releases, for images that follow all of them.

use std::cell::RefCell;
use std::collections::BTreeMap;

use super::listing::Listings;
use super::{FetchList, UpstreamError, UpstreamKind, UpstreamSource, VerifySignature, fedora};
use crate::oci::image::platform::Platform;

/// Maximum number of releases of a list: Fedora has had fewer than fifty.
const VERSIONS_MAX: usize = 1000;

impl UpstreamKind {
    /// Returns whether the releases of a list of this kind can be told apart by their names.
    pub(crate) fn has_versions(self) -> bool {
        self == Self::FedoraReleases
    }
}

/// Returns the releases that have a matching file for a platform: their names in tags, and in the list.
pub(crate) fn find_versions(
    source: &UpstreamSource,
    platform: &Platform,
    fetch: &dyn FetchList,
    verify: &dyn VerifySignature,
) -> Result<BTreeMap<String, String>, UpstreamError> {
    let listings = Listings { source, platform, fetch, verify, read: RefCell::default() };
    let url = listings.list_url()?;
    let found = fedora::read_versions(&listings, &url)?;
    if found.len() > VERSIONS_MAX {
        return Err(UpstreamError::Form {
            url: url.to_string(),
            form: fedora::FORM,
            why: format!("it has {} releases, and {VERSIONS_MAX} at most are read", found.len()),
        });
    }
    Ok(found)
}
