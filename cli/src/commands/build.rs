//! `diskette build`.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use diskette_builder::engine::assemble::{BuildPlan, BuildSources, PlatformTags};
use diskette_builder::engine::layer::compression::Compression;
use diskette_builder::engine::source::{CdiOnly, Inputs, Unverified};
use diskette_builder::net::http::HttpClient;
use diskette_builder::oci::image::time::Timestamp;
use diskette_builder::recipe::Recipe;
use diskette_builder::recipe::diagnostic::Diagnostic;
use diskette_builder::registry::client::Registry;

use self::compression::CompressionKind;
use self::conversion::{ConvertCompression, ConvertKind, conversion};
use self::dockerfile::DockerfileArguments;
use self::format::FormatKind;
use self::input::{Input, Language, Loaded};
use self::overrides::Overrides;
use crate::arguments::destination::Destination;
use crate::arguments::pair::Pair;
use crate::arguments::registry::RegistryArguments;
use crate::arguments::reports::Reports;
use crate::assembly::{Assembly, created, no_output, refused};
use crate::environment::Environment;
use crate::error::CommandError;
use crate::files::open_parent;
use crate::images::places::OpenPlaces;
use crate::ui::Ui;
use crate::ui::progress::{ProgressMode, ProgressView};

mod compression;
mod conversion;
mod dockerfile;
mod format;
mod input;
mod lock;
mod overrides;

/// Build the images that a spec or a Dockerfile describes.
///
/// Reads diskette.yaml, or a Dockerfile, of which nothing is executed: RUN is evaluated if it only
/// makes, links, changes or removes files. Writes an OCI image layout or archive, for all
/// platforms at once, or pushes. The result goes to standard output, everything else to standard
/// error.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of the command line")]
pub(crate) struct BuildArguments {
    /// The directory of the spec, or of what a Dockerfile copies
    #[arg(value_name = "CONTEXT", default_value = ".")]
    context: PathBuf,

    /// The spec or Dockerfile; - reads it from standard input [default: diskette.yaml, Containerfile
    /// or Dockerfile in CONTEXT]
    #[arg(short, long, value_name = "FILE")]
    file: Option<PathBuf>,

    /// Name the image REF instead of what the spec says; may be repeated
    #[arg(short, long, value_name = "REF")]
    tag: Vec<String>,

    /// The same as -t: what is built is always an index
    #[arg(long, value_name = "REF")]
    manifest: Option<String>,

    /// Where to write: oci:DIR or a path for a layout, oci-archive:FILE or - (standard output) for
    /// an archive; a layout keeps the images it has
    #[arg(short, long, value_name = "DEST")]
    output: Option<Destination>,

    /// Push the images to the registries of their names; each layer is sent while it is
    /// compressed, and without -o nothing is written here
    #[arg(long)]
    push: bool,

    /// Build for these platforms, e.g. linux/amd64,linux/arm64 [default: all of the spec's; with a
    /// Dockerfile that of this machine]
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    platform: Vec<String>,

    /// How layers are compressed
    #[arg(long, value_name = "KIND", default_value = "gzip")]
    compression: CompressionKind,

    /// Convert the disk on its way into the image; its name will end accordingly
    #[arg(long, value_name = "FORMAT")]
    convert: Option<ConvertKind>,

    /// How the clusters of a disk that is converted to qcow2 are packed
    #[arg(long, value_name = "KIND", default_value = "none")]
    convert_compress: ConvertCompression,

    /// Which family of media types the image has; docker's has no annotations
    #[arg(long, value_name = "FORMAT", default_value = "oci")]
    format: FormatKind,

    /// gzip 1 to 12, zstd 1 to 19; higher is smaller and slower [default: 3]
    #[arg(long, value_name = "N")]
    compression_level: Option<u8>,

    /// Number of compressing threads; the result does not depend on it [default: one a processor]
    #[arg(short, long, value_name = "N")]
    jobs: Option<NonZeroUsize>,

    /// Set a label of the image config; may be repeated
    #[arg(long, value_name = "K=V")]
    label: Vec<Pair>,

    /// Set an annotation of the manifests and the index; may be repeated
    #[arg(long, value_name = "K=V")]
    annotation: Vec<Pair>,

    /// Set an environment variable of the image; may be repeated
    #[arg(long, value_name = "K=V")]
    env: Vec<Pair>,

    /// Also name each platform's image, e.g. 42-amd64 beside 42
    #[arg(long)]
    per_arch_tags: bool,

    /// Set all times to this one, in seconds since 1970 [default: `SOURCE_DATE_EPOCH`, else
    /// 0]
    #[arg(long, value_name = "SECONDS", visible_alias = "timestamp")]
    source_date_epoch: Option<String>,

    /// Accept downloads that have no checksum
    #[arg(long)]
    allow_unverified: bool,

    /// Accept disks that CDI imports and KubeVirt cannot boot: VMDK, VHD, VHDX, VDI
    #[arg(long)]
    allow_cdi_only: bool,

    /// Read everything again, and remember nothing
    #[arg(long)]
    no_cache: bool,

    /// Look for what is wrong, and write nothing
    #[arg(long)]
    check: bool,

    /// Write which files were read, as a rule for make or ninja; its target is the file of a digest
    /// or of metadata that is written, else the output
    #[arg(long, value_name = "FILE")]
    deps: Option<PathBuf>,

    #[command(flatten)]
    reports: Reports,

    #[command(flatten)]
    dockerfile: DockerfileArguments,

    #[command(flatten)]
    registry: RegistryArguments,

    /// Print only the digest, and no progress
    #[arg(short, long)]
    quiet: bool,

    /// How progress is shown; auto is bars on a terminal and plain lines elsewhere
    #[arg(long, value_name = "HOW", default_value = "auto")]
    progress: ProgressMode,
}

pub(crate) fn run(
    arguments: &BuildArguments,
    environment: &Environment,
    ui: &Ui,
) -> Result<(), CommandError> {
    let compression = arguments.compression.compression(arguments.compression_level)?;
    if arguments.output.is_none() && !arguments.push && !arguments.check {
        return Err(no_output());
    }
    arguments.reports.check()?;
    let rule = arguments.rule()?;
    let input = Input::find(arguments)?;
    let mode = if arguments.quiet { ProgressMode::None } else { arguments.progress };
    let progress = ui.progress(mode)?;
    let client = arguments.registry.client(environment, &(progress.clone() as _))?;
    let registry = arguments.connect(input.language, environment, &progress)?;
    let places = OpenPlaces { registry: registry.as_ref() };
    let loaded = input.load(arguments, &places, environment, &*progress, ui)?;
    let Loaded { mut recipes, inputs, epoch, reads } = loaded;
    arguments.change(&mut recipes, input.language)?;
    let asked = arguments.source_date_epoch.as_deref();
    let created = created(environment, asked, epoch.as_deref())?;
    let sources = arguments.sources(&*inputs, &client, &places);
    if arguments.check {
        let plan = BuildPlan::new(&recipes, &sources).map_err(refused)?;
        ui.warn(&plan.warnings());
        return Ok(());
    }
    let push = registry.as_ref().filter(|_| arguments.push);
    let assembly = arguments.assembly(&progress, push, compression, created);
    assembly.run(&recipes, &sources, environment, ui)?;
    match rule {
        Some((path, target)) => Ok(reads.write(path, target)?),
        None => Ok(()),
    }
}

fn check_names(recipes: &[Recipe]) -> Result<(), CommandError> {
    if recipes.iter().all(|recipe| !recipe.names.is_empty()) {
        return Ok(());
    }
    let diagnostic = Diagnostic::new("an image without a name cannot be pushed");
    Err(CommandError::Usage(diagnostic.help("say `-t REF`, or `image: REF` in the spec")))
}

impl BuildArguments {
    /// Returns the client for registries, where something is pushed or may be pulled.
    fn connect(
        &self,
        language: Language,
        environment: &Environment,
        progress: &Arc<ProgressView>,
    ) -> Result<Option<Registry>, CommandError> {
        let is_needed = self.push || language == Language::Dockerfile;
        let registry = is_needed.then(|| self.registry.registry(environment, progress.clone()));
        registry.transpose()
    }

    /// Changes recipes as the options say, and refuses those that cannot go where they shall.
    fn change(&self, recipes: &mut [Recipe], language: Language) -> Result<(), CommandError> {
        self.overrides(language)?.apply(recipes)?;
        if self.push {
            check_names(recipes)?;
        }
        self.check_format(recipes)
    }

    fn sources<'s>(
        &self,
        inputs: &'s dyn Inputs,
        client: &'s HttpClient,
        places: &'s OpenPlaces<'_>,
    ) -> BuildSources<'s> {
        let unverified = if self.allow_unverified { Unverified::Allow } else { Unverified::Refuse };
        let cdi_only = if self.allow_cdi_only { CdiOnly::Allow } else { CdiOnly::Refuse };
        BuildSources { inputs, client, unverified, cdi_only, places }
    }

    fn assembly<'a>(
        &'a self,
        progress: &'a ProgressView,
        push: Option<&'a Registry>,
        compression: Compression,
        created: Timestamp,
    ) -> Assembly<'a> {
        let platform_tags =
            if self.per_arch_tags { PlatformTags::Architecture } else { PlatformTags::None };
        Assembly {
            progress,
            push,
            output: self.output.as_ref(),
            compression,
            format: self.format.into(),
            jobs: self.jobs,
            no_cache: self.no_cache,
            created,
            platform_tags,
            reports: &self.reports,
            quiet: self.quiet,
        }
    }

    /// Docker's documents have no place for annotations.
    fn check_format(&self, recipes: &[Recipe]) -> Result<(), CommandError> {
        let annotated = recipes.iter().any(|recipe| !recipe.annotations.is_empty());
        if self.format == FormatKind::Oci || !annotated {
            return Ok(());
        }
        let diagnostic = Diagnostic::new("an image in docker's format has no annotations");
        Err(CommandError::Usage(diagnostic.help("leave them out, or build with `--format oci`")))
    }

    /// Returns the dependency file that shall be written, and what it is the rule for.
    fn rule(&self) -> Result<Option<(&Path, &Path)>, CommandError> {
        let Some(path) = &self.deps else { return Ok(None) };
        open_parent(path)?;
        let output = self.output.as_ref().and_then(Destination::path);
        let target = self.reports.file().or(output).ok_or_else(|| {
            CommandError::Usage(
                Diagnostic::new("there is no file that `--deps` could be the rule for")
                    .help("say `--digestfile FILE`, and use that as the target"),
            )
        })?;
        Ok(Some((path, target)))
    }

    fn overrides(&self, language: Language) -> Result<Overrides<'_>, CommandError> {
        Ok(Overrides {
            names: self.tag.iter().chain(&self.manifest).map(String::as_str).collect(),
            // A Dockerfile was read for the platforms that were asked for.
            platforms: match language {
                Language::Spec => &self.platform,
                Language::Dockerfile => &[],
            },
            labels: &self.label,
            annotations: &self.annotation,
            env: &self.env,
            convert: conversion(self.convert, self.convert_compress)?,
        })
    }
}
