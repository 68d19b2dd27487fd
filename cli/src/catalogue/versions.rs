//! Entries that stand for all releases of a list become an entry for each.

use diskette_builder::frontend::spec::{CatalogueEntry, FollowedVersions};
use diskette_builder::recipe::diagnostic::Diagnostic;
use diskette_builder::upstream::FetchList;

use super::{Catalogue, duplicate_names};
use crate::error::CommandError;

/// Replaces the entries that stand for all releases of a list, if they are meant, with an entry for each release. Those
/// whose list cannot be read stay, and have the error.
pub(crate) fn expand_catalogues(
    catalogues: &mut [Catalogue],
    is_meant: &dyn Fn(&CatalogueEntry) -> bool,
    fetch: &dyn FetchList,
) -> Result<(), CommandError> {
    for Catalogue { gpgv, entries, .. } in &mut *catalogues {
        let mut expanded = Vec::with_capacity(entries.len());
        for mut entry in std::mem::take(entries) {
            if !entry.stands_for_all() || !is_meant(&entry) {
                expanded.push(entry);
                continue;
            }
            match entry.expand(fetch, gpgv) {
                Ok(found) => expanded.extend(found),
                Err(error) => {
                    if let FollowedVersions::All(rule) = &mut entry.versions {
                        rule.failure = Some(error);
                    }
                    expanded.push(entry);
                }
            }
        }
        *entries = expanded;
    }
    let problems = duplicate_names(catalogues);
    if problems.is_empty() { Ok(()) } else { Err(CommandError::Failed(problems)) }
}

/// Returns the error of an entry whose list could not be read.
pub(crate) fn unlisted_error(entry: &CatalogueEntry) -> Option<Diagnostic> {
    let FollowedVersions::All(rule) = &entry.versions else { return None };
    let error = rule.failure.as_ref()?;
    let diagnostic = Diagnostic::new(format!("{}: {error}", entry.image));
    Some(diagnostic.at(entry.origin.clone()).help(error.help()))
}
