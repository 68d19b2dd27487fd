//! `diskette sync`.

mod arguments;
mod list;
mod metrics;
mod report;
mod retention;
pub(crate) mod shard;

use std::path::PathBuf;
use std::sync::Arc;

use diskette_builder::attestation::provenance::BuildClock;
use diskette_builder::engine::cache::LayerCache;
use diskette_builder::engine::layer::LayerWorkers;
use diskette_builder::frontend::spec::CatalogueEntry;
use diskette_builder::net::http::HttpClient;
use diskette_builder::oci::progress::{Progress as _, ProgressEvent};
use diskette_builder::recipe::AttestationKind;
use diskette_builder::recipe::diagnostic::Diagnostic;
use diskette_builder::sync::{
    DowngradePolicy, SyncJob, SyncMode, SyncOutcome, SyncReport, SyncScope, SyncTools,
    sync_images as sync_all,
};
use diskette_builder::upstream::UpstreamWeb;

pub(crate) use self::arguments::SyncArguments;
use self::list::CatalogueList;
use self::metrics::SyncMetrics;
use self::report::{SyncSummary, SyncTally};
use self::retention::{Pruned, prune_synced};
use crate::arguments::credentials::RegistryUse;
use crate::arguments::signing::SigningKey;
use crate::assembly::{creation_time, open_cache, thread_count};
use crate::catalogue::load_catalogues;
use crate::catalogue::results::{self, CatalogueResults};
use crate::catalogue::versions::expand_catalogues;
use crate::environment::Environment;
use crate::error::{CommandError, cannot};
use crate::files::{check_output, write_file};
use crate::images::inventory::Spool;
use crate::images::opener::LocationOpener;
use crate::ui::Ui;
use crate::ui::progress::ProgressView;

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
}
