//! *Lowering* converts a spec to a recipe: defaults are filled in, settings of a platform override
//! those at the top, and what cannot work is reported.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::oci::image::reference::Reference;

use super::compression::{check_compression, lower_compression};
use super::content::{PlatformSpec, SpecPlatforms};
use super::environment::{Overridable, lower_environment, lower_string_map};
use super::files::{file_entry, lower_files, parent_entries};
use super::located::{Located, LocatedText};
use super::location::parse_image;
use super::names::lower_names;
use super::release::DocsSpec;
use super::source;
use super::types::{API_VERSION, Spec};
use super::vm::{SpecContent, lower_machine_platform};
use crate::compression::LayerCompression;
use crate::engine::source::InputFiles;
use crate::frontend::artifact::{SettingOrigins, to_disk_artifact};
use crate::oci::image::config::ImageConfig;
use crate::oci::image::platform::Platform;
use crate::recipe::diagnostic::{Diagnostic, Span};
use crate::recipe::{
    AttestationKind, ConfigRecipe, LayerRecipe, PlatformRecipe, Recipe, RecipeStep, SourceRecipe,
    SubjectRecipe,
};

/// A recipe, and the spans of its names.
#[derive(Debug)]
pub(super) struct LoweredSpec {
    pub(super) recipe: Recipe,
    pub(super) names: Vec<Located<Reference>>,
}

/// Returns the recipe; it is valid only if nothing was reported.
pub(super) fn lower_spec(
    spec: &Spec,
    files: &dyn InputFiles,
    problems: &mut Vec<Diagnostic>,
) -> LoweredSpec {
    // Tags of an image that follows a release are templates.
    let tags = spec.tags.as_ref().filter(|_| spec.release.is_none());
    let names = lower_names(spec.image.as_ref(), tags, problems);
    let annotations = lower_string_map(
        "an annotation",
        &Overridable { top: spec.annotations.as_ref(), own: None },
        problems,
    );
    if spec.release.is_none() {
        let policy = spec.policy.as_ref().map(|policy| &policy.span);
        let docs = spec.docs.as_ref().and_then(DocsSpec::span);
        problems.extend(policy.into_iter().chain(docs).map(|span| {
            Diagnostic::new("this is for an image that follows a release")
                .at(span.clone())
                .help("add `release:`, or remove it")
        }));
    }
    check_compression(spec.compression.as_ref(), problems);
    let mut warnings = Vec::new();
    let content = SpecContent::load(spec, files, problems);
    let platforms = lower_platforms(spec, &content, &mut warnings, problems);
    let subject = spec.subject.as_ref().and_then(|text| lower_subject(text, problems));
    let mut recipe = Recipe {
        names: names.iter().map(|name| name.value.clone()).collect(),
        platforms,
        annotations,
        index_annotations: BTreeMap::new(),
        subject,
        attest: lower_attest(spec),
        warnings,
    };
    // What an artifact cannot have was reported, with its line.
    if spec.is_disk_artifact()
        && problems.is_empty()
        && let Err(problem) = to_disk_artifact(&mut recipe, &SettingOrigins::new())
    {
        problems.push(problem.at(spec.kind.as_ref().map(|kind| kind.span.clone())));
    }
    LoweredSpec { recipe, names }
}

/// Returns what is said of an image in attestations.
pub(super) fn lower_attest(spec: &Spec) -> BTreeSet<AttestationKind> {
    let kinds = spec.attest.iter().flat_map(|kinds| &kinds.value);
    kinds.map(|kind| kind.value).collect()
}

/// Parses the image that the built one refers to.
fn lower_subject(text: &LocatedText, problems: &mut Vec<Diagnostic>) -> Option<SubjectRecipe> {
    let location = parse_image(text).map_err(|problem| problems.push(problem)).ok()?;
    Some(SubjectRecipe { location, origin: Some(text.span.clone()) })
}

/// Checks the format's version. A file of another version is not checked any further.
pub(super) fn check_version(spec: &Spec) -> Result<(), Diagnostic> {
    let Some(version) = spec.api_version.as_ref().filter(|text| text.value != API_VERSION) else {
        return Ok(());
    };
    let problem = Diagnostic::new(format!("unknown version `{}`", version.value.escape_debug()));
    Err(problem.at(version.span.clone()).help(format!("this program reads `{API_VERSION}`")))
}

fn lower_platforms(
    spec: &Spec,
    content: &SpecContent,
    warnings: &mut Vec<Diagnostic>,
    problems: &mut Vec<Diagnostic>,
) -> Vec<PlatformRecipe> {
    let platforms = match (&spec.platforms, &spec.release) {
        (_, Some(release)) => {
            problems.push(
                Diagnostic::new(
                    "this image follows a release, and has no disk of its own to build",
                )
                .at(release.span.clone())
                .help("`diskette releases` shows what there is now; name one under `platforms`"),
            );
            return Vec::new();
        }
        (None, None) => return Vec::new(),
        (Some(SpecPlatforms::Names(names)), None) => {
            problems.push(
                Diagnostic::new("the platforms have no disks")
                    .at(names.span.clone())
                    .help("write `platforms: {linux/amd64: {disk: …}}`, or add a `release`"),
            );
            return Vec::new();
        }
        (Some(SpecPlatforms::Each(platforms)), None) => platforms,
    };
    let mut spans: HashMap<Platform, &Span> = HashMap::new();
    let mut recipes = Vec::new();
    for (key, own) in &platforms.value.0 {
        let platform = parse_platform(key, problems);
        if let Some((platform, other)) =
            platform.as_ref().zip(platform.as_ref().and_then(|p| spans.get(p)))
        {
            let (line, _) = other.line_column();
            problems.push(
                Diagnostic::new(format!("the platform `{platform}` is given twice"))
                    .at(key.span.clone())
                    .help(format!("`{}` on line {line} means the same", text_at(other))),
            );
        }
        spans.extend(platform.clone().map(|platform| (platform, &key.span)));
        recipes.extend(match content {
            SpecContent::Image => lower_platform(platform, spec, own, warnings, problems),
            SpecContent::Disk => {
                problems.extend(own.for_containers.iter().cloned());
                problems.extend(spec.check_compressed(&own.for_compressed).iter().cloned());
                lower_platform(platform, spec, own, warnings, problems)
            }
            SpecContent::Machine(machine) => {
                lower_machine_platform(platform, key, spec, own, machine.as_ref(), problems)
            }
        });
    }
    recipes
}

/// Parses a platform, and reports one that is invalid.
pub(super) fn parse_platform(
    key: &LocatedText,
    problems: &mut Vec<Diagnostic>,
) -> Option<Platform> {
    let parsed = key.value.parse::<Platform>();
    let parsed = parsed.map_err(|error| {
        Diagnostic::new(error.to_string()).at(key.span.clone()).help(error.help())
    });
    parsed.map_err(|problem| problems.push(problem)).ok()
}

fn lower_platform(
    platform: Option<Platform>,
    spec: &Spec,
    own: &PlatformSpec,
    warnings: &mut Vec<Diagnostic>,
    problems: &mut Vec<Diagnostic>,
) -> Option<PlatformRecipe> {
    problems.extend(own.for_machines.iter().cloned());
    // The rest is checked even if the platform is invalid.
    let any = platform.clone().unwrap_or_else(Platform::host);
    let disk = lower_disk_layer(own, &any, warnings, problems);
    let mut lowered = lower_without_disk(any, spec, Some(own), problems);
    lowered.steps.insert(0, RecipeStep::Layer(disk?));
    platform.map(|_| lowered)
}

/// Returns the recipe of a platform's image, without its disk.
pub(super) fn lower_without_disk(
    platform: Platform,
    spec: &Spec,
    own: Option<&PlatformSpec>,
    problems: &mut Vec<Diagnostic>,
) -> PlatformRecipe {
    let kubevirt = own.and_then(|own| own.kubevirt.as_ref());
    let own_env = own.and_then(|own| own.env.as_ref());
    let env = lower_environment(
        &Overridable { top: spec.kubevirt.as_ref(), own: kubevirt },
        &Overridable { top: spec.env.as_ref(), own: own_env },
        problems,
    );
    let own_labels = own.and_then(|own| own.labels.as_ref());
    let labels = Overridable { top: spec.labels.as_ref(), own: own_labels };
    let labels = lower_string_map("a label", &labels, problems);
    let own_files = own.and_then(|own| own.files.as_ref());
    let files = spec.files.iter().chain(own_files).flatten();
    let steps = lower_files(files, own.and_then(|own| own.path.as_ref()), problems)
        .map(RecipeStep::Layer)
        .into_iter()
        .collect();
    let mut config = ImageConfig::new(&platform);
    for (name, value) in &env {
        config.set_env(name, value);
    }
    for (name, value) in &labels {
        config.set_label(name, value);
    }
    let compression = match own.and_then(|own| own.compression.as_ref()) {
        Some(own) => lower_compression(own, problems),
        // Its problems are reported once, by `check_compression`.
        None => spec
            .compression
            .as_ref()
            .map_or_else(LayerCompression::default, |top| lower_compression(top, &mut Vec::new())),
    };
    PlatformRecipe {
        platform,
        base: None,
        steps,
        config: ConfigRecipe::Image(config),
        annotations: BTreeMap::new(),
        entry_annotations: BTreeMap::new(),
        compression,
    }
}

/// Returns the layer of the disk, which must be the lowest: CDI imports the first disk that it finds.
fn lower_disk_layer(
    own: &PlatformSpec,
    platform: &Platform,
    warnings: &mut Vec<Diagnostic>,
    problems: &mut Vec<Diagnostic>,
) -> Option<LayerRecipe> {
    if let Some(release) = &own.release {
        problems.push(
            Diagnostic::new("this image does not follow a release")
                .at(release.span.clone())
                .help("add `release:` at the top of the file, or name the disk under `disk:`"),
        );
    }
    // Disks of a virtual machine were reported already.
    problems.extend(own.without_disk.clone().filter(|_| own.for_machines.is_empty()));
    let (source, path) = (own.disk.as_ref()?, own.path.as_ref());
    let (disk, name) = source::lower_disk(source, platform, path, problems)?;
    Some(layer_of_disk(name.choose_path(warnings), disk))
}

/// Returns the layer that holds a disk at a path.
pub(super) fn layer_of_disk(path: String, disk: SourceRecipe) -> LayerRecipe {
    let entries = parent_entries(&path).chain([file_entry(&path, disk)]).collect();
    LayerRecipe::of_tar(path, entries)
}

fn text_at(span: &Span) -> &str {
    &span.source.text[span.range.clone()]
}
