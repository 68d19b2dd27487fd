//! *Warnings* about the disks of a build: broken rules that do not stop it.

use super::layers::{LayerJob, LayerSource};
use crate::cluster::contract::{
    ContractRule, DISK_ARCHITECTURE, Severity, fill_fix, flaw_fix, flaw_rule,
};
use crate::recipe::diagnostic::Diagnostic;

/// Returns the warnings about the disks of a layer.
pub(super) fn layer_warnings(job: &LayerJob<'_>) -> Vec<Diagnostic> {
    let mut warnings = Vec::new();
    for LayerSource { recipe, source, .. } in &job.sources {
        let Some(info) = source.disk() else { continue };
        let location = source.location();
        let mut warn = |rule: &'static ContractRule, fix: &str, message: String| {
            let warning = Diagnostic::new(message).rule(rule.id).at(recipe.origin.clone());
            warnings.push(warning.help(fill_fix(fix, Some(location), None)));
        };
        if !info.boots_on(&job.platform.architecture) {
            let (machines, platform) = (info.boot.join(", "), job.platform);
            let message = format!(
                "the boot loader of `{location}` is for {machines}, and its image for {platform}"
            );
            warn(&DISK_ARCHITECTURE, DISK_ARCHITECTURE.fix, message);
        }
        for flaw in &info.flaws {
            let rule = flaw_rule(flaw.kind);
            if rule.severity == Severity::Warning {
                warn(rule, flaw_fix(flaw), format!("`{location}`: {flaw}"));
            }
        }
    }
    warnings
}
