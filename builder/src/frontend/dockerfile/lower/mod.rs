//! *Lowering* evaluates a Dockerfile, for each platform by itself, and makes a recipe of its target
//! stage. Nothing is executed, and no content is read but that of small files which others depend
//! on.

mod add;
mod care;
mod copy;
mod copy_request;
mod copying;
mod destination;
mod evaluation;
mod instructions;
mod judge;
mod kubevirt_base;
mod loader;
mod origin;
mod outcome;
mod port;
mod run;
mod signal;
mod sources;
mod stage;
mod triggers;
mod variables;

use std::cell::RefCell;
use std::collections::BTreeMap;

use self::evaluation::Evaluation;
use self::loader::Loader;
use self::stage::Stage;
use super::scope::{Scope, StageScope};
use super::stages::Dockerfile;
use crate::frontend::dockerfile::base::Bases;
use crate::frontend::dockerfile::context::BuildContext;
use crate::oci::image::location::ImageLocation;
use crate::oci::image::platform::Platform;
use crate::recipe::diagnostic::Diagnostic;
use crate::recipe::{PlatformRecipe, Recipe};

/// What a Dockerfile is lowered with.
pub struct DockerfileRequest<'a> {
    /// What was read.
    pub dockerfile: &'a Dockerfile,
    /// The directories that files can be copied from.
    pub contexts: &'a dyn BuildContexts,
    /// What FROM or --from means by some names.
    pub images: &'a BTreeMap<String, ImageLocation>,
    /// Values for ARG.
    pub build_args: &'a BTreeMap<String, String>,
    /// The stage to build, where it is not the last.
    pub target: Option<&'a str>,
    /// What the image is for, in the order of the index.
    pub platforms: &'a [Platform],
    /// What the build runs on.
    pub build_platform: &'a Platform,
    /// Loads the images that stages stand on.
    pub bases: &'a Bases<'a>,
}

/// The build contexts.
pub trait BuildContexts: Sync {
    /// Returns the context of a name; the empty one is that of the build itself.
    fn context(&self, name: &str) -> Option<&dyn BuildContext>;
}

/// What a Dockerfile comes to.
#[derive(Debug)]
pub struct LoweredDockerfile {
    /// Without names.
    pub recipe: Recipe,
    /// What is doubtful, and does not keep the image from being built.
    pub warnings: Vec<Diagnostic>,
    /// `SOURCE_DATE_EPOCH`, if an ARG in front of the first stage sets it.
    pub epoch: Option<String>,
}

/// Lowers a Dockerfile. The error holds, for each platform, the first thing that cannot be evaluated.
pub fn lower(request: &DockerfileRequest<'_>) -> Result<LoweredDockerfile, Vec<Diagnostic>> {
    let target = request.dockerfile.target(request.target).map_err(|problem| vec![problem])?;
    let mut platforms = Vec::new();
    let (mut problems, mut warnings) = (Vec::new(), Vec::new());
    let mut epoch = None;
    for platform in request.platforms {
        match evaluate(request, platform, target, &mut warnings) {
            Ok((recipe, found)) => {
                epoch = found;
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
    let recipe = Recipe { names: Vec::new(), platforms, annotations: BTreeMap::new() };
    Ok(LoweredDockerfile { recipe, warnings, epoch })
}

type Evaluated = (PlatformRecipe, Option<String>);

/// Evaluates the stages that the target needs.
fn evaluate(
    request: &DockerfileRequest<'_>,
    platform: &Platform,
    target: usize,
    warnings: &mut Vec<Diagnostic>,
) -> Result<Evaluated, Vec<Diagnostic>> {
    let dockerfile = request.dockerfile;
    let scope = globals(request, platform, target).map_err(|problem| vec![problem])?;
    let loader = Loader::new(request, platform, &scope);
    let mut stages: BTreeMap<usize, (Stage, StageScope<'_>)> = BTreeMap::new();
    let bases = loader.bases();
    for number in dockerfile.needed(target, &bases) {
        let found = RefCell::new(Vec::new());
        let evaluated = loader.begin(number, &stages, &found).and_then(|(stage, variables)| {
            let mut evaluation =
                Evaluation { loader: &loader, stages: &stages, number, stage, variables };
            evaluation.run()?;
            Ok((evaluation.stage, evaluation.variables))
        });
        warnings.extend(found.into_inner());
        // What stands on a stage that cannot be evaluated cannot be either.
        stages.insert(number, evaluated.map_err(|problem| vec![*problem])?);
    }
    warnings.extend(unused(&scope));
    // It is among what it needs itself.
    let Some((stage, _)) = stages.remove(&target) else { return Err(Vec::new()) };
    warnings.extend(judge::doubts(&stage, &dockerfile.stages[target].from.base.span));
    let Stage { base, steps, config, annotations, .. } = stage;
    // `FROM --platform` of the target says what the image is for, whatever was asked for.
    let platform = loader.platform(&dockerfile.stages[target].from);
    let platform = platform.map_err(|problem| vec![*problem])?;
    let recipe = PlatformRecipe { platform, base, steps, config, annotations };
    Ok((recipe, scope.get("SOURCE_DATE_EPOCH")))
}

/// Returns what ARGs in front of the first stage declare.
fn globals(
    request: &DockerfileRequest<'_>,
    platform: &Platform,
    target: usize,
) -> Result<Scope, Diagnostic> {
    let dockerfile = request.dockerfile;
    let name = dockerfile.stages.get(target).and_then(|stage| stage.from.name.as_ref());
    let name = name.filter(|_| target + 1 < dockerfile.stages.len());
    let name = name.map_or("", |name| name.text.as_str());
    let mut scope = Scope::global(platform, request.build_platform, name, request.build_args);
    for (name, default) in &dockerfile.globals {
        let lookup = |name: &str| scope.get(name);
        let default = default.as_ref().map(|word| variables::expand(dockerfile, &lookup, word));
        let default = default.transpose().map_err(|problem| *problem)?;
        scope.declare_global(&name.text, default);
    }
    Ok(scope)
}

fn unused(scope: &Scope) -> Option<Diagnostic> {
    let unused = scope.unused_build_args();
    let all = unused.join("`, `");
    (!unused.is_empty()).then(|| {
        Diagnostic::new(format!("no ARG declares the build argument `{all}`"))
            .help("is it misspelt? one that is not declared changes nothing")
    })
}

impl std::fmt::Debug for DockerfileRequest<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DockerfileRequest")
            .field("platforms", &self.platforms)
            .finish_non_exhaustive()
    }
}
