//! Where the images of a build are written: a layout or archive, registries, or a layout and
//! registries.

use diskette_builder::oci::image::location::{LocalImage, StoreKind};
use diskette_builder::oci::sink::Sink;
use diskette_builder::oci::store::LayoutImages;
use diskette_builder::oci::tee::TeeSink;
use diskette_builder::recipe::diagnostic::Diagnostic;
use diskette_builder::registry::client::{RegistryClient, RegistrySink};

use crate::arguments::destination::OpenedDestination;
use crate::engines::{ContainerEngine, OpenedEngine};
use crate::environment::Environment;
use crate::error::CommandError;
use crate::images::open_layout;

/// The directory or registry opened for the images of a build.
pub(super) struct BuildTarget<'a> {
    output: Option<&'a LocalImage>,
    opened: Option<OpenedDestination<'a>>,
    engine: Option<OpenedEngine<'a>>,
    registry: Option<&'a RegistryClient>,
}

/// The sinks of a target. The tee of both borrows the others.
pub(super) struct TargetSinks<'a> {
    store: Option<Box<dyn Sink + 'a>>,
    registry: Option<RegistrySink<'a>>,
    images: Option<LayoutImages>,
}

impl<'a> BuildTarget<'a> {
    pub(super) fn open(
        output: Option<&'a LocalImage>,
        engine: Option<&'a ContainerEngine>,
        registry: Option<&'a RegistryClient>,
        environment: &Environment,
    ) -> Result<Self, CommandError> {
        let is_archive = output.is_some_and(|local| local.store != StoreKind::Layout);
        if registry.is_some() && is_archive {
            let message = "an archive cannot be written while its images are pushed";
            let help = "use `-o oci:DIR`, or build and push one after the other";
            return Err(CommandError::Usage(Diagnostic::new(message).help(help)));
        }
        let opened = output.map(|local| OpenedDestination::open(local, environment)).transpose()?;
        let engine = engine.map(|engine| OpenedEngine::open(engine, environment)).transpose()?;
        Ok(Self { output, opened, engine, registry })
    }

    pub(super) fn open_sinks(&self, width: usize) -> Result<TargetSinks<'_>, CommandError> {
        let store = match &self.engine {
            Some(engine) => Some(engine.sink()?),
            None => self.opened.as_ref().map(OpenedDestination::naming_sink).transpose()?,
        };
        let images = match self.output {
            Some(local) if self.registry.is_some() => Some(open_layout(&local.path)?),
            _ => None,
        };
        let registry = self.registry.map(|registry| RegistrySink::new(registry, width));
        Ok(TargetSinks { store, registry, images })
    }
}

impl TargetSinks<'_> {
    /// Returns a sink that writes to both, if there are two.
    pub(super) fn tee(&self) -> Option<TeeSink<'_>> {
        let (first, second) = (self.store.as_deref()?, self.registry.as_ref()?);
        Some(TeeSink { first, second, images: self.images.as_ref()? })
    }

    /// Returns the only sink.
    pub(super) fn only(&self) -> Option<&dyn Sink> {
        let registry = self.registry.as_ref().map(|sink| sink as &dyn Sink);
        self.store.as_deref().or(registry)
    }
}
