//! *Doubts*: what about the disks of a build may be meant so, and more likely is not.

use super::layers::{LayerJob, files};
use crate::disk::FlawKind;
use crate::recipe::diagnostic::Diagnostic;

/// Returns what is doubtful about the disks of a layer.
pub(super) fn of(job: &LayerJob<'_>) -> Vec<Diagnostic> {
    let mut doubts = Vec::new();
    for (source, (_, recipe)) in job.sources.iter().zip(files(&job.recipe.entries)) {
        let Some(info) = source.disk() else { continue };
        let place = source.place();
        let mut add = |message: String, help: String| {
            doubts.push(Diagnostic::new(message).at(recipe.origin.clone()).help(help));
        };
        if !info.boots_on(&job.platform.architecture) {
            let machines = info.boot.join(", ");
            add(
                format!(
                    "the boot loader of `{place}` is for {machines}, and its image for {}",
                    job.platform
                ),
                "is it the disk that was meant for this platform?".into(),
            );
        }
        for flaw in &info.flaws {
            let help = match flaw.kind {
                FlawKind::Dirty => format!("`qemu-img check -r all {place}` counts them anew"),
                FlawKind::Snapshots => {
                    format!("`qemu-img convert -O qcow2 {place} new.qcow2` leaves them out")
                }
                _ => continue,
            };
            add(format!("`{place}`: {flaw}"), help);
        }
    }
    doubts
}
