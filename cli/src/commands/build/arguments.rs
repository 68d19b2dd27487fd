//! The arguments of `diskette build`.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use clap::Args;
use diskette_builder::cluster::kubernetes::Quantity;
use diskette_builder::compression::LayerCompression;
use diskette_builder::recipe::diagnostic::Diagnostic;

use super::check::CheckArguments;
use super::conversion::{ConvertCompression, ConvertKind};
use super::disks::{DiskArguments, are_disks};
use super::dockerfile::DockerfileArguments;
use crate::arguments::annotation::Annotation;
use crate::arguments::attach::AttachArguments;
use crate::arguments::attest::{AttestArguments, AttestFormat};
use crate::arguments::compression::{CompressionChoice, CompressionKind};
use crate::arguments::credentials::PairCredentials;
use crate::arguments::image_format::FormatKind;
use crate::arguments::key_value::KeyValue;
use crate::arguments::output::{BuildOutput, BuildOutputs, parse_output};
use crate::arguments::registry::RegistryArguments;
use crate::arguments::reports::BuildReports;
use crate::arguments::signing::SigningArguments;
use crate::arguments::trusted_keys::GateArguments;
use crate::engines::EngineChoice;
use crate::error::CommandError;
use crate::files::context_source::{ContextFolder, ContextSource};
use crate::ui::progress::ProgressMode;

/// Build the image of a disk, or the images that a spec or a Dockerfile describes.
///
/// Reads diskette.yaml, or a Dockerfile, of which nothing is executed: RUN is evaluated if it only
/// changes, downloads, unpacks or converts files. Writes an OCI image layout or archive, for all
/// platforms at once, or pushes. The result is written to standard output, messages to standard
/// error.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is an option of the command line")]
pub(crate) struct BuildArguments {
    /// Disks, each with its architecture if need be, e.g. arm64=disk.qcow2; or the directory of the
    /// spec, or of what a Dockerfile copies; - for a tar or a Dockerfile on standard input,
    /// URL#sha256:DIGITS for a tar on a server, REPOSITORY#COMMIT[:DIR] for git [default: .]
    #[arg(value_name = "DISK|CONTEXT")]
    pub(super) inputs: Vec<String>,

    /// The spec or Dockerfile; - reads it from standard input [default: diskette.yaml,
    /// Containerfile or Dockerfile in CONTEXT]
    #[arg(short, long, value_name = "FILE")]
    pub(super) file: Option<PathBuf>,

    /// Name of the image, instead of the names in the spec; may be repeated
    #[arg(short, long, value_name = "REF")]
    pub(super) tag: Vec<String>,

    /// Alias of -t: the result is always an index
    #[arg(long, value_name = "REF")]
    pub(super) manifest: Option<String>,

    /// Destination: oci:DIR[:TAG] or a path for a layout, oci-archive:FILE or - (standard output)
    /// for an archive, a reference for a registry, or the fields of buildx; a layout keeps the images
    /// it has; may be repeated for registries
    #[arg(short, long, value_name = "DEST", value_parser = parse_output)]
    pub(super) output: Vec<BuildOutput>,

    /// Push the images to the registries in their names; each layer is sent while it is
    /// compressed, and without -o nothing is written to the local disk
    #[arg(long)]
    pub(super) push: bool,

    /// Load the images into docker if its daemon is running, else into podman, or into the given
    /// engine; of several platforms, only that of this machine
    #[arg(
        long,
        value_name = "ENGINE",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true",
        conflicts_with_all = ["output", "push"]
    )]
    pub(super) load: Option<EngineChoice>,

    /// Build for these platforms, e.g. linux/amd64,linux/arm64 [default: all of the spec's; with a
    /// Dockerfile that of this machine]
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    pub(super) platform: Vec<String>,

    /// Compression of the layers [default: gzip]
    #[arg(long, value_name = "KIND")]
    pub(super) compression: Option<CompressionKind>,

    /// Convert the disk while the image is built; its name gets the extension of the format
    #[arg(long, value_name = "FORMAT")]
    pub(super) convert: Option<ConvertKind>,

    /// Compression of the clusters of a disk that is converted to qcow2
    #[arg(long, value_name = "KIND", default_value = "none")]
    pub(super) convert_compress: ConvertCompression,

    /// Size of the disk that virtual machines see, e.g. 20Gi; at least its size before. A GPT is
    /// moved to the new end
    #[arg(long, value_name = "SIZE")]
    pub(super) size: Option<Quantity>,

    /// Make zeros of what is free in the file systems of the disk, ext2 to ext4 and FAT; the disk
    /// is written anew
    #[arg(long)]
    pub(super) discard: bool,

    /// Media types of the image, or an artifact; docker's have no annotations [default: oci]
    #[arg(long, value_name = "FORMAT")]
    pub(super) format: Option<FormatKind>,

    /// gzip 1 to 12, zstd 1 to 19; higher is smaller and slower [default: 3]
    #[arg(long, value_name = "N")]
    pub(super) compression_level: Option<u8>,

    /// Number of compression threads; does not change the result [default: one per CPU]
    #[arg(short, long, value_name = "N")]
    pub(super) jobs: Option<NonZeroUsize>,

    /// Set a label of the image config; may be repeated
    #[arg(long, value_name = "K=V")]
    pub(super) label: Vec<KeyValue>,

    /// Set an annotation of the manifests and the index, or only of the level that the prefix
    /// `index:`, `manifest:`, `manifest[PLATFORM]:` or `manifest-descriptor:` names; may be
    /// repeated
    #[arg(long, value_name = "[LEVEL:]K=V")]
    pub(super) annotation: Vec<Annotation>,

    /// Set an environment variable of the image; may be repeated
    #[arg(long, value_name = "K=V")]
    pub(super) env: Vec<KeyValue>,

    /// Also tag the image of each platform, e.g. 42-amd64 in addition to 42
    #[arg(long)]
    pub(super) per_arch_tags: bool,

    /// Timestamp of all files and images, in seconds since 1970 [default: `SOURCE_DATE_EPOCH`, else
    /// 0]
    #[arg(long, value_name = "SECONDS", visible_alias = "timestamp")]
    pub(super) source_date_epoch: Option<String>,

    #[command(flatten)]
    pub(super) attach: AttachArguments,

    /// Accept downloads without a checksum
    #[arg(long)]
    pub(super) allow_unverified: bool,

    /// Accept disks that CDI can import but KubeVirt cannot boot: VMDK, VHD, VHDX, VDI
    #[arg(long)]
    pub(super) allow_cdi_only: bool,

    /// Write disks that can be read only from front to back, as downloads and compressed files, to
    /// a temporary file in this directory, so that they can be converted and resized
    #[arg(long, value_name = "DIR")]
    pub(super) spool: Option<PathBuf>,

    /// Do not use the cache
    #[arg(long)]
    pub(super) no_cache: bool,

    /// Remove unused blobs from the layout after the build
    #[arg(long)]
    pub(super) gc: bool,

    #[command(flatten)]
    pub(super) check: CheckArguments,

    /// Write the files that were read as a dependency rule for make or ninja; its target is the
    /// digest, metadata or image ID file, else the output
    #[arg(long, value_name = "FILE")]
    pub(super) deps: Option<PathBuf>,

    /// Print only the digest, without progress
    #[arg(short, long)]
    pub(super) quiet: bool,

    /// Progress output; auto shows bars on a terminal, else plain lines
    #[arg(long, value_name = "HOW", default_value = "auto")]
    pub(super) progress: ProgressMode,

    #[command(flatten)]
    pub(super) reports: BuildReports,

    #[command(flatten)]
    pub(super) attest: AttestArguments,

    /// Where attestations are kept
    #[arg(long, value_name = "FORMAT", default_value = "referrer")]
    #[arg(help_heading = "Signature options")]
    pub(super) attest_format: AttestFormat,

    #[command(flatten)]
    pub(super) signing: SigningArguments,

    #[command(flatten)]
    pub(super) gate: GateArguments,

    #[command(flatten)]
    pub(super) disks: DiskArguments,

    #[command(flatten)]
    pub(super) dockerfile: DockerfileArguments,

    #[command(flatten)]
    pub(super) pair: PairCredentials,

    #[command(flatten)]
    pub(super) registry: RegistryArguments,
}

impl BuildArguments {
    /// Returns where the context comes from.
    pub(super) fn context_source(&self) -> Result<ContextSource, CommandError> {
        let source = ContextSource::parse(self.inputs.first().map_or(".", String::as_str))?;
        if source == ContextSource::Stream && self.file.as_deref() == Some(Path::new("-")) {
            let message = "standard input cannot be both the Dockerfile and the context";
            let help = "put the Dockerfile into the tar, and name it with `-f`";
            return Err(CommandError::Usage(Diagnostic::new(message).help(help)));
        }
        Ok(source)
    }

    /// Refuses options that write beside files of the context, if that is removed afterwards.
    pub(super) fn check_temporary(&self, context: &ContextFolder) -> Result<(), CommandError> {
        if !context.is_temporary() || !self.dockerfile.lock {
            return Ok(());
        }
        let message = "`--lock` writes beside the Dockerfile, and this context is no directory";
        let help = "unpack the context, build there with `--lock`, and add the lock file to it";
        Err(CommandError::Usage(Diagnostic::new(message).help(help)))
    }

    /// Returns whether the arguments are disks, without a spec.
    pub(super) fn are_disks(&self) -> bool {
        self.file.is_none() && are_disks(&self.inputs)
    }

    pub(super) fn outputs(&self) -> BuildOutputs<'_> {
        BuildOutputs(&self.output)
    }

    /// Returns what the options say of the compression of layers.
    pub(super) fn compression_choice(&self) -> Result<CompressionChoice, CommandError> {
        let outputs = self.outputs();
        let kind = outputs.agreed("--compression", self.compression, |it| it.compression)?;
        let level = outputs.agreed("--compression-level", self.compression_level, |it| it.level)?;
        let choice = CompressionChoice { kind, level };
        // A level that does not exist is reported before any work. Without a kind it is one of the spec's compression.
        if kind.is_some() {
            choice.apply(LayerCompression::default())?;
        }
        Ok(choice)
    }

    /// Returns the media types of the image.
    pub(super) fn image_format(&self) -> Result<FormatKind, CommandError> {
        Ok(self.given_format()?.unwrap_or(FormatKind::Oci))
    }

    /// Returns the format that the options say.
    pub(super) fn given_format(&self) -> Result<Option<FormatKind>, CommandError> {
        self.outputs().agreed("--format", self.format, |it| it.format)
    }

    /// Returns the directory of the spec, or of what a Dockerfile copies.
    pub(super) fn context(&self) -> &Path {
        self.inputs.first().map_or(Path::new("."), Path::new)
    }
}
