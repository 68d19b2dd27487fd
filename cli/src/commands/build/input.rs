//! The *input* of a build: a spec or a Dockerfile, wherever it was found.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use diskette_builder::engine::source::InputFiles;
use diskette_builder::frontend::dockerfile::base::Bases;
use diskette_builder::frontend::dockerfile::{self, DockerfileRequest};
use diskette_builder::frontend::spec;
use diskette_builder::oci::image::platform::Platform;
use diskette_builder::oci::progress::Progress;
use diskette_builder::oci::tar::TarLimits;
use diskette_builder::recipe::Recipe;
use diskette_builder::recipe::diagnostic::{Diagnostic, SourceText};

use super::BuildArguments;
use super::lock::LockFile;
use crate::arguments::names::parse_platform;
use crate::assembly::cache;
use crate::environment::Environment;
use crate::error::CommandError;
use crate::files::dependencies::Reads;
use crate::files::spec_files::SpecFiles;
use crate::files::{read_if_there, read_spec};
use crate::images::places::OpenPlaces;
use crate::ui::Ui;

/// The names that are looked for, in this order.
const NAMES: [&str; 3] = ["diskette.yaml", "Containerfile", "Dockerfile"];

/// Something to build from.
pub(super) struct Input {
    path: PathBuf,
    source: Arc<SourceText>,
    pub(super) language: Language,
}

/// What an input is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Language {
    Spec,
    Dockerfile,
}

/// What an input comes to.
pub(super) struct Loaded {
    pub(super) recipes: Vec<Recipe>,
    /// Opens the files that the recipes name.
    pub(super) inputs: Box<dyn InputFiles>,
    /// The time that the input itself asks for.
    pub(super) epoch: Option<String>,
    /// The files that were read, and will be.
    pub(super) reads: Reads,
}

impl Input {
    /// Reads what was named, or else what there is in the context.
    pub(super) fn find(arguments: &BuildArguments) -> Result<Self, CommandError> {
        let context = arguments.context.components().as_path();
        if let Some(path) = &arguments.file {
            // docker looks where it was started, buildah in the context too.
            let inside = context.join(path);
            let is_elsewhere = path != Path::new("-") && !path.exists() && inside.exists();
            let path = if is_elsewhere { inside } else { path.clone() };
            let source = read_spec(&path)?;
            let language = Language::of(&path, &source.text);
            return Ok(Self { path, source, language });
        }
        for name in NAMES {
            let path = context.join(name);
            if let Some(source) = read_if_there(&path)? {
                let language = Language::of(&path, &source.text);
                return Ok(Self { path, source, language });
            }
        }
        let message = format!("nothing to build in `{}`", arguments.context.display());
        let help = "write a `diskette.yaml` or a `Dockerfile`, or name another file with `-f`";
        Err(Diagnostic::new(message).help(help).into())
    }

    /// Reads the recipes.
    pub(super) fn load(
        &self,
        arguments: &BuildArguments,
        places: &OpenPlaces<'_>,
        environment: &Environment,
        progress: &dyn Progress,
        ui: &Ui,
    ) -> Result<Loaded, CommandError> {
        match self.language {
            Language::Spec => self.load_spec(arguments),
            Language::Dockerfile => {
                self.load_dockerfile(arguments, places, environment, progress, ui)
            }
        }
    }

    /// Returns what has been read already.
    fn reads(&self) -> Reads {
        let reads = Reads::default();
        reads.add(&self.path);
        reads
    }

    /// The lock file lies beside the Dockerfile.
    fn path_of_lock(&self, arguments: &BuildArguments) -> PathBuf {
        let is_named = self.path != Path::new("-");
        let path = if is_named { self.path.clone() } else { arguments.context.join("Dockerfile") };
        let mut name = path.into_os_string();
        name.push(".lock");
        name.into()
    }

    /// Paths in a spec are relative to its directory.
    fn load_spec(&self, arguments: &BuildArguments) -> Result<Loaded, CommandError> {
        let recipes = spec::load_recipes(&self.source).map_err(CommandError::Failed)?;
        let base = match self.path.parent() {
            Some(parent) if self.path != Path::new("-") => parent.to_owned(),
            _ => arguments.context.clone(),
        };
        let reads = self.reads();
        let inputs = Box::new(SpecFiles { base, reads: reads.clone() });
        Ok(Loaded { recipes, inputs, epoch: None, reads })
    }

    fn load_dockerfile(
        &self,
        arguments: &BuildArguments,
        places: &OpenPlaces<'_>,
        environment: &Environment,
        progress: &dyn Progress,
        ui: &Ui,
    ) -> Result<Loaded, CommandError> {
        let read = dockerfile::parse(&self.source).map_err(CommandError::Failed)?;
        let own = (self.path != Path::new("-")).then_some(&*self.path);
        let reads = self.reads();
        let contexts = arguments.dockerfile.contexts(&arguments.context, own, &reads)?;
        let build_args = arguments.dockerfile.build_args(environment);
        let images = arguments.dockerfile.images();
        let build_platform = Platform::host();
        let platforms = arguments.platform.iter().map(|text| parse_platform(text));
        let mut platforms = platforms.collect::<Result<Vec<_>, _>>()?;
        if platforms.is_empty() {
            platforms.push(build_platform.clone());
        }
        let cache = if arguments.no_cache { None } else { cache(environment, "bases", ui) };
        let lock = LockFile::of(self.path_of_lock(arguments), &arguments.dockerfile)?;
        let bases = Bases {
            places,
            cache: cache.as_ref(),
            resolver: &lock.resolver,
            limits: TarLimits::default(),
            progress,
        };
        let request = DockerfileRequest {
            dockerfile: &read,
            contexts: &contexts,
            images: &images,
            build_args: &build_args,
            target: arguments.dockerfile.target.as_deref(),
            platforms: &platforms,
            build_platform: &build_platform,
            bases: &bases,
        };
        let lowered = dockerfile::lower(&request).map_err(CommandError::Failed)?;
        ui.warn(&lowered.warnings);
        lock.write(&arguments.dockerfile)?;
        let epoch = build_args.get("SOURCE_DATE_EPOCH").cloned().or(lowered.epoch);
        Ok(Loaded { recipes: vec![lowered.recipe], inputs: Box::new(contexts), epoch, reads })
    }
}

impl Language {
    /// A name tells, else what stands first: a spec is a mapping, a Dockerfile has an instruction.
    fn of(path: &Path, text: &str) -> Self {
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
        if [".yaml", ".yml", ".json"].iter().any(|end| name.ends_with(end)) {
            return Self::Spec;
        }
        if name.contains("dockerfile") || name.contains("containerfile") {
            return Self::Dockerfile;
        }
        let mut lines = text.trim_start_matches('\u{feff}').lines().map(str::trim);
        let first = lines.find(|line| !line.is_empty() && !line.starts_with('#'));
        let word = first.and_then(|line| line.split_whitespace().next()).unwrap_or_default();
        if word.chars().all(|c| c.is_ascii_alphabetic()) && !word.is_empty() {
            Self::Dockerfile
        } else {
            Self::Spec
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inputs_tell_what_they_are() {
        let check = |path: &str, text: &str, expected: Language| {
            assert_eq!(Language::of(Path::new(path), text), expected, "{path}: {text}");
        };
        check("a.yaml", "FROM scratch", Language::Spec);
        check("Dockerfile", "apiVersion: diskette/v1", Language::Dockerfile);
        check("b/Containerfile.vm", "", Language::Dockerfile);
        check("vm.dockerfile", "", Language::Dockerfile);
        check("-", "# syntax=docker/dockerfile:1\n\nFROM scratch", Language::Dockerfile);
        check("-", "\u{feff}from a", Language::Dockerfile);
        check("-", "apiVersion: diskette/v1", Language::Spec);
        check("-", "# yaml\n---\napiVersion: diskette/v1", Language::Spec);
        check("-", "{apiVersion: diskette/v1}", Language::Spec);
        check("-", "", Language::Spec);
    }
}
