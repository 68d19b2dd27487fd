//! *Doubts*: what about the disks of a build may be meant so, and more likely is not.

use super::layers::{LayerJob, files};
use crate::diagnostic::Diagnostic;
use crate::disk::{FlawKind, Info};
use crate::image::platform::Platform;

/// Returns what is doubtful about the disks of a layer.
pub(super) fn of(job: &LayerJob<'_>) -> Vec<Diagnostic> {
    let mut doubts = Vec::new();
    for (source, (_, recipe)) in job.sources.iter().zip(files(&job.recipe.entries)) {
        let Some(info) = source.disk() else { continue };
        let place = source.place();
        let mut add = |message: String, help: String| {
            doubts.push(Diagnostic::new(message).at(recipe.origin.clone()).help(help));
        };
        if let Some(machine) = other_machine(info, job.platform) {
            add(
                format!(
                    "the boot loader of `{place}` is for {machine}, and its image for {}",
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

/// Returns the machine that a disk is booted on, if it is another than the platform's.
fn other_machine(info: &Info, platform: &Platform) -> Option<String> {
    let architecture = platform.architecture.as_str();
    // PCs of 64 bits boot what is for 32.
    let fits =
        |machine: &&str| *machine == architecture || (*machine, architecture) == ("386", "amd64");
    let is_other = !info.boot.is_empty() && !info.boot.iter().any(fits);
    is_other.then(|| info.boot.join(", "))
}
