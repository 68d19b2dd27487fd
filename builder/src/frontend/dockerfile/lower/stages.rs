//! The *stages* that a target needs, evaluated in the order of the file.

use std::collections::{BTreeMap, BTreeSet};

use super::evaluation::Evaluation;
use super::loader::StageLoader;
use super::result::tree_diagnostic;
use super::stage::StageState;
use crate::frontend::dockerfile::scope::StageScope;
use crate::frontend::dockerfile::tree::NODES_MAX;
use crate::recipe::diagnostic::Diagnostic;

pub(super) type EvaluatedStages<'a> = BTreeMap<usize, (StageState, StageScope<'a>)>;

/// Evaluates a stage and those that it needs, in the order of the file. What the text alone decides
/// is checked first, for all of them.
pub(super) fn evaluate_stages<'a>(
    loader: &StageLoader<'a>,
    target: usize,
) -> Result<EvaluatedStages<'a>, Vec<Diagnostic>> {
    let dockerfile = loader.request.dockerfile;
    let bases = loader.base_names();
    let needed = |stage| dockerfile.needed_stages(stage, &bases, |stage| loader.is_replaced(stage));
    let pending = needed(target);
    let problems: Vec<Diagnostic> =
        pending.iter().flat_map(|stage| loader.check_text(*stage)).collect();
    if problems.is_empty() {
        let copied = copied_only(loader, &pending, &bases, target);
        return evaluate_without_bases(loader, &pending, needed, copied);
    }
    // What can be found without an image is reported too.
    loader.refuse_images();
    let also = evaluate_pending(loader, pending, needed).err().unwrap_or_default();
    Err(problems.into_iter().chain(also.into_iter().filter(|_| !loader.was_refused())).collect())
}

/// Returns the stages that are needed only because files are copied from them.
fn copied_only(
    loader: &StageLoader<'_>,
    pending: &BTreeSet<usize>,
    bases: &[String],
    target: usize,
) -> BTreeSet<usize> {
    let dockerfile = loader.request.dockerfile;
    let base_of = |stage: &usize| dockerfile.find_named_stage(bases.get(*stage)?, *stage);
    let continued: BTreeSet<usize> = pending.iter().filter_map(base_of).collect();
    let is_copied = |stage: &usize| {
        *stage != target && !continued.contains(stage) && !loader.is_replaced(*stage)
    };
    pending.iter().copied().filter(is_copied).collect()
}

/// Evaluates stages, those in `copied` without their bases unless something of a base is used: then,
/// and after any error, they are evaluated again with it.
fn evaluate_without_bases<'a>(
    loader: &StageLoader<'a>,
    pending: &BTreeSet<usize>,
    needed: impl Fn(usize) -> BTreeSet<usize>,
    mut copied: BTreeSet<usize>,
) -> Result<EvaluatedStages<'a>, Vec<Diagnostic>> {
    loop {
        loader.set_stand_ins(copied.clone());
        let evaluated = evaluate_pending(loader, pending.clone(), &needed);
        if copied.is_empty() {
            return evaluated;
        }
        match evaluated {
            Ok(stages) => {
                let before = copied.len();
                copied.retain(|number| {
                    stages.get(number).is_none_or(|(stage, _)| !stage.tree.is_base_used())
                });
                if copied.len() == before {
                    return Ok(stages);
                }
            }
            Err(_) => copied.clear(),
        }
        drop(loader.take_warnings());
    }
}

/// Evaluates stages in the order of the file; `needed` returns those that a further one needs.
fn evaluate_pending<'a>(
    loader: &StageLoader<'a>,
    mut pending: BTreeSet<usize>,
    needed: impl Fn(usize) -> BTreeSet<usize>,
) -> Result<EvaluatedStages<'a>, Vec<Diagnostic>> {
    let dockerfile = loader.request.dockerfile;
    let mut stages: EvaluatedStages<'a> = BTreeMap::new();
    while let Some(number) = pending.pop_first() {
        let begun = loader.begin_stage(number, &stages);
        let (mut stage, variables) = begun.map_err(|problem| vec![*problem])?;
        let used: usize = stages.values().map(|(stage, _)| stage.tree.len()).sum();
        let budget = stage.tree.set_budget(NODES_MAX.saturating_sub(used));
        let at = &dockerfile.stages[number].from.base.span;
        budget.map_err(|error| vec![tree_diagnostic(&error, at)])?;
        let mut evaluation = Evaluation { loader, stages: &stages, number, stage, variables };
        if !loader.is_replaced(number) {
            let triggers = evaluation.read_triggers().map_err(|problem| vec![*problem])?;
            let missing = dockerfile.copied_stages(&triggers, number);
            let missing: Vec<usize> =
                missing.into_iter().filter(|stage| !stages.contains_key(stage)).collect();
            if !missing.is_empty() {
                // The triggers of an image are known only now.
                pending.extend(missing.into_iter().flat_map(&needed));
                pending.insert(number);
                pending.retain(|stage| !stages.contains_key(stage));
                continue;
            }
            // A stage that needs one that cannot be evaluated cannot be evaluated either.
            evaluation.evaluate_stage(&triggers).map_err(|problem| vec![*problem])?;
        }
        let evaluated = (evaluation.stage, evaluation.variables);
        stages.insert(number, evaluated);
    }
    Ok(stages)
}
