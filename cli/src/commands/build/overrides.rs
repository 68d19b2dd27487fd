//! What command-line options change in recipes.

use std::collections::{BTreeMap, BTreeSet};

use diskette_builder::cluster::disk_artifact::ArtifactKind;
use diskette_builder::disk::DiskSize;
use diskette_builder::disk::convert::Conversion;
use diskette_builder::frontend::artifact::rename_file;
use diskette_builder::oci::image::location::ImageLocation;
use diskette_builder::oci::image::platform::Platform;
use diskette_builder::oci::image::reference::Reference;
use diskette_builder::recipe::diagnostic::Diagnostic;
use diskette_builder::recipe::{
    AttestationKind, LayerContent, LayerEntry, LayerEntryKind, PlatformRecipe, Recipe, RecipeStep,
    SourceRecipe, SourceRole, SubjectRecipe,
};

use super::refused::find_artifact;
use crate::arguments::annotation::Annotation;
use crate::arguments::key_value::KeyValue;
use crate::arguments::names::{parse_name, parse_platform};
use crate::error::CommandError;

/// Options that change recipes.
#[derive(Debug)]
pub(super) struct RecipeOverrides<'a> {
    pub(super) names: Vec<&'a str>,
    /// Names in registries that outputs have.
    pub(super) outputs: Vec<&'a Reference>,
    pub(super) platforms: &'a [String],
    pub(super) labels: &'a [KeyValue],
    pub(super) annotations: Vec<&'a Annotation>,
    pub(super) env: &'a [KeyValue],
    pub(super) convert: Option<Conversion>,
    /// Whether the free space of disks becomes zeros.
    pub(super) discard: bool,
    pub(super) disk_size: Option<DiskSize>,
    /// Image that the built ones refer to.
    pub(super) subject: Option<ImageLocation>,
    /// What is said of the images.
    pub(super) attest: BTreeSet<AttestationKind>,
}

impl RecipeOverrides<'_> {
    pub(super) fn apply(&self, recipes: &mut [Recipe]) -> Result<(), CommandError> {
        self.rename(recipes)?;
        self.choose_platforms(recipes)?;
        if let Some(artifact) = find_artifact(recipes) {
            self.refuse_image_options(artifact)?;
        }
        if let Some(conversion) = self.convert {
            convert_disks(recipes, conversion)?;
        }
        if let Some(size) = self.disk_size {
            change_disks(recipes, "resize", |source| source.set_disk_size(size))?;
        }
        if self.discard {
            change_disks(recipes, "discard the free space of", SourceRecipe::discard_free_space)?;
        }
        for recipe in recipes {
            self.annotations.iter().for_each(|annotation| annotation.apply(recipe));
            recipe.attest.extend(&self.attest);
            if let Some(location) = &self.subject {
                recipe.subject = Some(SubjectRecipe { location: location.clone(), origin: None });
            }
            for platform in &mut recipe.platforms {
                let Some(config) = platform.config.image_mut() else { continue };
                self.labels.iter().for_each(|label| config.set_label(&label.key, &label.value));
                self.env.iter().for_each(|variable| config.set_env(&variable.key, &variable.value));
            }
        }
        Ok(())
    }

    /// Refuses options that change what only an image has: one disk, and a config with labels.
    fn refuse_image_options(&self, artifact: ArtifactKind) -> Result<(), CommandError> {
        let (convert, size) = (self.convert.is_some(), self.disk_size.is_some());
        let is_vm = artifact == ArtifactKind::Vm;
        let given = [
            ("--convert", is_vm && convert, "remove it: the disks of a VM artifact are raw"),
            ("--size", is_vm && size, "set `size` of the disk in the spec"),
            ("--label", !self.labels.is_empty(), "use `--annotation`"),
            ("--env", !self.env.is_empty(), "use `--annotation`"),
        ];
        let Some((option, _, help)) = given.into_iter().find(|(_, is_given, _)| *is_given) else {
            return Ok(());
        };
        let message = format!("`{option}` is for images, and this is {}", artifact.noun());
        Err(CommandError::Usage(Diagnostic::new(message).help(help)))
    }

    fn rename(&self, recipes: &mut [Recipe]) -> Result<(), CommandError> {
        let names = self.names.iter().map(|name| parse_name(name));
        let mut names = names.collect::<Result<Vec<_>, _>>()?;
        names.extend(self.outputs.iter().copied().cloned());
        if names.is_empty() {
            return Ok(());
        }
        let [recipe] = recipes else {
            let message = format!("`-t` names one image, and the spec has {}", recipes.len());
            return Err(CommandError::Usage(
                Diagnostic::new(message).help("name them in the spec"),
            ));
        };
        recipe.names = names;
        Ok(())
    }

    fn choose_platforms(&self, recipes: &mut [Recipe]) -> Result<(), CommandError> {
        if self.platforms.is_empty() {
            return Ok(());
        }
        let wanted = self
            .platforms
            .iter()
            .map(|text| parse_platform(text))
            .collect::<Result<Vec<_>, _>>()?;
        for platform in &wanted {
            if !recipes.iter().flat_map(|recipe| &recipe.platforms).any(|p| p.platform == *platform)
            {
                return Err(no_such_platform(platform, recipes));
            }
        }
        for recipe in &mut *recipes {
            recipe.platforms.retain(|platform| wanted.contains(&platform.platform));
            if recipe.platforms.is_empty() {
                let message = "an image of the spec has none of these platforms";
                return Err(CommandError::Usage(Diagnostic::new(message)));
            }
        }
        Ok(())
    }
}

/// Converts every disk, and changes its name wherever the image uses it.
fn convert_disks(recipes: &mut [Recipe], conversion: Conversion) -> Result<(), CommandError> {
    let mut found = false;
    for platform in recipes.iter_mut().flat_map(|recipe| &mut recipe.platforms) {
        found |= convert_artifact(platform, conversion);
        let mut names = BTreeMap::new();
        for entry in layer_entries(&mut platform.steps) {
            if let LayerEntryKind::File(source) = &mut entry.kind
                && source.role == SourceRole::Disk
            {
                source.convert = Some(conversion);
                let (directory, name) = entry.path.rsplit_once('/').unwrap_or_default();
                let path = format!("{directory}/{}", conversion.file_name(name));
                names.insert(entry.path.clone(), path);
            }
        }
        found |= !names.is_empty();
        for step in &mut platform.steps {
            if let RecipeStep::Layer(layer) = step
                && let Some(new) = names.get(&layer.history)
            {
                layer.history.clone_from(new);
            }
        }
        for entry in layer_entries(&mut platform.steps) {
            for path in
                [Some(&mut entry.path), hardlink_target(&mut entry.kind)].into_iter().flatten()
            {
                if let Some(new) = names.get(path) {
                    path.clone_from(new);
                }
            }
        }
    }
    if found {
        return Ok(());
    }
    Err(no_disk("convert"))
}

/// Converts the disk of an artifact; returns whether there is one.
fn convert_artifact(platform: &mut PlatformRecipe, conversion: Conversion) -> bool {
    let mut found = false;
    for step in &mut platform.steps {
        if let RecipeStep::Layer(layer) = step
            && let LayerContent::Blob(blob) = &mut layer.content
        {
            blob.source.convert = Some(conversion);
            let name = conversion.file_name(&layer.history);
            rename_file(layer, name);
            found = true;
        }
    }
    found
}

/// Changes what is done with every disk. `verb` says what that is, if there is none.
fn change_disks(
    recipes: &mut [Recipe],
    verb: &str,
    change: impl Fn(&mut SourceRecipe),
) -> Result<(), CommandError> {
    let mut found = false;
    for platform in recipes.iter_mut().flat_map(|recipe| &mut recipe.platforms) {
        for step in &mut platform.steps {
            let RecipeStep::Layer(layer) = step else { continue };
            let disks = layer.sources_mut().into_iter();
            for source in disks.filter(|source| source.role == SourceRole::Disk) {
                change(source);
                found = true;
            }
        }
    }
    if found { Ok(()) } else { Err(no_disk(verb)) }
}

fn no_disk(verb: &str) -> CommandError {
    let diagnostic = Diagnostic::new(format!("there is no disk to {verb}: no file goes to /disk"));
    CommandError::Usage(diagnostic.help("disks of base images stay as they are"))
}

fn layer_entries(steps: &mut [RecipeStep]) -> impl Iterator<Item = &mut LayerEntry> {
    steps.iter_mut().flat_map(|step| match step {
        RecipeStep::Layer(layer) => layer.entries_mut(),
        RecipeStep::Config { .. } => &mut [],
    })
}

/// Returns the target path of a hard link.
fn hardlink_target(kind: &mut LayerEntryKind) -> Option<&mut String> {
    match kind {
        LayerEntryKind::Hardlink(target) => Some(target),
        _ => None,
    }
}

fn no_such_platform(platform: &Platform, recipes: &[Recipe]) -> CommandError {
    let mut known: Vec<String> = recipes
        .iter()
        .flat_map(|recipe| &recipe.platforms)
        .map(|platform: &PlatformRecipe| platform.platform.to_string())
        .collect();
    known.sort();
    known.dedup();
    let diagnostic = Diagnostic::new(format!("the spec has no platform {platform}"));
    CommandError::Usage(diagnostic.help(format!("it has {}", known.join(", "))))
}
