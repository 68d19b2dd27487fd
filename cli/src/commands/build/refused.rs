//! What is *refused* of images before they are built: names and a format that they cannot have.

use diskette_builder::cluster::disk_artifact::ArtifactKind;
use diskette_builder::compression::LayerCompression;
use diskette_builder::frontend::artifact::{SettingOrigins, to_disk_artifact};
use diskette_builder::recipe::diagnostic::Diagnostic;
use diskette_builder::recipe::{PlatformRecipe, Recipe};
use diskette_builder::registry::client::PublishedNames;

use super::BuildArguments;
use crate::arguments::compression::{CompressionChoice, CompressionKind};
use crate::arguments::image_format::FormatKind;
use crate::arguments::names::parse_name;
use crate::disks::text::PLACEHOLDER_REGISTRY;
use crate::engines::EngineChoice;
use crate::error::CommandError;

impl BuildArguments {
    /// Refuses images that cannot have the names that they would get.
    pub(super) fn check_names(&self, recipes: &[Recipe]) -> Result<(), CommandError> {
        if self.is_pushed() {
            refuse_unnamed(recipes)?;
        }
        if !self.check.is_on() {
            refuse_placeholder(recipes)?;
        }
        self.check_digest_names()?;
        self.check_output_name(recipes)
    }

    /// Refuses tags on the command line for an image that is pushed by its digest alone, as BuildKit
    /// does (`util/push/push.go`). Tags of a spec are not written.
    fn check_digest_names(&self) -> Result<(), CommandError> {
        if self.outputs().published_names() == PublishedNames::Tags {
            return Ok(());
        }
        let given = self.tag.iter().chain(&self.manifest).map(|name| parse_name(name));
        let given = given.collect::<Result<Vec<_>, _>>()?;
        let mut names = given.iter().chain(self.outputs().names());
        let tagged = names.find(|name| name.has_tag()).map(ToString::to_string);
        let Some(tagged) = tagged.or_else(|| self.per_arch_tags.then(|| "--per-arch-tags".into()))
        else {
            return Ok(());
        };
        let message = format!("`{tagged}` has a tag, and `push-by-digest` writes none");
        let help = "name the repository without a tag, e.g. `-t quay.io/me/fedora`";
        Err(CommandError::Usage(Diagnostic::new(message).help(help)))
    }

    /// Refuses annotations, artifacts and subjects in Docker's format, which has none.
    pub(super) fn check_format(&self, recipes: &[Recipe]) -> Result<(), CommandError> {
        if self.image_format()? != FormatKind::Docker {
            return Ok(());
        }
        if recipes.iter().any(|recipe| recipe.artifact_type().is_some()) {
            let diagnostic = Diagnostic::new("docker's format has no artifacts");
            return Err(CommandError::Usage(diagnostic.help("build with `--format oci`")));
        }
        if let Some(subject) = recipes.iter().find_map(|recipe| recipe.subject.as_ref()) {
            let diagnostic = Diagnostic::new("an image in docker's format cannot refer to another");
            let diagnostic = diagnostic.at(subject.origin.clone());
            let help = "leave the subject out, or build with `--format oci`";
            return Err(CommandError::Usage(diagnostic.help(help)));
        }
        if recipes.iter().all(|recipe| recipe.annotations.is_empty()) {
            return Ok(());
        }
        let diagnostic = Diagnostic::new("an image in docker's format has no annotations");
        Err(CommandError::Usage(diagnostic.help("leave them out, or build with `--format oci`")))
    }

    /// Turns images into disk artifacts if the options say so.
    pub(super) fn apply_format(
        &self,
        recipes: &mut [Recipe],
        origins: &SettingOrigins,
    ) -> Result<(), CommandError> {
        if self.given_format()? != Some(FormatKind::Artifact) {
            return Ok(());
        }
        let mut recipes = recipes.iter_mut();
        recipes.try_for_each(|it| to_disk_artifact(it, origins)).map_err(CommandError::Usage)
    }

    /// Refuses artifacts that would be loaded into a container engine, which has only images.
    pub(super) fn check_load(&self, recipes: &[Recipe]) -> Result<(), CommandError> {
        let is_loaded = !matches!(self.load, None | Some(EngineChoice::None));
        let Some(artifact) = find_artifact(recipes).filter(|_| is_loaded) else { return Ok(()) };
        let message = format!("`--load` is for images, and this is {}", artifact.noun());
        let help = "push it, or write a layout with `-o oci:DIR`";
        Err(CommandError::Usage(Diagnostic::new(message).help(help)))
    }

    /// Refuses an output with a name for several images.
    fn check_output_name(&self, recipes: &[Recipe]) -> Result<(), CommandError> {
        let output = self.outputs().local().filter(|local| local.name.is_some());
        let Some(output) = output.filter(|_| recipes.len() > 1 || self.per_arch_tags) else {
            return Ok(());
        };
        let diagnostic =
            Diagnostic::new(format!("`{output}` names one image, and there are several"));
        let help = format!("use `-o {}:{}`", output.store.scheme(), output.path.display());
        Err(CommandError::Usage(diagnostic.help(help)))
    }
}

/// Returns the kind of artifact that is among the recipes.
pub(super) fn find_artifact(recipes: &[Recipe]) -> Option<ArtifactKind> {
    recipes.iter().find_map(ArtifactKind::of_recipe)
}

/// Returns the compression of layers; refuses another one for an artifact, whose media types include it.
pub(super) fn choose_compression(
    platform: &PlatformRecipe,
    choice: CompressionChoice,
) -> Result<LayerCompression, CommandError> {
    let own = platform.compression;
    let (message, help) = match ArtifactKind::of(platform) {
        Some(ArtifactKind::Disk) => {
            let is_none = matches!(choice.kind, None | Some(CompressionKind::None));
            if is_none && choice.level.is_none() {
                return Ok(own);
            }
            (
                "the layer of a disk artifact is the disk, and is not compressed",
                "leave `--compression` out; `--convert qcow2 --convert-compress zstd` compresses the disk",
            )
        }
        kind => {
            let changed = choice.apply(own)?;
            if kind.is_none() || own.kind() == changed.kind() {
                return Ok(changed);
            }
            (
                "the disks of a VM artifact are compressed with zstd",
                "leave `--compression` out; `--compression-level` sets the level",
            )
        }
    };
    Err(CommandError::Usage(Diagnostic::new(message).help(help)))
}

/// Refuses to push an image without a name.
fn refuse_unnamed(recipes: &[Recipe]) -> Result<(), CommandError> {
    if recipes.iter().all(|recipe| !recipe.names.is_empty()) {
        return Ok(());
    }
    let diagnostic = Diagnostic::new("an image without a name cannot be pushed");
    Err(CommandError::Usage(diagnostic.help("use `-t REF`, or `image: REF` in the spec")))
}

/// Refuses the name that `diskette init` writes if no repository is known.
fn refuse_placeholder(recipes: &[Recipe]) -> Result<(), CommandError> {
    let mut names = recipes.iter().flat_map(|recipe| &recipe.names);
    let Some(name) = names.find(|name| name.registry() == PLACEHOLDER_REGISTRY) else {
        return Ok(());
    };
    let message = format!("`{}` stands for a repository of yours", name.full_repository());
    let help = "set `image:` in the spec to your repository, or build with `-t quay.io/you/fedora`";
    Err(CommandError::Usage(Diagnostic::new(message).help(help)))
}
