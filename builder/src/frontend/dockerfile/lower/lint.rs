//! The *rules* about the text, checked with what the evaluation knows of the bases.

use std::collections::{BTreeMap, BTreeSet};

use super::DockerfileRequest;
use super::globals::global_scope;
use super::loader::StageLoader;
use crate::frontend::dockerfile::lint::{self, BaseFacts, LintReport, LintSubject};
use crate::recipe::diagnostic::Diagnostic;

/// Checks a file by BuildKit's rules without loading a base. Variables of stages on images are then
/// not known, and none of them is reported.
pub fn lint_text(request: &DockerfileRequest<'_>) -> Result<LintReport, Diagnostic> {
    let target = request.dockerfile.find_target(request.target)?;
    let mut report = LintReport::default();
    for platform in request.platforms {
        let scope = global_scope(request, platform, target, request.build_args)?;
        let loader = StageLoader::new(request, platform, &scope);
        merge_reports(&mut report, lint_stages(&loader, target)?);
    }
    Ok(report)
}

/// Checks the stages that a target needs; without a target all of them, as BuildKit does.
pub(super) fn lint_stages(
    loader: &StageLoader<'_>,
    target: usize,
) -> Result<LintReport, Diagnostic> {
    let request = loader.request;
    let dockerfile = request.dockerfile;
    let base_names = loader.base_names();
    let stages: BTreeSet<usize> = match request.target {
        None => (0..dockerfile.stages.len()).collect(),
        Some(_) => dockerfile.needed_stages(target, &base_names, |stage| loader.is_replaced(stage)),
    };
    let platform = loader.target_platform();
    // Without build arguments a default may be missing, and what depends on it is not checked.
    let defaults = global_scope(request, platform, target, &BTreeMap::new());
    let bases: BTreeMap<usize, BaseFacts> = loader.take_bases();
    lint::check(&LintSubject {
        dockerfile,
        scope: loader.global_scope(),
        defaults: defaults.as_ref().unwrap_or(loader.global_scope()),
        build_args: request.build_args,
        stages: &stages,
        base_names: &base_names,
        bases: &bases,
    })
}

/// Adds the findings for another platform.
pub(super) fn merge_reports(report: &mut LintReport, other: LintReport) {
    report.is_error |= other.is_error;
    let new = other.findings.into_iter().filter(|finding| !report.findings.contains(finding));
    let new: Vec<Diagnostic> = new.collect();
    report.findings.extend(new);
}
