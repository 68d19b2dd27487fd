//! `diskette sync`.

mod list;
mod metrics;
mod report;
mod retention;
pub(crate) mod shard;

use std::num::{NonZeroU32, NonZeroU64, NonZeroUsize};
use std::path::PathBuf;
use std::sync::Arc;

use clap::{ArgAction, Args};
use diskette_builder::attestation::provenance::BuildClock;
use diskette_builder::engine::cache::LayerCache;
use diskette_builder::engine::layer::LayerWorkers;
use diskette_builder::frontend::spec::CatalogueEntry;
use diskette_builder::net::http::{HttpClient, ServerLimits};
use diskette_builder::oci::progress::{Progress as _, ProgressEvent};
use diskette_builder::recipe::AttestationKind;
use diskette_builder::recipe::diagnostic::Diagnostic;
use diskette_builder::sync::{
    DowngradePolicy, SyncJob, SyncMode, SyncOutcome, SyncReport, SyncScope, SyncShard, SyncTools,
    sync_images as sync_all,
};
use diskette_builder::upstream::{UpstreamWeb, UrlRewrite};

use self::list::{CatalogueList, CatalogueListFormat};
use self::metrics::SyncMetrics;
use self::report::{SyncSummary, SyncTally};
use self::retention::{Pruned, prune_synced};
use self::shard::{ShardArgument, shard_name};
use crate::arguments::attest::AttestArguments;
use crate::arguments::credentials::{PairCredentials, RegistryUse};
use crate::arguments::focus::Focus;
use crate::arguments::registry::RegistryArguments;
use crate::arguments::rewrite::parse_rewrite;
use crate::arguments::signing::{SigningArguments, SigningKey};
use crate::arguments::trusted_keys::GateArguments;
use crate::assembly::{creation_time, open_cache, thread_count};
use crate::catalogue::results::{self, CatalogueResults};
use crate::catalogue::versions::expand_catalogues;
use crate::catalogue::{Catalogue, load_catalogues, target_repository};
use crate::environment::Environment;
use crate::error::{CommandError, cannot};
use crate::files::{check_output, write_file};
use crate::images::inventory::Spool;
use crate::images::opener::LocationOpener;
use crate::ui::Ui;
use crate::ui::progress::{ProgressMode, ProgressView};

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
    files: Vec<PathBuf>,

    /// Show what would be published, without downloading or publishing
    #[arg(long, value_name = "BOOL", action = ArgAction::Set, default_value_t = false)]
    #[arg(num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    dry_run: bool,

    /// List the images, without contacting a server
    #[arg(long, conflicts_with_all = ["dry_run", "force", "results_file", "metrics"])]
    list: bool,

    /// Output format of `--list`
    #[arg(long = "output-format", alias = "format")]
    #[arg(value_name = "FORMAT", default_value = "text", requires = "list")]
    format: CatalogueListFormat,

    /// List N parts that have images, instead of the images: a value of `--shard` for each
    #[arg(long, value_name = "N", requires = "list", conflicts_with = "shard")]
    list_shards: Option<NonZeroU64>,

    /// Only this image: fedora, fedora:42 or fedora:*; may be repeated
    #[arg(long, value_name = "NAME[:TAG]")]
    focus: Vec<Focus>,

    /// Number of images to process in parallel
    #[arg(long, value_name = "N", default_value = "1")]
    workers: NonZeroUsize,

    /// Maximum number of connections to one server [default: no limit]
    #[arg(long, value_name = "N")]
    max_connections: Option<NonZeroUsize>,

    /// Maximum number of requests that one server gets in a second [default: no limit]
    #[arg(long, value_name = "N")]
    max_requests_per_second: Option<NonZeroU32>,

    /// Registry of the published images, e.g. quay.io/containerdisks [default: that of
    /// --target-registry, else of each image]
    #[arg(long, value_name = "REGISTRY")]
    source_registry: Option<String>,

    /// Registry to publish to, instead of each image's own [default: that of --source-registry]
    #[arg(long, value_name = "REGISTRY")]
    target_registry: Option<String>,

    /// Also build and publish unchanged images
    #[arg(long)]
    force: bool,

    /// Publish releases that are older than the published one
    #[arg(long)]
    allow_downgrade: bool,

    /// Process only part I of N, counted from 0; auto takes I and N from the job's environment
    /// (`JOB_COMPLETION_INDEX` or `CI_NODE_INDEX`; auto/N where it has no N)
    #[arg(long, value_name = "I/N")]
    shard: Option<ShardArgument>,

    /// Write the state of each image to this file, as JSON
    #[arg(long, value_name = "FILE")]
    results_file: Option<PathBuf>,

    /// Directory for the temporary file of a disk whose packages are listed, and that can be read only
    /// from front to back [default: $TMPDIR, else /tmp]
    #[arg(long, value_name = "DIR")]
    spool: Option<PathBuf>,

    /// Write metrics of the run to this file, for the textfile collector of Prometheus' node exporter:
    /// a name that ends in .prom
    #[arg(long, value_name = "FILE")]
    metrics: Option<PathBuf>,

    /// Exit with status 0 even if images failed; the results file has their errors
    #[arg(long)]
    no_fail: bool,

    /// Replace the URL prefix FROM with TO, for example to use a mirror; may be
    /// repeated
    #[arg(long, value_name = "FROM=TO", value_parser = parse_rewrite)]
    rewrite_url: Vec<UrlRewrite>,

    /// Number of compression threads; does not change the result [default: one per CPU]
    #[arg(short, long, value_name = "N")]
    jobs: Option<NonZeroUsize>,

    /// Do not use the cache
    #[arg(long)]
    no_cache: bool,

    /// Timestamp of all files and images, in seconds since 1970 [default:
    /// `SOURCE_DATE_EPOCH`, else 0]
    #[arg(long, value_name = "SECONDS")]
    source_date_epoch: Option<String>,

    /// Progress output; auto shows bars on a terminal, else plain lines
    #[arg(long, value_name = "HOW", default_value = "auto")]
    progress: ProgressMode,

    #[command(flatten)]
    attest: AttestArguments,

    #[command(flatten)]
    signing: SigningArguments,

    #[command(flatten)]
    gate: GateArguments,

    #[command(flatten)]
    pair: PairCredentials,

    #[command(flatten)]
    registry: RegistryArguments,
}

pub(crate) fn run(
    arguments: &SyncArguments,
    environment: &Environment,
    ui: &Ui,
) -> Result<(), CommandError> {
    let mut catalogues = load_catalogues(&arguments.files)?;
    let chosen = arguments.choose_entries(&catalogues, environment)?;
    if arguments.list {
        let entries: Vec<&CatalogueEntry> = chosen.iter().map(|(_, entry)| *entry).collect();
        return arguments.print_list(entries, ui);
    }
    // A file that cannot be written is reported before anything is published.
    arguments
        .results_file
        .iter()
        .chain(&arguments.metrics)
        .try_for_each(|path| check_output(path))?;
    let progress = ui.progress(arguments.progress)?;
    let client = arguments.limited().http_client(environment, &(progress.clone() as _))?;
    let web = UpstreamWeb::new(&client, &arguments.rewrite_url);
    let shard = arguments.shard(environment)?;
    let is_chosen = |entry: &CatalogueEntry| arguments.is_chosen(entry, shard);
    expand_catalogues(&mut catalogues, &is_chosen, &web)?;
    let chosen = arguments.choose_entries(&catalogues, environment)?;
    let all = chosen.iter().map(|(catalogue, entry)| arguments.job(catalogue, entry));
    let all = all.collect::<Result<Vec<SyncJob<'_>>, Diagnostic>>()?;
    let entries = catalogues.iter().flat_map(|catalogue| &catalogue.entries);
    let entries: Vec<&CatalogueEntry> = entries.collect();
    let SyncDone { reports, sent, pruned } =
        arguments.sync(&all, &entries, (&client, &web), environment, (&progress, ui))?;
    let is_interrupted = progress.is_cancelled();
    progress.end();
    for report in &reports {
        ui.warn(&report.warnings);
    }
    let summary = SyncSummary { jobs: &all, reports: &reports };
    ui.print_text(&summary.lines())?;
    ui.print_text(&pruned.lines.concat())?;
    arguments.write_files(&summary.results(), sent, environment)?;
    if is_interrupted {
        return Err(CommandError::Stopped);
    }
    summary.packages().iter().for_each(|line| ui.print_line(line));
    ui.print_line(&summary.count());
    match pruned.add_problems(summary.error()) {
        Some(error) if arguments.no_fail => {
            ui.warn(error.diagnostics());
            Ok(())
        }
        Some(error) => Err(error),
        None => Ok(()),
    }
}

/// What a sync has done.
struct SyncDone {
    reports: Vec<SyncReport>,
    /// Bytes of blobs that were sent to the registry.
    sent: u64,
    /// What was deleted.
    pruned: Pruned,
}

impl SyncArguments {
    fn print_list(&self, entries: Vec<&CatalogueEntry>, ui: &Ui) -> Result<(), CommandError> {
        let list = match self.list_shards {
            Some(count) => CatalogueList::of_shards(&entries, count),
            None => CatalogueList::Images(entries),
        };
        let text = list.write(self.format)?;
        ui.warn(list.warning(self.format).as_slice());
        Ok(ui.print_result(text.as_bytes())?)
    }

    /// Syncs images, and prints the outcome of each when it is known.
    fn sync(
        &self,
        all: &[SyncJob<'_>],
        entries: &[&CatalogueEntry],
        (client, web): (&HttpClient, &UpstreamWeb<'_>),
        environment: &Environment,
        (progress, ui): (&Arc<ProgressView>, &Ui),
    ) -> Result<SyncDone, CommandError> {
        let attest = self.attest.kinds();
        let unused = self.attest.unused_times(all.iter().map(|job| &job.entry.attest));
        ui.warn(unused.as_slice());
        let is_listed = attest.contains(&AttestationKind::Sbom)
            || all.iter().any(|job| job.entry.attest.contains(&AttestationKind::Sbom));
        let spool = self.spool.as_deref().unwrap_or(&environment.temporary);
        let spool = is_listed.then(|| Spool::open(spool)).transpose()?;
        let make_file = spool.as_ref().map(|spool| || spool.make_file());
        let signing = self.signing.read(environment)?;
        let required = self.gate.read(environment)?;
        let uses = RegistryUse::default().pair(&self.pair);
        let uses = uses.reads(all.iter().map(|job| &job.source));
        let uses = uses.writes(all.iter().map(|job| &job.target));
        let registry = self.limited().registry(environment, progress.clone(), &uses)?;
        let cache = if self.no_cache { None } else { open_cache(environment, "layers", ui) };
        let cache = cache.map(|dir| LayerCache::new(dir, environment.started));
        let workers = LayerWorkers::start(thread_count(self.jobs))
            .map_err(cannot("start", "compressing threads"))?;
        let now = || environment.current_time();
        let clock = BuildClock { started: environment.start_time(), now: &now };
        let tools = SyncTools {
            fetch: web,
            client,
            rewrites: &self.rewrite_url,
            registry: &registry,
            opener: &LocationOpener::new(&registry, None, PathBuf::new())
                .with_required(required.as_ref()),
            signer: signing.as_ref().map(SigningKey::signer),
            attest: &attest,
            workers: &workers,
            cache: cache.as_ref(),
            progress: &**progress,
            created: creation_time(environment, self.source_date_epoch.as_deref(), None)?,
            clock: self.attest.has_times().then_some(clock),
            spool: make_file.as_ref().map(|make_file| make_file as _),
            timestamp: &environment.stamp(),
            mode: if self.dry_run { SyncMode::DryRun } else { SyncMode::Publish },
            scope: if self.force { SyncScope::All } else { SyncScope::Changed },
            downgrade: if self.allow_downgrade {
                DowngradePolicy::Allow
            } else {
                DowngradePolicy::Refuse
            },
        };
        let tally = SyncTally::new(all.len());
        let news = |number: usize, report: &SyncReport| {
            // Of thousands of images, those are of interest that changed; the result names all.
            if !matches!(report.outcome, SyncOutcome::Unchanged) {
                progress.report(ProgressEvent::Note(&report::report_line(&all[number], report)));
            }
            progress.report(ProgressEvent::Images(tally.add(report)));
        };
        let reports = sync_all(all, self.workers.get(), &tools, &news);
        let done: Vec<_> = all.iter().zip(&reports).collect();
        let pruned = prune_synced(&done, entries, &registry, tools.mode, environment.seconds());
        Ok(SyncDone { reports, sent: registry.totals().sent(), pruned })
    }

    /// Writes the results and the metrics of the run, if they are wanted.
    fn write_files(
        &self,
        results: &CatalogueResults,
        sent: u64,
        environment: &Environment,
    ) -> Result<(), CommandError> {
        if let Some(path) = &self.results_file {
            results::write_results(path, results)?;
        }
        if let Some(path) = &self.metrics {
            let shard = self.shard(environment)?;
            let (started, took) = (environment.started, environment.elapsed());
            let metrics = SyncMetrics { results, shard, started, took, sent };
            write_file(path, metrics.write().as_bytes())?;
        }
        Ok(())
    }

    /// Returns the selected images.
    fn choose_entries<'c>(
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
    fn is_chosen(&self, entry: &CatalogueEntry, shard: Option<SyncShard>) -> bool {
        self.is_focused(entry) && shard.is_none_or(|shard| shard.contains(&shard_name(entry)))
    }

    fn is_focused(&self, entry: &CatalogueEntry) -> bool {
        self.focus.is_empty() || self.focus.iter().any(|focus| focus.matches_entry(entry))
    }

    fn shard(&self, environment: &Environment) -> Result<Option<SyncShard>, CommandError> {
        self.shard.map(|shard| shard.resolve(environment)).transpose()
    }

    fn limited(&self) -> RegistryArguments {
        self.registry.limited(ServerLimits {
            connections: self.max_connections,
            requests_per_second: self.max_requests_per_second,
        })
    }

    fn job<'c>(
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
