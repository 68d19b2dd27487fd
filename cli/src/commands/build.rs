//! `diskette build`.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::{Args, ValueEnum};
use diskette_builder::disk::convert::ClusterCompression;
use diskette_builder::disk::convert::Conversion;
use diskette_builder::engine::assemble::{BuildError, BuildPlan, BuildSources, PlatformTags};
use diskette_builder::engine::layer::compression::{Compression, GzipLevel, ZstdLevel};
use diskette_builder::engine::source::{CdiOnly, Unverified};
use diskette_builder::oci::image::format::Format;
use diskette_builder::oci::progress::Progress;
use diskette_builder::recipe::Recipe;
use diskette_builder::recipe::diagnostic::Diagnostic;

use self::dockerfile::DockerfileArguments;
use self::input::{Input, Language, Loaded};
use self::overrides::{Overrides, Pair};
use self::report::Reports;
use self::work::{Work, created, no_output};
use crate::environment::Environment;
use crate::error::{CommandError, cannot};
use crate::files::open_parent;
use crate::output::Destination;
use crate::places::OpenPlaces;
use crate::registry::RegistryArguments;
use crate::ui::progress::ProgressMode;
use crate::ui::{Ui, signal};

pub(crate) mod deps;
mod dockerfile;
mod input;
mod lock;
pub(crate) mod overrides;
pub(crate) mod report;
mod target;
pub(crate) mod work;

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

/// What can be given to `--compression`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum CompressionKind {
    /// Read by everything
    Gzip,
    /// Smaller and faster; needs CDI newer than 1.66 for images of other tools, any CDI for ours
    Zstd,
    /// The tar itself
    None,
}

/// What can be given to `--convert`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ConvertKind {
    /// From raw, qcow2, VMDK, VHD, VHDX or VDI, with zeros left out
    Qcow2,
    /// The disk byte for byte
    Raw,
}

/// What can be given to `--convert-compress`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ConvertCompression {
    /// Not at all: larger on the node, and faster for the virtual machine
    None,
    /// Deflate, read by every QEMU
    Zlib,
    /// Zstandard, read by QEMU 5.1 and later
    Zstd,
}

/// What can be given to `--format`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum FormatKind {
    /// Of the OCI image specification
    Oci,
    /// Docker's Image Manifest V2, Schema 2, for old registries
    Docker,
}

impl From<FormatKind> for Format {
    fn from(kind: FormatKind) -> Self {
        match kind {
            FormatKind::Oci => Self::Oci,
            FormatKind::Docker => Self::Docker,
        }
    }
}

pub(crate) fn run(
    arguments: &BuildArguments,
    environment: &Environment,
    ui: &Ui,
) -> Result<(), CommandError> {
    let compression = compression(arguments.compression, arguments.compression_level)?;
    if arguments.output.is_none() && !arguments.push && !arguments.check {
        return Err(no_output());
    }
    arguments.reports.check()?;
    let rule = arguments.rule()?;
    let input = Input::find(arguments)?;
    let mode = if arguments.quiet { ProgressMode::None } else { arguments.progress };
    let interrupts = signal::interrupts().map_err(cannot("handle", "signals"))?;
    let progress = Arc::new(ui.progress(mode, interrupts));
    let observer: Arc<dyn Progress> = progress.clone();
    let client = arguments.registry.client(environment, &observer)?;
    let unverified =
        if arguments.allow_unverified { Unverified::Allow } else { Unverified::Refuse };
    let cdi_only = if arguments.allow_cdi_only { CdiOnly::Allow } else { CdiOnly::Refuse };
    let needs_registry = arguments.push || input.language == Language::Dockerfile;
    let registry = needs_registry.then(|| arguments.registry.registry(environment, observer));
    let registry = registry.transpose()?;
    let places = OpenPlaces { registry: registry.as_ref() };

    let Loaded { mut recipes, inputs, epoch: loaded_epoch, reads } =
        input.load(arguments, &places, environment, &*progress, ui)?;
    arguments.overrides(input.language)?.apply(&mut recipes)?;
    if arguments.push {
        check_names(&recipes)?;
    }
    arguments.check_format(&recipes)?;
    let epoch = arguments.source_date_epoch.as_deref();
    let created = created(environment, epoch, loaded_epoch.as_deref())?;
    let (inputs, client, places) = (&*inputs, &client, &places);
    let sources = BuildSources { inputs, client, unverified, cdi_only, places };
    if arguments.check {
        let plan = BuildPlan::new(&recipes, &sources);
        let plan = plan.map_err(|errors| {
            CommandError::Failed(errors.iter().map(BuildError::diagnostic).collect())
        })?;
        ui.warn(&plan.warnings());
        return Ok(());
    }
    let work = Work {
        progress: &progress,
        push: registry.as_ref().filter(|_| arguments.push),
        output: arguments.output.as_ref(),
        compression,
        format: arguments.format.into(),
        jobs: arguments.jobs,
        no_cache: arguments.no_cache,
        created,
        platform_tags: if arguments.per_arch_tags {
            PlatformTags::Architecture
        } else {
            PlatformTags::None
        },
        reports: &arguments.reports,
        quiet: arguments.quiet,
    };
    work.run(&recipes, &sources, environment, ui)?;
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

    fn conversion(&self) -> Result<Option<Conversion>, CommandError> {
        let packing = match self.convert_compress {
            ConvertCompression::None => ClusterCompression::None,
            ConvertCompression::Zlib => ClusterCompression::Zlib,
            ConvertCompression::Zstd => ClusterCompression::Zstd,
        };
        match (self.convert, packing) {
            (Some(ConvertKind::Qcow2), packing) => Ok(Some(Conversion::Qcow2(packing))),
            (Some(ConvertKind::Raw), ClusterCompression::None) => Ok(Some(Conversion::Raw)),
            (None, ClusterCompression::None) => Ok(None),
            _ => {
                let message = "`--convert-compress` is for disks that are converted to qcow2";
                let help = "say `--convert qcow2` too; layers are compressed anyway";
                Err(CommandError::Usage(Diagnostic::new(message).help(help)))
            }
        }
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
            convert: self.conversion()?,
        })
    }
}

fn compression(kind: CompressionKind, level: Option<u8>) -> Result<Compression, CommandError> {
    let (compression, range) = match (kind, level) {
        (CompressionKind::Gzip, None) => (Some(Compression::Gzip(GzipLevel::default())), ""),
        (CompressionKind::Zstd, None) => (Some(Compression::Zstd(ZstdLevel::default())), ""),
        (CompressionKind::None, None) => (Some(Compression::None), ""),
        (CompressionKind::Gzip, Some(level)) => {
            (GzipLevel::new(level).map(Compression::Gzip), "gzip has the levels 1 to 12")
        }
        (CompressionKind::Zstd, Some(level)) => {
            (ZstdLevel::new(level).map(Compression::Zstd), "zstd has the levels 1 to 19")
        }
        (CompressionKind::None, Some(_)) => (None, "without compression there are no levels"),
    };
    compression.ok_or_else(|| {
        let level = level.unwrap_or_default();
        let message = format!("no compression level {level}");
        CommandError::Usage(Diagnostic::new(message).help(range))
    })
}
