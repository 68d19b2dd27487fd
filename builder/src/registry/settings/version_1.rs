//! *Version 1* of `registries.conf`, which podman 4 reads as a main file: lists of registries by
//! what applies to them.

use serde::Deserialize;
use toml::Spanned;

/// The tables `registries.*`. Unknown keys are ignored.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct RawVersion1 {
    search: RawRegistryList,
    insecure: RawRegistryList,
    block: RawRegistryList,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct RawRegistryList {
    registries: Vec<Spanned<String>>,
}

/// What a file of version 1 says about one registry.
pub(super) struct Version1Registry<'a> {
    pub(super) location: &'a Spanned<String>,
    pub(super) insecure: bool,
    pub(super) blocked: bool,
}

impl RawVersion1 {
    /// Returns whether no registry is listed; podman ignores such tables beside those of version 2.
    pub(super) fn is_empty(&self) -> bool {
        [&self.search, &self.insecure, &self.block].iter().all(|list| list.registries.is_empty())
    }

    /// Returns the registries that something applies to, each once.
    pub(super) fn registries(&self) -> Vec<Version1Registry<'_>> {
        let bare = |location: &Spanned<String>| location.get_ref().trim_end_matches('/').to_owned();
        let mut found: Vec<Version1Registry<'_>> = Vec::new();
        let blocked = self.block.registries.iter().map(|location| (location, true));
        let insecure = self.insecure.registries.iter().map(|location| (location, false));
        for (location, is_blocked) in blocked.chain(insecure) {
            let known = found.iter_mut().find(|known| bare(known.location) == bare(location));
            let Some(known) = known else {
                let (insecure, blocked) = (!is_blocked, is_blocked);
                found.push(Version1Registry { location, insecure, blocked });
                continue;
            };
            known.insecure |= !is_blocked;
            known.blocked |= is_blocked;
        }
        found
    }
}
