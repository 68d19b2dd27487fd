//! The *assembly* of images: from recipes, whatever frontend wrote them, to the printed result.

mod target;

use std::num::NonZeroUsize;

use cap_std::fs::Dir;
use diskette_builder::attestation::attach::AttestationForm;
use diskette_builder::attestation::provenance::{BuildClock, BuildParameters};
use diskette_builder::engine::assemble::{
    AttestOptions, BuildError, BuildOptions, BuildPlan, BuildSources, PlatformTags,
};
use diskette_builder::engine::cache::LayerCache;
use diskette_builder::engine::layer::LayerWorkers;
use diskette_builder::engine::source::FileNaming;
use diskette_builder::oci::image::format::ImageFormat;
use diskette_builder::oci::image::location::LocalImage;
use diskette_builder::oci::image::time::Timestamp;
use diskette_builder::oci::new_file::remove_abandoned_files;
use diskette_builder::oci::sink::Sink;
use diskette_builder::recipe::Recipe;
use diskette_builder::recipe::diagnostic::Diagnostic;
use diskette_builder::registry::client::{PublishedNames, RegistryClient};

use self::target::BuildTarget;
use crate::arguments::reports::BuildReports;
use crate::arguments::signing::SigningKey;
use crate::engines::ContainerEngine;
use crate::environment::Environment;
use crate::error::{CommandError, cannot};
use crate::files::ensure_private_dir;
use crate::ui::Ui;
use crate::ui::progress::ProgressView;

/// How images are made, and where they are written.
pub(crate) struct Assembly<'a> {
    pub(crate) progress: &'a ProgressView,
    /// Client of the registries that images are pushed to, if they are.
    pub(crate) push: Option<&'a RegistryClient>,
    /// Names that images get in registries.
    pub(crate) names: PublishedNames,
    pub(crate) output: Option<&'a LocalImage>,
    /// Engine that loads the images, in place of an output.
    pub(crate) engine: Option<&'a ContainerEngine>,
    /// What was asked for, as attestations state it.
    pub(crate) parameters: BuildParameters,
    /// Whether attestations have the times of the build.
    pub(crate) attest_times: bool,
    /// How attestations name files of this machine.
    pub(crate) file_naming: FileNaming,
    /// Where attestations are kept.
    pub(crate) attest_form: AttestationForm,
    /// Key that the images are signed with.
    pub(crate) signing: Option<&'a SigningKey>,
    pub(crate) format: ImageFormat,
    pub(crate) jobs: Option<NonZeroUsize>,
    pub(crate) no_cache: bool,
    pub(crate) created: Timestamp,
    pub(crate) platform_tags: PlatformTags,
    pub(crate) reports: &'a BuildReports,
    pub(crate) quiet: bool,
}

impl Assembly<'_> {
    pub(crate) fn run(
        &self,
        recipes: &[Recipe],
        sources: &BuildSources<'_>,
        environment: &Environment,
        ui: &Ui,
    ) -> Result<(), CommandError> {
        if let Some(key) = self.signing {
            recipes.iter().try_for_each(|recipe| key.check_names(&recipe.names))?;
        }
        let plan = BuildPlan::new(recipes, sources).map_err(refused_recipes)?;
        ui.warn(&plan.warnings());
        let cache = if self.no_cache { None } else { open_cache(environment, "layers", ui) };
        let cache = cache.map(|dir| LayerCache::new(dir, environment.started));
        let target = BuildTarget::open(self.output, self.engine, self.push, environment)?;
        let sinks = target.open_sinks(thread_count(self.jobs), self.names)?;
        let tee = sinks.tee();
        let sink = tee.as_ref().map(|tee| tee as &dyn Sink).or_else(|| sinks.only());
        let sink = sink.ok_or_else(missing_output)?;
        let signing = self.signing.map(|key| key.sign_in(sink));
        let workers = LayerWorkers::start(thread_count(self.jobs))
            .map_err(cannot("start", "compressing threads"))?;
        let now = || environment.current_time();
        let clock = BuildClock { started: environment.start_time(), now: &now };
        let options = BuildOptions {
            workers: &workers,
            sink: signing.as_ref().map_or(sink, |signing| signing),
            cache: cache.as_ref(),
            progress: self.progress,
            created: self.created,
            platform_tags: self.platform_tags,
            format: self.format,
            attest: Some(&AttestOptions {
                parameters: &self.parameters,
                clock: self.attest_times.then_some(clock),
                files: self.file_naming,
                form: self.attest_form,
                key: self.signing.map(SigningKey::key),
            }),
        };
        let built = plan.build(&options);
        // Bars are removed before anything else is printed.
        self.progress.end();
        let mut built = built?;
        if self.names == PublishedNames::Digests && self.push.is_some() {
            for image in &mut built {
                let digest = image.index.digest;
                image.names.iter_mut().for_each(|name| *name = name.with_digest(digest));
            }
        }
        self.engine.map_or(Ok(()), ContainerEngine::finish)?;
        let sent = self.push.map(|registry| registry.totals().sent());
        self.reports.write(&built, self.output, sent, self.quiet, ui)
    }
}

/// Returns the error for recipes that cannot be built.
#[expect(clippy::needless_pass_by_value, reason = "it maps errors")]
pub(crate) fn refused_recipes(errors: Vec<BuildError>) -> CommandError {
    CommandError::Failed(errors.iter().map(BuildError::diagnostic).collect())
}

/// Returns the error for a command without a destination.
pub(crate) fn missing_output() -> CommandError {
    let diagnostic = Diagnostic::new("no destination for the image");
    CommandError::Usage(
        diagnostic
            .help("use `--push`, or `-o oci:DIR` for an OCI layout, or `-o oci-archive:FILE`"),
    )
}

/// Returns the time of everything in the image: of the option, else of the environment, else of the
/// input.
pub(crate) fn creation_time(
    environment: &Environment,
    asked: Option<&str>,
    written: Option<&str>,
) -> Result<Timestamp, CommandError> {
    let set = environment.source_date_epoch.as_ref().map(|value| value.to_string_lossy());
    let Some(value) = asked.or(set.as_deref()).or(written) else {
        return Ok(Timestamp::default());
    };
    value.parse().map_err(|error| {
        let message = format!("SOURCE_DATE_EPOCH is `{value}`: {error}");
        Diagnostic::new(message).help("unset it, or set it to `git log -1 --format=%ct`").into()
    })
}

/// Opens a cache directory, and removes what interrupted programs left there. If that fails the command works without a cache.
pub(crate) fn open_cache(environment: &Environment, name: &str, ui: &Ui) -> Option<Dir> {
    let path = environment.cache_home.as_ref()?.join("diskette").join(name);
    ensure_private_dir(&path)
        .inspect_err(|diagnostic| ui.print_note(&format!("caching disabled: {diagnostic}")))
        .inspect(remove_abandoned_files)
        .ok()
}

/// Returns the number of compressing threads.
pub(crate) fn thread_count(asked: Option<NonZeroUsize>) -> usize {
    let available = || std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
    asked.unwrap_or_else(available).get()
}
