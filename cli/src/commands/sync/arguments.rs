//! The *arguments* of `diskette sync`, and the images that they choose.

use std::num::{NonZeroU64, NonZeroUsize};
use std::path::PathBuf;

use clap::{ArgAction, Args};
use diskette_builder::frontend::spec::CatalogueEntry;
use diskette_builder::recipe::diagnostic::Diagnostic;
use diskette_builder::sync::{SyncJob, SyncShard};
use diskette_builder::upstream::UrlRewrite;

use super::list::CatalogueListFormat;
use super::shard::{ShardArgument, shard_name};
use crate::arguments::attest::AttestArguments;
use crate::arguments::credentials::PairCredentials;
use crate::arguments::focus::Focus;
use crate::arguments::registry::RegistryArguments;
use crate::arguments::rewrite::parse_rewrite;
use crate::arguments::server_limits::ServerLimitArguments;
use crate::arguments::signing::SigningArguments;
use crate::arguments::trusted_keys::GateArguments;
use crate::catalogue::{Catalogue, target_repository};
use crate::environment::Environment;
use crate::error::CommandError;
use crate::ui::progress::ProgressMode;

/// Publish the new releases of distributions.
///
/// Finds the newest disk for each image of a catalogue and compares it with the published image:
/// one request for each unchanged image. New disks are downloaded straight into a layer, checked
/// against upstream's checksum, and pushed; tags are updated last. An image that fails stays as it
/// was, and does not stop the others. The exit status is 1 if any failed, 75 if all failures
/// are temporary.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is an option of the command line")]
pub(crate) struct SyncArguments {
    /// Catalogues: specs whose images have a `release`, or directories of them
    #[arg(value_name = "FILE|DIR", required = true)]
    pub(super) files: Vec<PathBuf>,

    /// Show what would be published, without downloading or publishing
    #[arg(long, value_name = "BOOL", action = ArgAction::Set, default_value_t = false)]
    #[arg(num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub(super) dry_run: bool,

    /// List the images, without contacting a server
    #[arg(long, conflicts_with_all = ["dry_run", "force", "results_file", "metrics"])]
    pub(super) list: bool,

    /// Output format of `--list`
    #[arg(long = "output-format", alias = "format")]
    #[arg(value_name = "FORMAT", default_value = "text", requires = "list")]
    pub(super) format: CatalogueListFormat,

    /// List N parts that have images, instead of the images: a value of `--shard` for each
    #[arg(long, value_name = "N", requires = "list", conflicts_with = "shard")]
    pub(super) list_shards: Option<NonZeroU64>,

    /// Only this image: fedora, fedora:42 or fedora:*; may be repeated
    #[arg(long, value_name = "NAME[:TAG]")]
    pub(super) focus: Vec<Focus>,

    /// Number of images to process in parallel
    #[arg(long, value_name = "N", default_value = "1")]
    pub(super) workers: NonZeroUsize,

    #[command(flatten)]
    pub(super) limits: ServerLimitArguments,

    /// Registry of the published images, e.g. quay.io/containerdisks [default: that of
    /// --target-registry, else of each image]
    #[arg(long, value_name = "REGISTRY")]
    pub(super) source_registry: Option<String>,

    /// Registry to publish to, instead of each image's own [default: that of --source-registry]
    #[arg(long, value_name = "REGISTRY")]
    pub(super) target_registry: Option<String>,

    /// Also build and publish unchanged images
    #[arg(long)]
    pub(super) force: bool,

    /// Publish releases that are older than the published one
    #[arg(long)]
    pub(super) allow_downgrade: bool,

    /// Process only part I of N, counted from 0; auto takes I and N from the job's environment
    /// (`JOB_COMPLETION_INDEX` or `CI_NODE_INDEX`; auto/N where it has no N)
    #[arg(long, value_name = "I/N")]
    pub(super) shard: Option<ShardArgument>,

    /// Write the state of each image to this file, as JSON
    #[arg(long, value_name = "FILE")]
    pub(super) results_file: Option<PathBuf>,

    /// Directory for the temporary file of a disk whose packages are listed, and that can be read only
    /// from front to back [default: $TMPDIR, else /tmp]
    #[arg(long, value_name = "DIR")]
    pub(super) spool: Option<PathBuf>,

    /// Write metrics of the run to this file, for the textfile collector of Prometheus' node exporter:
    /// a name that ends in .prom
    #[arg(long, value_name = "FILE")]
    pub(super) metrics: Option<PathBuf>,

    /// Exit with status 0 even if images failed; the results file has their errors
    #[arg(long)]
    pub(super) no_fail: bool,

    /// Replace the URL prefix FROM with TO, for example to use a mirror; may be
    /// repeated
    #[arg(long, value_name = "FROM=TO", value_parser = parse_rewrite)]
    pub(super) rewrite_url: Vec<UrlRewrite>,

    /// Number of compression threads; does not change the result [default: one per CPU]
    #[arg(short, long, value_name = "N")]
    pub(super) jobs: Option<NonZeroUsize>,

    /// Do not use the cache
    #[arg(long)]
    pub(super) no_cache: bool,

    /// Timestamp of all files and images, in seconds since 1970 [default:
    /// `SOURCE_DATE_EPOCH`, else 0]
    #[arg(long, value_name = "SECONDS")]
    pub(super) source_date_epoch: Option<String>,

    /// Progress output; auto shows bars on a terminal, else plain lines
    #[arg(long, value_name = "HOW", default_value = "auto")]
    pub(super) progress: ProgressMode,

    #[command(flatten)]
    pub(super) attest: AttestArguments,

    #[command(flatten)]
    pub(super) signing: SigningArguments,

    #[command(flatten)]
    pub(super) gate: GateArguments,

    #[command(flatten)]
    pub(super) pair: PairCredentials,

    #[command(flatten)]
    pub(super) registry: RegistryArguments,
}

impl SyncArguments {
    /// Returns the selected images.
    pub(super) fn choose_entries<'c>(
        &self,
        catalogues: &'c [Catalogue],
        environment: &Environment,
    ) -> Result<Vec<(&'c Catalogue, &'c CatalogueEntry)>, CommandError> {
        let shard = self.shard(environment)?;
        let all = catalogues
            .iter()
            .flat_map(|catalogue| catalogue.entries.iter().map(move |entry| (catalogue, entry)));
        let chosen: Vec<_> = all.filter(|(_, entry)| self.is_focused(entry)).collect();
        if chosen.is_empty() {
            let message = "no image of the catalogue matches `--focus`";
            let help = "`diskette sync --list` shows what they are called";
            return Err(CommandError::Usage(Diagnostic::new(message).help(help)));
        }
        Ok(chosen.into_iter().filter(|(_, entry)| self.is_chosen(entry, shard)).collect())
    }

    /// Returns whether an image is selected, or one of those that an entry stands for may be.
    pub(super) fn is_chosen(&self, entry: &CatalogueEntry, shard: Option<SyncShard>) -> bool {
        self.is_focused(entry) && shard.is_none_or(|shard| shard.contains(&shard_name(entry)))
    }

    fn is_focused(&self, entry: &CatalogueEntry) -> bool {
        self.focus.is_empty() || self.focus.iter().any(|focus| focus.matches_entry(entry))
    }

    /// Returns the part of the catalogue that is worked on, if it is not all.
    pub(super) fn shard(
        &self,
        environment: &Environment,
    ) -> Result<Option<SyncShard>, CommandError> {
        self.shard.map(|shard| shard.resolve(environment)).transpose()
    }

    /// Returns the options of registries, with the limits of what one server gets.
    pub(super) fn limited(&self) -> RegistryArguments {
        self.registry.limited(self.limits.limits())
    }

    /// Returns what is to be done for an image.
    pub(super) fn job<'c>(
        &self,
        catalogue: &'c Catalogue,
        entry: &'c CatalogueEntry,
    ) -> Result<SyncJob<'c>, Diagnostic> {
        let (source, target) = (self.source_registry.as_deref(), self.target_registry.as_deref());
        Ok(SyncJob {
            entry,
            verify: &catalogue.gpgv,
            inputs: &catalogue.inputs,
            source: target_repository(&entry.image, source.or(target))?,
            target: target_repository(&entry.image, target.or(source))?,
        })
    }
}
