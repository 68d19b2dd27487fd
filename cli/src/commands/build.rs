//! `diskette build`.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::{Args, ValueEnum};
use diskette_builder::build::{PlatformTags, Sources};
use diskette_builder::diagnostic::Diagnostic;
use diskette_builder::frontend::spec;
use diskette_builder::image::format::Format;
use diskette_builder::layer::compression::{Compression, GzipLevel, ZstdLevel};
use diskette_builder::recipe::Recipe;
use diskette_builder::registry::Observer;
use diskette_builder::source::Unverified;

use self::overrides::{Overrides, Pair};
use self::report::Reports;
use self::work::{Work, created, no_output};
use crate::environment::Environment;
use crate::error::{CommandError, cannot};
use crate::files::{SpecFiles, read_spec};
use crate::output::Destination;
use crate::places::OpenPlaces;
use crate::registry::RegistryArguments;
use crate::ui::progress::ProgressMode;
use crate::ui::{Ui, signal};

pub(crate) mod overrides;
pub(crate) mod report;
mod target;
pub(crate) mod work;

/// Build the images that a spec describes.
///
/// Reads diskette.yaml and writes an OCI image layout or archive, for all platforms at once. The
/// result goes to standard output, everything else to standard error.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of the command line")]
pub(crate) struct BuildArguments {
    /// Where the spec is looked for
    #[arg(value_name = "CONTEXT", default_value = ".")]
    context: PathBuf,

    /// The spec; - reads it from standard input [default: CONTEXT/diskette.yaml]
    #[arg(short, long, value_name = "FILE")]
    file: Option<PathBuf>,

    /// Name the image REF instead of what the spec says; may be repeated
    #[arg(short, long, value_name = "REF")]
    tag: Vec<String>,

    /// Where to write: oci:DIR or a path for a layout, oci-archive:FILE or - (standard output) for
    /// an archive; a layout keeps the images it has
    #[arg(short, long, value_name = "DEST")]
    output: Option<Destination>,

    /// Push the images to the registries of their names; each layer is sent while it is
    /// compressed, and without -o nothing is written here
    #[arg(long)]
    push: bool,

    /// Build only these of the spec's platforms, e.g. linux/amd64,linux/arm64
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    platform: Vec<String>,

    /// How layers are compressed
    #[arg(long, value_name = "KIND", default_value = "gzip")]
    compression: CompressionKind,

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

    /// Accept downloads that have no checksum
    #[arg(long)]
    allow_unverified: bool,

    /// Read everything again, and remember nothing
    #[arg(long)]
    no_cache: bool,

    #[command(flatten)]
    reports: Reports,

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
    if arguments.output.is_none() && !arguments.push {
        return Err(no_output());
    }
    arguments.reports.check()?;
    let created = created(environment)?;
    let (mut recipes, files) = load(arguments)?;
    Overrides {
        names: &arguments.tag,
        platforms: &arguments.platform,
        labels: &arguments.label,
        annotations: &arguments.annotation,
        env: &arguments.env,
    }
    .apply(&mut recipes)?;

    if arguments.push {
        check_names(&recipes)?;
    }
    let mode = if arguments.quiet { ProgressMode::None } else { arguments.progress };
    let interrupts = signal::interrupts().map_err(cannot("handle", "signals"))?;
    let progress = Arc::new(ui.progress(mode, interrupts));
    let observer: Arc<dyn Observer> = progress.clone();
    let client = arguments.registry.client(environment, &observer)?;
    let unverified =
        if arguments.allow_unverified { Unverified::Allow } else { Unverified::Refuse };
    let registry = arguments.push.then(|| arguments.registry.registry(environment, observer));
    let registry = registry.transpose()?;
    let places = OpenPlaces { registry: registry.as_ref() };
    let sources = Sources { inputs: &files, client: &client, unverified, places: &places };
    let work = Work {
        progress: &progress,
        push: registry.as_ref(),
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
    work.run(&recipes, &sources, environment, ui)
}

fn check_names(recipes: &[Recipe]) -> Result<(), CommandError> {
    if recipes.iter().all(|recipe| !recipe.names.is_empty()) {
        return Ok(());
    }
    let diagnostic = Diagnostic::new("an image without a name cannot be pushed");
    Err(CommandError::Usage(diagnostic.help("say `-t REF`, or `image: REF` in the spec")))
}

/// Reads the spec; its paths are relative to its directory.
fn load(arguments: &BuildArguments) -> Result<(Vec<Recipe>, SpecFiles), CommandError> {
    let default = arguments.context.components().as_path().join("diskette.yaml");
    let path = arguments.file.as_ref().unwrap_or(&default);
    let source = read_spec(path)?;
    let recipes = spec::load(&source).map_err(CommandError::Failed)?;
    let base = match path.parent() {
        Some(parent) if path != Path::new("-") => parent.to_owned(),
        _ => arguments.context.clone(),
    };
    Ok((recipes, SpecFiles { base }))
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
