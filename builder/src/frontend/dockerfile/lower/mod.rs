//! *Lowering* evaluates a Dockerfile for each platform, and makes a recipe of its target stage.
//! Nothing is executed, and no content is read except that of small files on which the evaluation
//! depends.

mod add;
mod attributes;
mod contract_check;
mod copy;
mod copy_operation;
mod copy_request;
mod destination;
mod evaluation;
mod instructions;
mod kubevirt_base;
mod lint;
mod loader;
mod origin;
mod port;
mod result;
mod run;
mod signal;
mod sources;
mod stage;
mod text_check;
mod triggers;
mod variables;

use std::collections::{BTreeMap, BTreeSet};

use self::evaluation::Evaluation;
pub use self::lint::lint_text;
use self::lint::{lint_stages, merge_reports};
use self::loader::StageLoader;
use self::result::tree_diagnostic;
use self::stage::StageState;
use super::lint::LintReport;
use super::scope::{GlobalScope, StageScope};
use super::stages::Dockerfile;
use crate::engine::source::ArchiveDownloads;
use crate::frontend::dockerfile::base::BaseLoader;
use crate::frontend::dockerfile::context::BuildContext;
use crate::frontend::dockerfile::tree::NODES_MAX;
use crate::oci::image::location::ImageLocation;
use crate::oci::image::platform::Platform;
use crate::oci::image::reference::Reference;
use crate::recipe::diagnostic::Diagnostic;
use crate::recipe::{PlatformRecipe, Recipe};

/// A Dockerfile and all that its lowering depends on.
pub struct DockerfileRequest<'a> {
    /// The parsed Dockerfile.
    pub dockerfile: &'a Dockerfile,
    /// Directories that files can be copied from.
    pub contexts: &'a dyn BuildContexts,
    /// Locations of images by the names that FROM and --from use for them.
    pub images: &'a BTreeMap<String, NamedImage>,
    /// Values of ARGs by name.
    pub build_args: &'a BTreeMap<String, String>,
    /// Stage to build; `None` is the last one.
    pub target: Option<&'a str>,
    /// Platforms of the image, in the order of the index.
    pub platforms: &'a [Platform],
    /// Platform that the build runs on.
    pub build_platform: &'a Platform,
    /// Loads the base images of stages.
    pub bases: &'a BaseLoader<'a>,
    /// Lists archives on servers, for `ADD --unpack`.
    pub downloads: &'a ArchiveDownloads<'a>,
}

/// An image that `--build-context` gives a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NamedImage {
    /// `docker-image://scratch`: no files.
    Scratch,
    /// An image at a location.
    Location(ImageLocation),
}

/// Returns the spelling in which names of contexts are compared: `alpine`, `alpine:latest` and
/// `docker.io/library/alpine` are one name (moby/buildkit `frontend/dockerui/config.go`).
pub fn context_name(name: &str) -> String {
    let full = name.parse::<Reference>().map(|name| name.to_string());
    let full = full.unwrap_or_else(|_| name.to_ascii_lowercase());
    full.strip_suffix(":latest").unwrap_or(&full).to_owned()
}

/// The build contexts.
pub trait BuildContexts: Sync {
    /// Returns the context of a name; the empty name is the context of the build itself.
    fn context(&self, name: &str) -> Option<&dyn BuildContext>;
}

/// Result of lowering a Dockerfile.
#[derive(Debug)]
pub struct LoweredDockerfile {
    /// Recipe of the image, without names.
    pub recipe: Recipe,
    /// Problems that do not fail the build.
    pub warnings: Vec<Diagnostic>,
    /// What BuildKit's rules find in the file.
    pub lint: LintReport,
    /// Value of `SOURCE_DATE_EPOCH`, if an ARG before the first stage sets it.
    pub epoch: Option<String>,
}

/// Lowers a Dockerfile. The error has, for each platform, the first problem of the evaluation.
pub fn lower(request: &DockerfileRequest<'_>) -> Result<LoweredDockerfile, Vec<Diagnostic>> {
    let target = request.dockerfile.find_target(request.target).map_err(|problem| vec![problem])?;
    let mut platforms = Vec::new();
    let (mut problems, mut warnings) = (Vec::new(), Vec::new());
    let (mut epoch, mut lint) = (None, LintReport::default());
    for platform in request.platforms {
        match evaluate_platform(request, platform, target, &mut warnings) {
            Ok((recipe, found, time)) => {
                epoch = time;
                merge_reports(&mut lint, found);
                let known = platforms
                    .iter()
                    .any(|known: &PlatformRecipe| known.platform == recipe.platform);
                if !known {
                    platforms.push(recipe);
                }
            }
            Err(found) => problems.extend(found),
        }
    }
    if !problems.is_empty() {
        problems.sort_by_key(|problem| problem.span.as_ref().map(|span| span.range.start));
        problems.dedup();
        return Err(problems);
    }
    warnings.dedup();
    let recipe = Recipe {
        names: Vec::new(),
        platforms,
        annotations: BTreeMap::new(),
        index_annotations: BTreeMap::new(),
        warnings: Vec::new(),
    };
    Ok(LoweredDockerfile { recipe, warnings, lint, epoch })
}

type EvaluatedPlatform = (PlatformRecipe, LintReport, Option<String>);

/// Evaluates the stages that the target needs.
fn evaluate_platform(
    request: &DockerfileRequest<'_>,
    platform: &Platform,
    target: usize,
    warnings: &mut Vec<Diagnostic>,
) -> Result<EvaluatedPlatform, Vec<Diagnostic>> {
    let dockerfile = request.dockerfile;
    let scope = global_scope(request, platform, target, request.build_args);
    let scope = scope.map_err(|problem| vec![problem])?;
    let loader = StageLoader::new(request, platform, &scope);
    let stages = evaluate_stages(&loader, target);
    warnings.extend(loader.take_warnings());
    let mut stages = stages?;
    let lint = lint_stages(&loader, target).map_err(|problem| vec![problem])?;
    warnings.extend(unused_args_warning(&scope));
    // The target is among the stages that it needs.
    let Some((stage, _)) = stages.remove(&target) else { return Err(Vec::new()) };
    warnings.extend(contract_check::contract_warnings(
        &stage,
        &dockerfile.stages[target].from.base.span,
    ));
    let StageState { base, steps, config, annotations, .. } = stage;
    // `FROM --platform` of the target sets the platform of the image, whatever was requested.
    let platform = loader.stage_platform(&dockerfile.stages[target].from);
    let platform = platform.map_err(|problem| vec![*problem])?;
    let entry_annotations = BTreeMap::new();
    let recipe = PlatformRecipe { platform, base, steps, config, annotations, entry_annotations };
    Ok((recipe, lint, scope.get("SOURCE_DATE_EPOCH")))
}

type EvaluatedStages<'a> = BTreeMap<usize, (StageState, StageScope<'a>)>;

/// Evaluates a stage and those that it needs, in the order of the file. What the text alone decides
/// is checked first, for all of them.
fn evaluate_stages<'a>(
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
        return evaluate_pending(loader, pending, needed);
    }
    // Whatever else can be told without an image is told too.
    loader.refuse_images();
    let also = evaluate_pending(loader, pending, needed).err().unwrap_or_default();
    Err(problems.into_iter().chain(also.into_iter().filter(|_| !loader.was_refused())).collect())
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

/// Returns the scope with the ARGs before the first stage.
fn global_scope(
    request: &DockerfileRequest<'_>,
    platform: &Platform,
    target: usize,
    build_args: &BTreeMap<String, String>,
) -> Result<GlobalScope, Diagnostic> {
    let dockerfile = request.dockerfile;
    let name = dockerfile.stages.get(target).and_then(|stage| stage.from.name.as_ref());
    let name = name.map_or("", |name| name.text.as_str());
    let mut scope = GlobalScope::new(platform, request.build_platform, name, build_args);
    for (name, default) in dockerfile.globals() {
        let lookup = |name: &str| scope.get(name);
        // A default that is not used may contain what cannot be expanded.
        let default = default.as_ref().filter(|_| !build_args.contains_key(&name.text));
        let default = default.map(|word| variables::expand_word(dockerfile, &lookup, word));
        let default = default.transpose().map_err(|problem| *problem)?;
        scope.declare_global(&name.text, default);
    }
    Ok(scope)
}

fn unused_args_warning(scope: &GlobalScope) -> Option<Diagnostic> {
    let unused = scope.unused_build_args();
    let all = unused.join("`, `");
    (!unused.is_empty()).then(|| {
        Diagnostic::new(format!("no ARG declares the build argument `{all}`"))
            .help("check its spelling; an undeclared build argument has no effect")
    })
}

impl std::fmt::Debug for DockerfileRequest<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DockerfileRequest")
            .field("platforms", &self.platforms)
            .finish_non_exhaustive()
    }
}
