//! *Disk artifacts* from recipes of images: the disk becomes the only layer, as it is.

use std::collections::BTreeMap;

use crate::cluster::disk_artifact::{ARTIFACT_TYPE, ArtifactKind, LAYER_MEDIA_TYPE};
use crate::compression::LayerCompression;
use crate::oci::image::config::{DEFAULT_PATH, ImageConfig};
use crate::oci::image::descriptor::TITLE;
use crate::recipe::diagnostic::{Diagnostic, Span};
use crate::recipe::{
    ArtifactConfig, BlobRecipe, ConfigRecipe, LayerContent, LayerEntry, LayerEntryKind,
    LayerRecipe, PlatformRecipe, Recipe, RecipeStep, SourceRecipe, SourceRole,
};

/// What an image can have and a disk artifact has not.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum ImageSetting {
    /// A base image.
    Base,
    /// A label of this name.
    Label(String),
    /// An environment variable of this name.
    Variable(String),
    /// Another setting of containers: a field of the config, e.g. `Entrypoint`.
    Container(String),
}

/// Where the settings of an image are from, for messages.
pub type SettingOrigins = BTreeMap<ImageSetting, Span>;

/// Turns the recipe of an image into that of a disk artifact. It is an error if the image has what such an
/// artifact cannot have. The owner and the mode of the disk are left out: the runtime sets them.
pub fn to_disk_artifact(recipe: &mut Recipe, origins: &SettingOrigins) -> Result<(), Diagnostic> {
    for platform in &mut recipe.platforms {
        match ArtifactKind::of(platform) {
            Some(ArtifactKind::Disk) => continue,
            Some(ArtifactKind::Vm) => {
                let diagnostic = Diagnostic::new("a VM artifact is no disk artifact");
                return Err(diagnostic.help("leave the format out: `kind: vm` builds an artifact"));
            }
            None => {}
        }
        check_image(platform, origins)?;
        let (path, source) = take_disk(platform)?;
        make_artifact(platform);
        platform.steps = vec![RecipeStep::Layer(layer_of_disk(&path, source))];
    }
    Ok(())
}

/// Turns the recipe of a platform's image into that of a disk artifact, whose layer is added.
pub(crate) fn make_artifact(platform: &mut PlatformRecipe) {
    platform.steps.clear();
    platform.config = ConfigRecipe::Artifact(ArtifactConfig::empty(ARTIFACT_TYPE));
    platform.compression = LayerCompression::None;
}

/// Renames the file of a layer of an artifact.
pub fn rename_file(layer: &mut LayerRecipe, name: String) {
    if let LayerContent::Blob(blob) = &mut layer.content {
        blob.annotations.insert(TITLE.to_owned(), name.clone());
        layer.history = name;
    }
}

/// Refuses what an artifact has not: a base, and settings of a container.
fn check_image(platform: &PlatformRecipe, origins: &SettingOrigins) -> Result<(), Diagnostic> {
    let Some(setting) = find_setting(platform) else { return Ok(()) };
    let (what, help) = match &setting {
        ImageSetting::Base => ("a base image".to_owned(), "build `FROM scratch`"),
        ImageSetting::Label(name) => {
            (format!("labels, and this has `{name}`"), "remove it, or use `--annotation`")
        }
        ImageSetting::Variable(name) => (
            format!("environment variables, and this has `{name}`"),
            "remove it, or use `--annotation`",
        ),
        ImageSetting::Container(name) => {
            (format!("settings of containers, and this has `{name}`"), "remove it")
        }
    };
    Err(refused(&format!("has no {what}")).at(origins.get(&setting).cloned()).help(help))
}

/// Returns the first thing that an image has and an artifact has not.
fn find_setting(platform: &PlatformRecipe) -> Option<ImageSetting> {
    if platform.base.is_some() {
        return Some(ImageSetting::Base);
    }
    let config = platform.config.image()?;
    let label = config.labels().keys().next().map(|name| (*name).to_owned());
    let variable = || first_variable(config).map(ImageSetting::Variable);
    let setting = || first_setting(config).map(ImageSetting::Container);
    label.map(ImageSetting::Label).or_else(variable).or_else(setting)
}

/// Returns the first variable; all images of Dockerfiles have the default `PATH`.
fn first_variable(config: &ImageConfig) -> Option<String> {
    let is_default = |variable: &(&str, &str)| *variable == ("PATH", DEFAULT_PATH);
    config.env().find(|variable| !is_default(variable)).map(|(name, _)| name.to_owned())
}

/// Returns the first setting that is neither a label nor a variable.
fn first_setting(config: &ImageConfig) -> Option<String> {
    config.settings().find(|name| !["Env", "Labels"].contains(name)).map(str::to_owned)
}

/// Returns the path and the source of the only file.
fn take_disk(platform: &PlatformRecipe) -> Result<(String, SourceRecipe), Diagnostic> {
    let entries = platform.layers().flat_map(LayerRecipe::entries);
    let files = entries.filter(|entry| entry.kind != LayerEntryKind::Directory);
    let (disks, others): (Vec<_>, Vec<_>) = files.partition(|entry| is_disk(entry));
    if let Some(other) = others.first() {
        let message = format!("has a disk alone, and this has `/{}`", shown(other));
        let diagnostic = refused(&message).at(origin(other).cloned());
        return Err(diagnostic.help("leave the file out, or build a container image"));
    }
    let [LayerEntry { path, kind: LayerEntryKind::File(source), .. }] = disks[..] else {
        return Err(match disks[..] {
            [first, second, ..] => {
                let (first, shown_second) = (shown(first), shown(second));
                refused(&format!("has one disk, and this has `/{first}` and `/{shown_second}`"))
                    .at(origin(second).cloned())
            }
            _ => refused("has a disk, and no file goes to /disk"),
        });
    };
    Ok((path.clone(), source.clone()))
}

fn is_disk(entry: &LayerEntry) -> bool {
    matches!(&entry.kind, LayerEntryKind::File(source) if source.role == SourceRole::Disk)
}

/// Returns where the content of a file is from.
fn origin(entry: &LayerEntry) -> Option<&Span> {
    match &entry.kind {
        LayerEntryKind::File(source) => source.origin.as_ref(),
        _ => None,
    }
}

fn shown(entry: &LayerEntry) -> &str {
    entry.path.trim_start_matches('/')
}

fn refused(what: &str) -> Diagnostic {
    Diagnostic::new(format!("a disk artifact {what}"))
}

/// Returns the layer that is a disk. Its title is the name of the file at the path that the disk would
/// have in an image.
pub(crate) fn layer_of_disk(path: &str, source: SourceRecipe) -> LayerRecipe {
    let title = path.rsplit('/').next().unwrap_or(path).to_owned();
    let content = LayerContent::Blob(BlobRecipe {
        source,
        media_type: LAYER_MEDIA_TYPE.to_owned(),
        annotations: BTreeMap::from([(TITLE.to_owned(), title.clone())]),
        size_annotation: None,
    });
    LayerRecipe { history: title, content }
}
