//! Where a build's images go: a layout or archive, registries, or a layout and registries.

use diskette_builder::oci::sink::Sink;
use diskette_builder::oci::store::LayoutImages;
use diskette_builder::oci::tee::TeeSink;
use diskette_builder::recipe::diagnostic::Diagnostic;
use diskette_builder::registry::client::{Registry, RegistrySink};

use crate::arguments::destination::{Destination, Opened};
use crate::environment::Environment;
use crate::error::CommandError;
use crate::images::open_layout;

/// What was opened for a build's images.
pub(super) struct Target<'a> {
    output: Option<&'a Destination>,
    opened: Option<Opened>,
    registry: Option<&'a Registry>,
}

/// The sinks of a target; those that others are made of come first.
pub(super) struct Sinks<'a> {
    store: Option<Box<dyn Sink + 'a>>,
    registry: Option<RegistrySink<'a>>,
    images: Option<LayoutImages>,
}

impl<'a> Target<'a> {
    pub(super) fn open(
        output: Option<&'a Destination>,
        registry: Option<&'a Registry>,
        environment: &Environment,
    ) -> Result<Self, CommandError> {
        let is_archive = matches!(output, Some(Destination::Archive(_) | Destination::Stdout));
        if registry.is_some() && is_archive {
            let message = "an archive cannot be written while its images are pushed";
            let help = "say `-o oci:DIR`, or build and push one after the other";
            return Err(CommandError::Usage(Diagnostic::new(message).help(help)));
        }
        let opened = output.map(|destination| destination.open(environment)).transpose()?;
        Ok(Self { output, opened, registry })
    }

    pub(super) fn sinks(&self, width: usize) -> Result<Sinks<'_>, CommandError> {
        let store = self.opened.as_ref().map(Opened::sink).transpose()?;
        let images = match self.output {
            Some(Destination::Layout(path)) if self.registry.is_some() => Some(open_layout(path)?),
            _ => None,
        };
        let registry = self.registry.map(|registry| RegistrySink::new(registry, width));
        Ok(Sinks { store, registry, images })
    }
}

impl Sinks<'_> {
    /// Returns both as one, where there are two.
    pub(super) fn tee(&self) -> Option<TeeSink<'_>> {
        let (first, second) = (self.store.as_deref()?, self.registry.as_ref()?);
        Some(TeeSink { first, second, images: self.images.as_ref()? })
    }

    /// Returns the one that there is.
    pub(super) fn only(&self) -> Option<&dyn Sink> {
        let registry = self.registry.as_ref().map(|sink| sink as &dyn Sink);
        self.store.as_deref().or(registry)
    }
}
