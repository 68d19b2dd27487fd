//! *Lowering* evaluates a Dockerfile for each platform, and makes a recipe of its target stage.
//! Nothing is executed, and no content is read except that of small files on which the evaluation
//! depends.

mod add;
mod archive;
mod attributes;
mod base_stage;
mod contract_check;
mod copy;
mod copy_operation;
mod copy_request;
mod destination;
mod evaluation;
mod globals;
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
mod stages;
mod text_check;
mod triggers;
mod variables;

use std::collections::{BTreeMap, BTreeSet};

use self::globals::{global_scope, unused_args_warning};
pub use self::lint::lint_text;
use self::lint::{lint_stages, merge_reports};
use self::loader::StageLoader;
use self::stage::StageState;
use self::stages::evaluate_stages;
use super::lint::LintReport;
use super::stages::Dockerfile;
use crate::compression::LayerCompression;
use crate::engine::source::ArchiveDownloads;
use crate::frontend::artifact::SettingOrigins;
use crate::frontend::dockerfile::base::BaseLoader;
use crate::frontend::dockerfile::context::BuildContext;
use crate::oci::image::location::ImageLocation;
use crate::oci::image::platform::Platform;
use crate::oci::image::reference::Reference;
use crate::recipe::diagnostic::Diagnostic;
use crate::recipe::{ConfigRecipe, PlatformRecipe, Recipe};

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
    /// Where the settings of the image are from, for messages.
    pub origins: SettingOrigins,
    /// Value of `SOURCE_DATE_EPOCH`, if an ARG before the first stage sets it.
    pub epoch: Option<String>,
}

/// Lowers a Dockerfile. The error has, for each platform, the first problem of the evaluation.
pub fn lower(request: &DockerfileRequest<'_>) -> Result<LoweredDockerfile, Vec<Diagnostic>> {
    let target = request.dockerfile.find_target(request.target).map_err(|problem| vec![problem])?;
    let mut platforms = Vec::new();
    let (mut problems, mut warnings) = (Vec::new(), Vec::new());
    let (mut epoch, mut lint) = (None, LintReport::default());
    let mut origins = SettingOrigins::new();
    for platform in request.platforms {
        match evaluate_platform(request, platform, target, &mut warnings) {
            Ok(EvaluatedPlatform { recipe, lint: found, epoch: time, origins: own }) => {
                epoch = time;
                merge_reports(&mut lint, found);
                origins.extend(own);
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
        subject: None,
        attest: BTreeSet::new(),
        warnings: Vec::new(),
    };
    Ok(LoweredDockerfile { recipe, warnings, lint, origins, epoch })
}

/// What a Dockerfile is for one platform.
struct EvaluatedPlatform {
    recipe: PlatformRecipe,
    lint: LintReport,
    epoch: Option<String>,
    origins: SettingOrigins,
}

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
    let StageState { base, steps, config, annotations, origins, .. } = stage;
    // `FROM --platform` of the target sets the platform of the image, whatever was requested.
    let platform = loader.stage_platform(&dockerfile.stages[target].from);
    let platform = platform.map_err(|problem| vec![*problem])?;
    let entry_annotations = BTreeMap::new();
    let recipe = PlatformRecipe {
        platform,
        base,
        steps,
        config: ConfigRecipe::Image(config),
        annotations,
        entry_annotations,
        compression: LayerCompression::default(),
    };
    let epoch = scope.get("SOURCE_DATE_EPOCH");
    Ok(EvaluatedPlatform { recipe, lint, epoch, origins })
}

impl std::fmt::Debug for DockerfileRequest<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DockerfileRequest")
            .field("platforms", &self.platforms)
            .finish_non_exhaustive()
    }
}
