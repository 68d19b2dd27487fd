//! What a sync reports: a line for each image, the results file, and the errors.

use std::sync::{Mutex, PoisonError};

use diskette_builder::oci::progress::ImageProgress;
use diskette_builder::recipe::diagnostic::Diagnostic;
use diskette_builder::sync::{
    PlatformSyncOutcome, PlatformSyncReport, SyncError, SyncJob, SyncOutcome, SyncReport,
};
use diskette_builder::upstream::UpstreamDisk;

use super::shard::full_name;
use crate::catalogue::results::{
    CatalogueResults, FAILED, ImageResult, PUBLISHED, PackageResult, PlatformResult, UNCHANGED,
    WOULD_PUBLISH, result_line,
};
use crate::error::CommandError;
use crate::images::changes::ListedChanges;
use crate::ui::redact::redact;

/// How many packages of each kind of change the results file has, and how many are shown for each platform.
const CHANGES_MAX: usize = 1000;
const LINES_MAX: usize = 10;

/// Counts images while they are processed, by several threads.
#[derive(Debug)]
pub(super) struct SyncTally(Mutex<ImageProgress>);

impl SyncTally {
    pub(super) fn new(total: usize) -> Self {
        Self(Mutex::new(ImageProgress { total, ..ImageProgress::default() }))
    }

    /// Adds an image that is done.
    pub(super) fn add(&self, report: &SyncReport) -> ImageProgress {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.done += 1;
        let is_new = matches!(report.outcome, SyncOutcome::Published | SyncOutcome::WouldPublish);
        all.published += usize::from(is_new);
        all.failed += usize::from(report.errors().next().is_some());
        *all
    }
}

/// Outcomes of all images.
pub(super) struct SyncSummary<'a> {
    pub(super) jobs: &'a [SyncJob<'a>],
    pub(super) reports: &'a [SyncReport],
}

impl SyncSummary<'_> {
    fn all(&self) -> impl Iterator<Item = (&SyncJob<'_>, &SyncReport)> {
        self.jobs.iter().zip(self.reports)
    }

    /// Returns a line for each image: outcome, name and digest.
    pub(super) fn lines(&self) -> String {
        let line = |(job, report): (&SyncJob<'_>, &SyncReport)| {
            result_line(&image_name(job), &image_result(job, report))
        };
        self.all().map(line).collect()
    }

    /// Returns what is said of the packages in the disks of images that were built.
    pub(super) fn packages(&self) -> Vec<String> {
        let lines = |(job, report): (&SyncJob<'_>, &SyncReport)| {
            let name = image_name(job);
            let lines = report.platforms.iter().flat_map(|part| package_lines(&name, part));
            lines.collect::<Vec<_>>()
        };
        self.all().flat_map(lines).collect()
    }

    /// Returns the number of images by outcome.
    pub(super) fn count(&self) -> String {
        let count =
            |of: &dyn Fn(&SyncReport) -> bool| self.reports.iter().filter(|it| of(it)).count();
        let published = count(&|it| matches!(it.outcome, SyncOutcome::Published));
        let would = count(&|it| matches!(it.outcome, SyncOutcome::WouldPublish));
        let unchanged = count(&|it| matches!(it.outcome, SyncOutcome::Unchanged));
        let failed = count(&|it| it.errors().next().is_some());
        let published = match would {
            0 => format!("{published} published"),
            _ => format!("{would} would be published"),
        };
        format!("{published}, {unchanged} unchanged, {failed} with failures")
    }

    pub(super) fn results(&self) -> CatalogueResults {
        let mut results = CatalogueResults::new();
        for (job, report) in self.all() {
            let key = Some(job.entry.short_name()).filter(|key| !results.contains_key(key));
            let key = key.unwrap_or_else(|| full_name(job.entry));
            results.insert(key, image_result(job, report));
        }
        results
    }

    /// Returns the error of the command, if an image failed.
    pub(super) fn error(&self) -> Option<CommandError> {
        let all: Vec<Diagnostic> = self
            .all()
            .flat_map(|(job, report)| {
                report.errors().map(|(platform, error)| {
                    let entry = job.entry;
                    let own = entry.platforms.iter().find(|own| Some(&own.platform) == platform);
                    let origin = own.map_or(&entry.origin, |own| &own.origin);
                    error.diagnostic(&entry.image, platform, origin)
                })
            })
            .collect();
        (!all.is_empty()).then_some(CommandError::Failed(all))
    }
}

/// Returns the name of an image where it is published.
fn image_name(job: &SyncJob<'_>) -> String {
    format!("{}:{}", job.target.full_repository(), job.entry.tag_name())
}

/// Returns the line about an image that is printed when its outcome is known.
pub(super) fn report_line(job: &SyncJob<'_>, report: &SyncReport) -> String {
    format!("{} {}", image_name(job), outcome_word(&report.outcome))
}

fn outcome_word(outcome: &SyncOutcome) -> &'static str {
    match outcome {
        SyncOutcome::Published => PUBLISHED,
        SyncOutcome::Unchanged => UNCHANGED,
        SyncOutcome::WouldPublish => WOULD_PUBLISH,
        SyncOutcome::Failed(_) => FAILED,
    }
}

fn image_result(job: &SyncJob<'_>, report: &SyncReport) -> ImageResult {
    let errors: Vec<String> = report
        .errors()
        .map(|(platform, error)| match platform {
            Some(platform) => format!("{platform}: {}", error_text(error)),
            None => error_text(error),
        })
        .collect();
    let is_failed = matches!(report.outcome, SyncOutcome::Failed(_));
    let platforms = report.platforms.iter();
    ImageResult {
        tags: report.tags.clone(),
        stage: "push".into(),
        // Later stages go on with the platforms that could be published.
        err: if is_failed { errors.join("; ") } else { String::new() },
        temporary: report.is_temporary(),
        image: job.target.full_repository(),
        outcome: outcome_word(&report.outcome).into(),
        digest: report.digest.map(|digest| digest.to_string()),
        platforms: platforms
            .map(|part| (part.platform.to_string(), platform_result(part)))
            .collect(),
    }
}

/// Returns the text of an error without secrets, which the URL of a list can have.
fn error_text(error: &SyncError) -> String {
    redact(&error.to_string()).into_owned()
}

fn platform_result(part: &PlatformSyncReport) -> PlatformResult {
    let (outcome, err) = match &part.outcome {
        PlatformSyncOutcome::Built => (PUBLISHED, String::new()),
        PlatformSyncOutcome::Unchanged => (UNCHANGED, String::new()),
        PlatformSyncOutcome::Kept(error) => ("kept", error_text(error)),
        PlatformSyncOutcome::Failed(error) => (FAILED, error_text(error)),
        PlatformSyncOutcome::Skipped => ("skipped", String::new()),
    };
    let disk = part.disk.as_ref();
    PlatformResult {
        err,
        outcome: outcome.into(),
        digest: part.digest.map(|digest| digest.to_string()),
        size: part.size,
        version: disk.map(|disk| disk.version.clone()).unwrap_or_default(),
        source: disk.map(UpstreamDisk::shown_url).unwrap_or_default(),
        verified: false,
        packages: part.packages.as_ref().map(|packages| PackageResult {
            count: packages.count,
            changes: packages.changes.as_ref().map(|it| ListedChanges::new(it, CHANGES_MAX)),
        }),
    }
}

/// Returns what is said of the packages in the disk of an image that was built, for people.
fn package_lines(name: &str, part: &PlatformSyncReport) -> Vec<String> {
    let Some(packages) = &part.packages else { return Vec::new() };
    let head = format!("{name} for {}: {} packages", part.platform, packages.count);
    let Some(changes) = &packages.changes else { return vec![head] };
    let changes = ListedChanges::new(changes, LINES_MAX);
    if changes.is_empty() {
        return vec![format!("{head}, as before")];
    }
    let lines = changes.system_text().into_iter().chain(changes.first_lines(LINES_MAX));
    let lines = lines.map(|line| format!("  {line}"));
    std::iter::once(format!("{head}, {}", changes.counts())).chain(lines).collect()
}
