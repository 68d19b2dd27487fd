//! What a sync *deletes*: old images of those that say with `policy.keep` which ones stay.

use std::collections::BTreeSet;

use diskette_builder::frontend::spec::CatalogueEntry;
use diskette_builder::oci::image::digest::Digest;
use diskette_builder::oci::image::ref_name::RefName;
use diskette_builder::oci::image::tag::Tag;
use diskette_builder::recipe::diagnostic::Diagnostic;
use diskette_builder::registry::client::{PruneEvent, RegistryClient};
use diskette_builder::sync::{SyncJob, SyncMode, SyncReport};

use crate::error::CommandError;

/// What was deleted.
#[derive(Debug, Default)]
pub(super) struct Pruned {
    /// A line for each tag, and for what stays against the plan.
    pub(super) lines: Vec<String>,
    /// Why images were not deleted.
    pub(super) problems: Vec<Diagnostic>,
}

/// Deletes the old images of those that were synced without an error; not those that are published now, whatever tags they
/// have. `entries` are all images of the catalogues, whose tags stay; `now` is in seconds since 1970.
pub(super) fn prune_synced(
    done: &[(&SyncJob<'_>, &SyncReport)],
    entries: &[&CatalogueEntry],
    registry: &RegistryClient,
    mode: SyncMode,
    now: i64,
) -> Pruned {
    let mut pruned = Pruned::default();
    let current: BTreeSet<Digest> =
        done.iter().flat_map(|(_, report)| published_digests(report)).collect();
    for (job, report) in done {
        if report.errors().next().is_some() {
            continue;
        }
        if let Err(CommandError::Failed(problems)) =
            pruned.prune(job, entries, &current, registry, mode, now)
        {
            pruned.problems.extend(problems);
        }
    }
    pruned
}

/// Returns the digests of an image that is published: of its index, and of the images of its platforms.
fn published_digests(report: &SyncReport) -> impl Iterator<Item = Digest> {
    report.platforms.iter().filter_map(|part| part.digest).chain(report.digest)
}

impl Pruned {
    /// Returns an error with the problems of deletion added to it.
    pub(super) fn add_problems(self, error: Option<CommandError>) -> Option<CommandError> {
        match error {
            _ if self.problems.is_empty() => error,
            Some(CommandError::Failed(mut all)) => {
                all.extend(self.problems);
                Some(CommandError::Failed(all))
            }
            Some(other) => Some(other),
            None => Some(CommandError::Failed(self.problems)),
        }
    }

    fn prune(
        &mut self,
        job: &SyncJob<'_>,
        entries: &[&CatalogueEntry],
        current: &BTreeSet<Digest>,
        registry: &RegistryClient,
        mode: SyncMode,
        now: i64,
    ) -> Result<(), CommandError> {
        // `--target-registry` keeps only the last part of a name.
        let is_sibling = |other: &&&CatalogueEntry| {
            let is_beside = other.repository_name() == job.entry.repository_name();
            is_beside && !std::ptr::eq(**other, job.entry)
        };
        let siblings = entries.iter().filter(is_sibling).copied();
        let Some(mut rules) = job.entry.retention(siblings) else { return Ok(()) };
        rules.current.clone_from(current);
        let plan = registry.plan_pruning(&job.target, &rules, now)?;
        let name = |tag: Tag| job.target.with_tag(tag);
        if mode == SyncMode::DryRun {
            let tags = plan.removed.iter().flat_map(|image| &image.tags);
            let tags = tags.filter_map(RefName::tag);
            self.lines.extend(tags.map(|tag| format!("would delete\t{}\n", name(tag))));
            return Ok(());
        }
        let lines = &mut self.lines;
        let mut report = |event| match event {
            PruneEvent::Tag(tag) => lines.push(format!("deleted\t{}\n", name(tag))),
            PruneEvent::Manifest(_) | PruneEvent::Gone(_) => {}
            PruneEvent::Left(what, reason) => {
                lines.push(format!("kept\t{}\t{what}: {reason}\n", job.target.full_repository()));
            }
        };
        let pruned = registry.prune(&job.target, &plan, &mut report);
        Ok(pruned.map_err(|error| error.source)?)
    }
}
