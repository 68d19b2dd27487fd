//! The *input* of a build: a spec or a Dockerfile.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use diskette_builder::engine::source::{ArchiveDownloads, InputFiles};
use diskette_builder::frontend::artifact::SettingOrigins;
use diskette_builder::frontend::dockerfile::base::BaseLoader;
use diskette_builder::frontend::dockerfile::{self, DockerfileRequest};
use diskette_builder::frontend::spec;
use diskette_builder::oci::image::location::ImageLocation;
use diskette_builder::oci::image::platform::Platform;
use diskette_builder::oci::image::reference::Reference;
use diskette_builder::oci::progress::Progress;
use diskette_builder::oci::tar::TarLimits;
use diskette_builder::recipe::Recipe;
use diskette_builder::recipe::diagnostic::{Diagnostic, SourceText};

use super::BuildArguments;
use super::check::InputFindings;
use super::language::InputLanguage;
use super::lock::LockFile;
use crate::arguments::image_format::FormatKind;
use crate::arguments::names::{parse_name, parse_platform};
use crate::assembly::open_cache;
use crate::disks::text::SpecTextContent;
use crate::environment::Environment;
use crate::error::CommandError;
use crate::files::context_source::{ContextFolder, OpenedContext};
use crate::files::dependencies::ReadFiles;
use crate::files::spec_files::SpecFiles;
use crate::files::{read_implied, read_spec};
use crate::images::opener::LocationOpener;
use crate::ui::Ui;

/// File names that are searched, in this order.
const INPUT_NAMES: [&str; 3] = ["diskette.yaml", "Containerfile", "Dockerfile"];

/// A spec or a Dockerfile that was read.
pub(super) struct BuildInput {
    path: PathBuf,
    source: Arc<SourceText>,
    pub(super) language: InputLanguage,
    pub(super) warnings: Vec<Diagnostic>,
    context: ContextFolder,
}

/// What an input is read with, beside the files of this machine.
pub(super) struct InputAccess<'a> {
    /// Opens base images.
    pub(super) opener: &'a LocationOpener<'a>,
    /// Lists archives on servers.
    pub(super) downloads: &'a ArchiveDownloads<'a>,
    pub(super) progress: &'a dyn Progress,
}

/// Returns the error for a context that is a file of no known kind.
fn context_is_file(path: &Path) -> Diagnostic {
    let name = path.display();
    let message = format!("`{name}` is a file, but no disk or archive that can be recognized");
    Diagnostic::new(message).help(format!(
        "name a spec or a Dockerfile with `-f {name}`; a raw disk is recognized by its name, e.g. `{name}.raw`"
    ))
}

/// The recipes of an input, and what is needed to build them.
pub(super) struct LoadedInput {
    pub(super) recipes: Vec<Recipe>,
    /// Opens the files that the recipes name.
    pub(super) inputs: Box<dyn InputFiles>,
    /// Where the settings of a Dockerfile are from.
    pub(super) origins: SettingOrigins,
    /// `SOURCE_DATE_EPOCH` of the input, if it sets it.
    pub(super) epoch: Option<String>,
    /// Records the files that were and will be read.
    pub(super) reads: ReadFiles,
}

impl BuildInput {
    /// Reads the named file, or the first that exists in the context.
    pub(super) fn find(
        arguments: &BuildArguments,
        downloads: &ArchiveDownloads<'_>,
        environment: &Environment,
    ) -> Result<Self, CommandError> {
        if arguments.are_disks() {
            // Old versions of docker read archives, and `docker load` what it is given.
            let zstd = arguments.load.is_none() && !arguments.outputs().has_archive();
            let built = match arguments.image_format()? {
                FormatKind::Artifact => SpecTextContent::Artifact,
                _ if zstd => SpecTextContent::Zstd,
                _ => SpecTextContent::Gzip,
            };
            if built == SpecTextContent::Artifact {
                arguments.disks.check_artifact()?;
            }
            let (source, warnings) =
                arguments.disks.describe(&arguments.inputs, &arguments.platform, built)?;
            let (path, language) = (PathBuf::new(), InputLanguage::Spec);
            let context = ContextFolder::Named(arguments.context().into());
            return Ok(Self { path, source, language, warnings, context });
        }
        arguments.disks.check_unused()?;
        if let [_, second, ..] = &arguments.inputs[..] {
            let message = format!("a build has one context, and `{second}` is another");
            let help = "several arguments are disks, e.g. `amd64=a.qcow2 arm64=b.qcow2`";
            return Err(CommandError::Usage(Diagnostic::new(message).help(help)));
        }
        let context = arguments.context_source()?.open(downloads, &environment.temporary)?;
        let OpenedContext { folder: context, dockerfile } = context;
        arguments.check_temporary(&context)?;
        if let Some(source) = dockerfile {
            return Ok(Self::new("-".into(), source, context));
        }
        let directory = context.path().components().as_path().to_owned();
        if let Some(path) = &arguments.file {
            if !directory.as_os_str().is_empty() && !directory.exists() {
                let message = format!("cannot find the directory `{}`", directory.display());
                let help = "`build -f FILE CONTEXT` looks for the files in CONTEXT";
                return Err(Diagnostic::new(message).help(help).into());
            }
            // docker searches the working directory, buildah the context too. What was unpacked has
            // its own.
            let inside = directory.join(path);
            let is_preferred = context.is_temporary() || !path.exists();
            let is_inside = path != Path::new("-") && is_preferred && inside.exists();
            let path = if is_inside { inside } else { path.clone() };
            let source = read_spec(&path)?;
            return Ok(Self::new(path, source, context));
        }
        if directory.is_file() {
            return Err(context_is_file(&directory).into());
        }
        for name in INPUT_NAMES {
            let path = directory.join(name);
            if let Some(source) = read_implied(&path)? {
                return Ok(Self::new(path, source, context));
            }
        }
        let message = format!("nothing to build in `{}`", arguments.context().display());
        let help = "write a `diskette.yaml` or a `Dockerfile`, name another file with `-f`, or name \
                    a disk and not its directory: `diskette build disk.qcow2`";
        Err(Diagnostic::new(message).help(help).into())
    }

    /// Returns the input of a text. The file of a context that was unpacked is named as in it.
    fn new(path: PathBuf, source: Arc<SourceText>, context: ContextFolder) -> Self {
        let language = InputLanguage::detect(&path, &source.text);
        let inside = path.strip_prefix(context.path()).ok().filter(|_| context.is_temporary());
        let source = match inside {
            Some(inside) => {
                let (name, text) = (inside.display().to_string(), source.text.clone());
                Arc::new(SourceText { name, text })
            }
            None => source,
        };
        Self { path, source, language, warnings: Vec::new(), context }
    }

    /// Returns the text of the input.
    pub(super) fn source(&self) -> &SourceText {
        &self.source
    }

    /// Lowers the input to recipes.
    pub(super) fn load(
        &self,
        arguments: &BuildArguments,
        access: &InputAccess<'_>,
        environment: &Environment,
        ui: &Ui,
        found: &mut InputFindings,
    ) -> Result<LoadedInput, CommandError> {
        match self.language {
            InputLanguage::Spec => self.load_spec(arguments),
            InputLanguage::Dockerfile => {
                self.load_dockerfile(arguments, access, environment, ui, found)
            }
        }
    }

    /// Returns the names that the images get: those of options, else those of the spec.
    pub(super) fn names(&self, arguments: &BuildArguments) -> Result<Vec<Reference>, CommandError> {
        let given: Vec<&String> = arguments.tag.iter().chain(&arguments.manifest).collect();
        if !given.is_empty() || self.language == InputLanguage::Dockerfile {
            return given.into_iter().map(|name| parse_name(name)).collect();
        }
        let files = self.spec_files(ReadFiles::default());
        let recipes = self.load_recipes(arguments, &files)?;
        Ok(recipes.into_iter().flat_map(|recipe| recipe.names).collect())
    }

    /// Returns a record of the file that has been read.
    fn reads(&self) -> ReadFiles {
        let reads = ReadFiles::default();
        if !self.path.as_os_str().is_empty() {
            reads.add(&self.path);
        }
        reads
    }

    /// Returns the path of the lock file, beside the Dockerfile.
    fn lock_path(&self) -> PathBuf {
        let is_named = self.path != Path::new("-");
        let path =
            if is_named { self.path.clone() } else { self.context.path().join("Dockerfile") };
        let mut name = path.into_os_string();
        name.push(".lock");
        name.into()
    }

    /// Returns the directory of the spec.
    fn spec_directory(&self) -> PathBuf {
        match self.path.parent() {
            Some(parent) if self.path != Path::new("-") => parent.to_owned(),
            _ if self.path.as_os_str().is_empty() => PathBuf::new(),
            _ => self.context.path().to_owned(),
        }
    }

    /// Returns the directory that paths of layouts and archives in the input begin at; those of a
    /// Dockerfile begin at the working directory.
    pub(super) fn image_directory(&self) -> PathBuf {
        match self.language {
            InputLanguage::Spec => self.spec_directory(),
            InputLanguage::Dockerfile => PathBuf::new(),
        }
    }

    /// Returns the location of an image that an option names, relative to the working directory, in the
    /// words of the input.
    pub(super) fn locate(&self, location: &ImageLocation) -> ImageLocation {
        let mut location = location.clone();
        if let ImageLocation::Local(local) = &mut location
            && !local.is_stream()
            && !self.image_directory().as_os_str().is_empty()
            && let Ok(path) = std::path::absolute(&local.path)
        {
            local.path = path;
        }
        location
    }

    /// Lowers a spec. Its paths are relative to its directory.
    fn load_spec(&self, arguments: &BuildArguments) -> Result<LoadedInput, CommandError> {
        let reads = self.reads();
        let inputs = self.spec_files(reads.clone());
        let recipes = self.load_recipes(arguments, &inputs)?;
        let (origins, inputs) = (SettingOrigins::new(), Box::new(inputs));
        Ok(LoadedInput { recipes, inputs, origins, epoch: None, reads })
    }

    /// Returns the recipes of a spec, in the format that the options say.
    fn load_recipes(
        &self,
        arguments: &BuildArguments,
        files: &SpecFiles,
    ) -> Result<Vec<Recipe>, CommandError> {
        let format = arguments.given_format()?.map(FormatKind::spec_format);
        spec::load_recipes(&self.source, files, format).map_err(CommandError::Failed)
    }

    /// Returns the files that a spec can name; records those that are read.
    fn spec_files(&self, reads: ReadFiles) -> SpecFiles {
        SpecFiles { base: self.spec_directory(), reads }
    }

    fn load_dockerfile(
        &self,
        arguments: &BuildArguments,
        access: &InputAccess<'_>,
        environment: &Environment,
        ui: &Ui,
        found: &mut InputFindings,
    ) -> Result<LoadedInput, CommandError> {
        let read = dockerfile::parse(&self.source).map_err(CommandError::Failed)?;
        let own = (self.path != Path::new("-")).then_some(&*self.path);
        let reads = self.reads();
        let contexts = arguments.dockerfile.open_contexts(self.context.path(), own, &reads)?;
        let build_args = arguments.dockerfile.build_args(environment);
        let images = arguments.dockerfile.named_images();
        let build_platform = Platform::host();
        let platforms = arguments.platform.iter().map(|text| parse_platform(text));
        let mut platforms = platforms.collect::<Result<Vec<_>, _>>()?;
        if platforms.is_empty() {
            platforms.push(build_platform.clone());
        }
        let cache = if arguments.no_cache { None } else { open_cache(environment, "bases", ui) };
        let lock = LockFile::read(self.lock_path(), &arguments.dockerfile)?;
        let bases = BaseLoader {
            opener: access.opener,
            cache: cache.as_ref(),
            resolver: &lock.resolver,
            limits: TarLimits::default(),
            progress: access.progress,
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
            downloads: access.downloads,
        };
        let lowered = dockerfile::lower(&request).map_err(|problems| {
            found.lint = dockerfile::lint_text(&request).unwrap_or_default();
            CommandError::Failed(problems)
        })?;
        found.warnings.extend(lowered.warnings);
        found.lint = lowered.lint;
        let mut recipe = lowered.recipe;
        let is_recorded = arguments.dockerfile.lock && !arguments.check.is_on();
        dockerfile::lock_downloads(
            &mut recipe,
            &lock.resolver,
            is_recorded.then_some(access.downloads),
        )
        .map_err(CommandError::Failed)?;
        lock.write(&arguments.dockerfile)?;
        let epoch = build_args.get("SOURCE_DATE_EPOCH").cloned().or(lowered.epoch);
        let (recipes, inputs, origins) = (vec![recipe], Box::new(contexts), lowered.origins);
        Ok(LoadedInput { recipes, inputs, origins, epoch, reads })
    }
}
