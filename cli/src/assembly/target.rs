//! Where the images of a build are written: a layout or archive, registries, or both.

use diskette_builder::oci::image::location::LocalImage;
use diskette_builder::oci::sink::{Sink, StoreSink};
use diskette_builder::oci::tee::TeeSink;
use diskette_builder::registry::client::{PublishedNames, RegistryClient, RegistrySink};

use crate::arguments::destination::OpenedDestination;
use crate::engines::{ContainerEngine, OpenedEngine};
use crate::environment::Environment;
use crate::error::CommandError;

/// The directory or registry opened for the images of a build.
pub(super) struct BuildTarget<'a> {
    opened: Option<OpenedDestination<'a>>,
    engine: Option<OpenedEngine<'a>>,
    registry: Option<&'a RegistryClient>,
}

/// The sinks of a target. The tee of both borrows the others.
pub(super) struct TargetSinks<'a> {
    store: Option<Box<dyn StoreSink + 'a>>,
    registry: Option<RegistrySink<'a>>,
}

impl<'a> BuildTarget<'a> {
    pub(super) fn open(
        output: Option<&'a LocalImage>,
        engine: Option<&'a ContainerEngine>,
        registry: Option<&'a RegistryClient>,
        environment: &Environment,
    ) -> Result<Self, CommandError> {
        let opened = output.map(|local| OpenedDestination::open(local, environment)).transpose()?;
        let engine = engine.map(|engine| OpenedEngine::open(engine, environment)).transpose()?;
        Ok(Self { opened, engine, registry })
    }

    pub(super) fn open_sinks(
        &self,
        width: usize,
        names: PublishedNames,
    ) -> Result<TargetSinks<'_>, CommandError> {
        let store = match &self.engine {
            Some(engine) => Some(engine.sink()?),
            None => self.opened.as_ref().map(OpenedDestination::naming_sink).transpose()?,
        };
        let registry = self.registry.map(|it| RegistrySink::new(it, width).with_names(names));
        Ok(TargetSinks { store, registry })
    }
}

impl TargetSinks<'_> {
    /// Returns a sink that writes to both, if there are two.
    pub(super) fn tee(&self) -> Option<TeeSink<'_>> {
        let (first, second) = (self.store.as_deref()?, self.registry.as_ref()?);
        Some(TeeSink { first, second })
    }

    /// Returns the only sink.
    pub(super) fn only(&self) -> Option<&dyn Sink> {
        let registry = self.registry.as_ref().map(|sink| sink as &dyn Sink);
        self.store.as_deref().map(|sink| sink as &dyn Sink).or(registry)
    }
}
