//! The layers of a build: each distinct one is made once, however many platforms have it, and not
//! at all where it is there already.

use std::sync::{Mutex, PoisonError};

use super::{BuildError, Context, Sources};
use crate::engine::cache::Key;
use crate::engine::layer::{LayerError, LayerInput, write_layer};
use crate::engine::source::{Identity, Opener, Source, SourceError, SourceErrorKind};
use crate::oci::error::StorageError;
use crate::oci::image::layer::Layer;
use crate::oci::image::platform::Platform;
use crate::oci::image::reference::Reference;
use crate::oci::parallel::in_parallel;
use crate::oci::progress::{Event, Made};
use crate::oci::sink::BlobWriter;
use crate::recipe::{LayerEntry, LayerEntryKind, LayerRecipe, Recipe, SourceRecipe};

/// A layer that has to be there for the images to be made.
pub(super) struct LayerJob<'a> {
    pub(super) recipe: &'a LayerRecipe,
    pub(super) platform: &'a Platform,
    pub(super) sources: Vec<Source<'a>>,
    /// What the images will be called that have it.
    names: Vec<Reference>,
    /// Known only where every source can be told from any other without reading it.
    identities: Option<Vec<Identity>>,
}

/// Opens the sources of all layers of all platforms, in order; tells all that cannot be used.
pub(super) fn open<'a>(
    recipes: &'a [Recipe],
    sources: &Sources<'a>,
) -> Result<Vec<LayerJob<'a>>, Vec<BuildError>> {
    let mut jobs = Vec::new();
    let mut errors: Vec<BuildError> = Vec::new();
    for image in recipes {
        for platform in &image.platforms {
            for recipe in platform.layers() {
                match open_layer(recipe, &platform.platform, &image.names, sources) {
                    Ok(job) => jobs.push(job),
                    // A file that several platforms name is told once.
                    Err(error) if errors.iter().any(|old| old.is_same(&error)) => {}
                    Err(error) => errors.push(error),
                }
            }
        }
    }
    if errors.is_empty() { Ok(jobs) } else { Err(errors) }
}

fn open_layer<'a>(
    recipe: &'a LayerRecipe,
    platform: &'a Platform,
    names: &[Reference],
    sources: &Sources<'a>,
) -> Result<LayerJob<'a>, BuildError> {
    let Sources { inputs, client, unverified, cdi_only, places } = *sources;
    let mut opener = Opener::new(inputs, client, unverified, places).with_cdi_only(cdi_only);
    let open = |(path, source): (&str, &'a SourceRecipe)| {
        Source::open(source, &mut opener)
            .and_then(|source| source.check_name(path).map(|()| source))
            .map_err(|error| source_error(recipe, error))
    };
    let sources = files(&recipe.entries).map(open).collect::<Result<Vec<_>, _>>()?;
    let identities = sources.iter().map(Source::identity).collect();
    Ok(LayerJob { recipe, platform, sources, names: names.to_vec(), identities })
}

/// Returns the files of a layer: their paths, and where their content comes from.
pub(super) fn files(entries: &[LayerEntry]) -> impl Iterator<Item = (&str, &SourceRecipe)> {
    entries.iter().filter_map(|entry| match &entry.kind {
        LayerEntryKind::File(source) => Some((entry.path.as_str(), source)),
        _ => None,
    })
}

/// Makes all layers, as many at a time as the sink and the machine can take.
pub(super) fn make(
    jobs: Vec<LayerJob<'_>>,
    context: &Context<'_>,
) -> Result<Vec<Layer>, BuildError> {
    let keys: Vec<Option<Key>> = jobs.iter().map(|job| job.key(context)).collect();
    // Equal keys are equal layers: the first with a key makes it for all.
    let makers: Vec<usize> = (0..jobs.len())
        .map(|job| {
            (0..job).find(|first| keys[job].is_some() && keys[*first] == keys[job]).unwrap_or(job)
        })
        .collect();
    let mut jobs = jobs;
    for (job, maker) in makers.iter().enumerate() {
        // It goes to the repositories of all images that have it.
        let names = std::mem::take(&mut jobs[job].names);
        jobs[*maker].names.extend(names);
    }
    let jobs: Vec<Mutex<LayerJob<'_>>> = jobs.into_iter().map(Mutex::new).collect();
    let make = |number: usize, job: &Mutex<LayerJob<'_>>| {
        if makers[number] != number {
            return Ok(None);
        }
        let mut job = job.lock().unwrap_or_else(PoisonError::into_inner);
        job.make(number, keys[number].as_ref(), context).map(Some)
    };
    let width = context.sink.width().min(context.workers.jobs());
    let made: Vec<Option<Layer>> = in_parallel(&jobs, width, make)?;
    let layer = |maker: &usize| made[*maker].ok_or(BuildError::Cancelled);
    makers.iter().map(layer).collect()
}

impl LayerJob<'_> {
    fn key(&self, context: &Context<'_>) -> Option<Key> {
        let compression = context.workers.compression();
        let mtime = context.created.seconds();
        Key::new(&self.recipe.entries, self.identities.as_ref()?, mtime, compression).ok()
    }

    fn make(
        &mut self,
        number: usize,
        key: Option<&Key>,
        context: &Context<'_>,
    ) -> Result<Layer, BuildError> {
        let cache = context.cache.zip(key);
        // The layer may be there already, if it is known what it would be.
        let known = cache.and_then(|(cache, key)| cache.get(key));
        let (result, how) = match known {
            Some(layer) if context.sink.has(layer.digest, layer.size, &self.names)? => {
                (layer, Made::Reused)
            }
            _ => (self.build(number, context)?, Made::Built),
        };
        if how == Made::Built
            && let Some((cache, key)) = cache
            && let Err(error) = cache.put(key, &result)
        {
            context.progress.event(Event::Note(&format!("cannot write the cache: {error}")));
        }
        let (platform, name) = (self.platform, self.recipe.history.as_str());
        let result = &result;
        context.progress.event(Event::Finished { layer: number, platform, name, result, how });
        Ok(*result)
    }

    fn build(&mut self, number: usize, context: &Context<'_>) -> Result<Layer, BuildError> {
        self.survey(number, context)?;
        let layer = match self.write(number, context) {
            Err(LayerFailure::Layer(LayerError::Source(error))) if is_size(&error) => {
                // The tar header in front of the content needs a size that only reading tells.
                let recipe = self.recipe;
                let measured = self.sources.iter_mut().try_for_each(|source| match source {
                    source if source.place() == error.place => source.measure(),
                    _ => Ok(()),
                });
                measured.map_err(|error| source_error(recipe, error))?;
                self.write(number, context)
            }
            written => written,
        };
        layer.map_err(|failure| match failure {
            LayerFailure::Layer(LayerError::Source(error)) => source_error(self.recipe, error),
            LayerFailure::Layer(LayerError::Cancelled) => BuildError::Cancelled,
            LayerFailure::Layer(error) => BuildError::Layer(error),
            LayerFailure::Sink(error) => error.into(),
        })
    }

    /// Looks at the disks that are converted.
    fn survey(&mut self, number: usize, context: &Context<'_>) -> Result<(), BuildError> {
        let (recipe, platform) = (self.recipe, self.platform);
        let name = recipe.history.as_str();
        let advance = |len| context.progress.advance(number, len);
        for source in &mut self.sources {
            let Some(len) = source.unsurveyed() else { continue };
            context.progress.event(Event::Surveying { layer: number, platform, name, len });
            let surveyed = source.survey(context.workers.pool(), &advance);
            if surveyed.map_err(|error| source_error(recipe, error))?.is_break() {
                return Err(BuildError::Cancelled);
            }
        }
        Ok(())
    }

    /// Writes the layer; again if the sink failed on the way and may go on.
    fn write(&self, number: usize, context: &Context<'_>) -> Result<Layer, LayerFailure> {
        let mut input = self.input(context)?;
        let len = input.tar_len().map_err(LayerError::from)?;
        let mut blob = context.sink.start(len, &self.names)?;
        loop {
            let failure = match self.attempt(number, input, &mut blob, context) {
                Ok(layer) => return Ok(layer),
                Err(failure) => failure,
            };
            let failed_there = matches!(failure, LayerFailure::Sink(_));
            if !failed_there || context.progress.is_cancelled() || !blob.restart()? {
                return Err(failure);
            }
            input = self.input(context)?;
        }
    }

    fn input(&self, context: &Context<'_>) -> Result<LayerInput<'_>, LayerFailure> {
        let contents = self.sources.iter().map(Source::content).collect::<Result<Vec<_>, _>>();
        let contents = contents.map_err(LayerError::from)?;
        let entries = &self.recipe.entries;
        Ok(LayerInput { entries, contents, mtime: context.created.seconds() })
    }

    fn attempt(
        &self,
        number: usize,
        input: LayerInput<'_>,
        blob: &mut Box<dyn BlobWriter + '_>,
        context: &Context<'_>,
    ) -> Result<Layer, LayerFailure> {
        let (platform, name) = (self.platform, self.recipe.history.as_str());
        let len = input.tar_len().map_err(LayerError::from)?;
        context.progress.event(Event::Started { layer: number, platform, name, len });
        let advance = |len| context.progress.advance(number, len);
        let layer = write_layer(input, context.workers, blob, &advance)?;
        blob.finish(layer.digest, layer.size)?;
        Ok(layer)
    }
}

/// Why one attempt at a layer failed.
enum LayerFailure {
    Layer(LayerError),
    Sink(StorageError),
}

impl From<LayerError> for LayerFailure {
    fn from(error: LayerError) -> Self {
        match error {
            // What a sink itself says on the way is not wrapped in what the system could say.
            LayerError::Write(error) => match error.downcast::<StorageError>() {
                Ok(error) => Self::Sink(error),
                Err(error) => Self::Layer(LayerError::Write(error)),
            },
            error => Self::Layer(error),
        }
    }
}

impl From<StorageError> for LayerFailure {
    fn from(error: StorageError) -> Self {
        Self::Sink(error)
    }
}

fn is_size(error: &SourceError) -> bool {
    matches!(error.kind, SourceErrorKind::Size { .. })
}

/// Finds where the user named the source that failed.
fn source_error(recipe: &LayerRecipe, error: SourceError) -> BuildError {
    let mut sources = files(&recipe.entries).map(|(_, source)| source);
    let culprit = sources.find(|source| source.location.to_string() == error.place);
    BuildError::Source { origin: culprit.and_then(|source| source.origin.clone()), error }
}
