//! Builds the layers of a build: each distinct layer once, however many platforms have it, and not
//! at all if it exists already.

use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, PoisonError};

use super::known_layers::KnownLayers;
use super::{BuildError, BuildOptions};
use crate::cluster::vm::DISK_NAME;
use crate::compression::LayerCompression;
use crate::engine::layer::{LayerError, LayerInput, write_layer};
use crate::engine::layer_key::LayerKey;
use crate::engine::source::{Source, SourceError, SourceIdentity};
use crate::oci::error::StorageError;
use crate::oci::image::layer::FinishedLayer;
use crate::oci::image::platform::Platform;
use crate::oci::image::reference::Reference;
use crate::oci::parallel::in_parallel;
use crate::oci::progress::{LayerOutcome, ProgressEvent};
use crate::oci::sink::BlobWriter;
use crate::recipe::{LayerContent, LayerRecipe, PlatformRecipe, SourceRecipe};
use crate::sbom::inventory::Inventory;

/// A layer that the images need.
pub(super) struct LayerJob<'a> {
    recipe: &'a LayerRecipe,
    pub(super) platform: &'a Platform,
    compression: LayerCompression,
    /// Sources of the files of the layer, in order.
    pub(super) sources: Vec<LayerSource<'a>>,
    /// Names of the images that have the layer.
    names: Vec<Reference>,
    /// Identities of the sources, if all of them have one.
    identities: Option<Vec<SourceIdentity>>,
}

/// A source that was opened.
pub(super) struct LayerSource<'a> {
    pub(super) recipe: &'a SourceRecipe,
    pub(super) source: Source<'a>,
    /// The packages in the disk, if they are listed.
    pub(super) packages: Option<Inventory>,
}

impl<'a> LayerJob<'a> {
    /// Returns the job of a layer whose sources are opened; `names` are those of its image.
    pub(super) fn new(
        recipe: &'a LayerRecipe,
        image: &'a PlatformRecipe,
        names: &[Reference],
        sources: Vec<LayerSource<'a>>,
    ) -> Self {
        let identities = sources.iter().map(|it| it.source.identity()).collect();
        let (platform, compression) = (&image.platform, image.compression);
        Self { recipe, platform, compression, sources, names: names.to_vec(), identities }
    }
}

/// Builds all layers, as many at a time as the sink and the workers allow.
pub(super) fn make_layers(
    jobs: Vec<LayerJob<'_>>,
    options: &BuildOptions<'_>,
) -> Result<Vec<FinishedLayer>, BuildError> {
    let keys: Vec<Option<LayerKey>> = jobs.iter().map(|job| job.cache_key(options)).collect();
    // Equal keys mean equal layers: the first job with a key builds the layer for all.
    let makers: Vec<usize> = (0..jobs.len())
        .map(|job| {
            (0..job).find(|first| keys[job].is_some() && keys[*first] == keys[job]).unwrap_or(job)
        })
        .collect();
    let mut jobs = jobs;
    for (job, maker) in makers.iter().enumerate() {
        // The blob goes to the repositories of all images that have the layer.
        let names = std::mem::take(&mut jobs[job].names);
        jobs[*maker].names.extend(names);
    }
    let jobs: Vec<Mutex<LayerJob<'_>>> = jobs.into_iter().map(Mutex::new).collect();
    let known = KnownLayers::new(options);
    let make_layer = |number: usize, job: &Mutex<LayerJob<'_>>| {
        if makers[number] != number {
            return Ok(None);
        }
        let mut job = job.lock().unwrap_or_else(PoisonError::into_inner);
        job.make_layer(number, (keys[number].as_ref(), &known), options).map(Some)
    };
    let width = options.sink.max_parallel_blobs().min(options.workers.jobs());
    let made: Vec<Option<FinishedLayer>> = in_parallel(&jobs, width, make_layer)?;
    let layer = |maker: &usize| made[*maker].ok_or(BuildError::Cancelled);
    makers.iter().map(layer).collect()
}

impl LayerJob<'_> {
    /// Returns the name of the disk that the layer is, if it is one of a VM artifact.
    pub(super) fn disk_name(&self) -> Option<&str> {
        match &self.recipe.content {
            LayerContent::Blob(blob) => blob.annotations.get(DISK_NAME).map(String::as_str),
            LayerContent::Tar(_) => None,
        }
    }

    fn cache_key(&self, options: &BuildOptions<'_>) -> Option<LayerKey> {
        let (mtime, identities) = (options.created.seconds(), self.identities.as_ref()?);
        LayerKey::new(&self.recipe.content, identities, mtime, self.compression).ok()
    }

    fn make_layer(
        &mut self,
        number: usize,
        (key, known): (Option<&LayerKey>, &KnownLayers<'_>),
        options: &BuildOptions<'_>,
    ) -> Result<FinishedLayer, BuildError> {
        let cached = options.cache.zip(key).and_then(|(cache, key)| cache.get(key));
        let poll = |_| {
            if options.progress.is_cancelled() {
                return ControlFlow::Break(());
            }
            ControlFlow::Continue(())
        };
        let (result, how) = match cached {
            // It may exist already.
            Some(layer)
                if options.sink.has_blob(layer.digest, layer.size, &self.names, &poll)? =>
            {
                (layer, LayerOutcome::Reused)
            }
            _ => {
                let (layer, copied) = self.build_layer(number, known, options)?;
                (layer, LayerOutcome::Built { copied })
            }
        };
        if how != LayerOutcome::Reused {
            let added = known.add(self.compression, &result);
            let put = options.cache.zip(key).map_or(Ok(()), |(cache, key)| cache.put(key, &result));
            if let Err(error) = added.and(put) {
                let note = format!("cannot write the cache: {error}");
                options.progress.report(ProgressEvent::Note(&note));
            }
        }
        let (platform, name) = (self.platform, self.recipe.history.as_str());
        let result = &result;
        options.progress.report(ProgressEvent::Finished {
            layer: number,
            platform,
            name,
            result,
            how,
        });
        Ok(*result)
    }

    /// Builds the layer; also returns how many bytes of known frames were copied.
    fn build_layer(
        &mut self,
        number: usize,
        known: &KnownLayers<'_>,
        options: &BuildOptions<'_>,
    ) -> Result<(FinishedLayer, u64), BuildError> {
        // The tar headers in front of the contents need sizes that are known only after reading.
        for content in 0..self.sources.len() {
            if self.sources[content].source.unsurveyed_len().is_some() {
                self.measure(content, number, options)?;
            }
        }
        let failure = loop {
            match self.write_blob(number, known, options) {
                Ok(layer) => return Ok(layer),
                Err(LayerFailure::Layer(LayerError::Unmeasured { content })) => {
                    self.measure(content, number, options)?;
                }
                Err(failure) => break failure,
            }
        };
        Err(match failure {
            LayerFailure::Layer(LayerError::Source { content, error }) => {
                self.source_error(content, error)
            }
            LayerFailure::Layer(LayerError::Cancelled) => BuildError::Cancelled,
            LayerFailure::Layer(error) => BuildError::Layer(error),
            LayerFailure::Sink(error) => error.into(),
        })
    }

    /// Measures the size of a content; a disk that is converted is surveyed.
    fn measure(
        &mut self,
        content: usize,
        number: usize,
        options: &BuildOptions<'_>,
    ) -> Result<(), BuildError> {
        let (platform, name) = (self.platform, self.recipe.history.as_str());
        let (source, progress) = (&mut self.sources[content].source, options.progress);
        let unsurveyed = source.unsurveyed_len();
        if let Some(len) = unsurveyed {
            progress.report(ProgressEvent::Surveying { layer: number, platform, name, len });
        }
        let advance = |len| match unsurveyed {
            Some(_) => progress.advance(number, len),
            None if progress.is_cancelled() => ControlFlow::Break(()),
            None => ControlFlow::Continue(()),
        };
        match source.measure(options.workers.pool(), &advance) {
            Ok(ControlFlow::Continue(())) => Ok(()),
            Ok(ControlFlow::Break(())) => Err(BuildError::Cancelled),
            Err(error) => Err(self.source_error(content, error)),
        }
    }

    fn source_error(&self, content: usize, error: SourceError) -> BuildError {
        BuildError::from_source(error, self.sources[content].recipe)
    }

    /// Writes the layer's blob; starts again if the sink failed and can restart the blob.
    fn write_blob(
        &self,
        number: usize,
        known: &KnownLayers<'_>,
        options: &BuildOptions<'_>,
    ) -> Result<(FinishedLayer, u64), LayerFailure> {
        let mut input = self.layer_input(options)?;
        let len = input.plain_len().map_err(LayerError::from)?;
        let mut blob = options.sink.start_blob(len, &self.names)?;
        loop {
            let known = known.frames(self.compression, len).map(Arc::new);
            input.known.clone_from(&known);
            let failure = match self.attempt_blob(number, input, &mut blob, options) {
                Ok(layer) => return Ok((layer, known.map_or(0, |known| known.copied()))),
                Err(failure) => failure,
            };
            let failed_there = matches!(failure, LayerFailure::Sink(_));
            if !failed_there || options.progress.is_cancelled() || !blob.restart()? {
                return Err(failure);
            }
            input = self.layer_input(options)?;
        }
    }

    fn layer_input(&self, options: &BuildOptions<'_>) -> Result<LayerInput<'_>, LayerFailure> {
        let contents = self.sources.iter().enumerate().map(|(number, it)| {
            it.source.content().map_err(|error| LayerError::from_content(number, error))
        });
        let contents = contents.collect::<Result<Vec<_>, _>>()?;
        let content = &self.recipe.content;
        let (mtime, compression) = (options.created.seconds(), self.compression);
        Ok(LayerInput { content, contents, mtime, compression, known: None })
    }

    fn attempt_blob(
        &self,
        number: usize,
        input: LayerInput<'_>,
        blob: &mut Box<dyn BlobWriter + '_>,
        options: &BuildOptions<'_>,
    ) -> Result<FinishedLayer, LayerFailure> {
        let (platform, name) = (self.platform, self.recipe.history.as_str());
        let len = input.plain_len().map_err(LayerError::from)?;
        options.progress.report(ProgressEvent::Started { layer: number, platform, name, len });
        let advance = |len| options.progress.advance(number, len);
        let layer = write_layer(input, options.workers, blob, &advance)?;
        blob.finish(layer.digest, layer.size)?;
        Ok(layer)
    }
}

/// Why one attempt to write a layer failed.
enum LayerFailure {
    Layer(LayerError),
    Sink(StorageError),
}

impl From<LayerError> for LayerFailure {
    fn from(error: LayerError) -> Self {
        match error {
            // The sink's own errors come through `io::Write`, inside an `io::Error`.
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
