//! The *destinations* of commands: layouts, archives and registries, and the sinks for them.

use std::io;

use cap_std::fs::Dir;
use diskette_builder::oci::image::location::{ImageLocation, LocalImage, StoreKind};
use diskette_builder::oci::image::platform::Platform;
use diskette_builder::oci::image::ref_name::{LayoutName, RefNameError};
use diskette_builder::oci::rename::RenamingSink;
use diskette_builder::oci::sink::{Sink, StoreSink};
use diskette_builder::oci::store::{ArchiveSink, LayoutImages, LayoutSink};
use diskette_builder::recipe::diagnostic::Diagnostic;
use diskette_builder::registry::client::{RegistryClient, RegistrySink};

use crate::environment::Environment;
use crate::error::{CommandError, cannot};
use crate::files::output::{FileOutput, Output, ThroughOutput};
use crate::files::{ensure_dir, open_dir};

/// The directory opened for a layout or an archive; it outlives the sink in it.
pub(crate) struct OpenedDestination<'a> {
    local: &'a LocalImage,
    dir: Dir,
    /// Name of the file of an archive.
    file: String,
    /// Device or FIFO that an archive is written through to.
    through: Option<ThroughOutput>,
}

impl<'a> OpenedDestination<'a> {
    /// Opens the directory, or makes it.
    pub(crate) fn open(
        local: &'a LocalImage,
        environment: &Environment,
    ) -> Result<Self, CommandError> {
        let path = &local.path;
        let temporary = || {
            let path = &environment.temporary;
            open_dir(path).map_err(cannot("open", path.display()))
        };
        let mut through = None;
        let (dir, file) = match local.store {
            _ if local.is_stream() => (temporary()?, String::new()),
            StoreKind::Layout if path.exists() && !path.is_dir() => {
                let message =
                    format!("cannot write a layout to `{}`: it is not a directory", path.display());
                let help = format!("for an archive, use `-o oci-archive:{}`", path.display());
                return Err(Diagnostic::new(message).help(help).into());
            }
            StoreKind::Layout => (ensure_dir(path)?, String::new()),
            StoreKind::OciArchive | StoreKind::DockerArchive if path.is_dir() => {
                let message =
                    format!("cannot write an archive to `{}`: it is a directory", path.display());
                let help = format!("for a layout, use `-o oci:{}`", path.display());
                return Err(Diagnostic::new(message).help(help).into());
            }
            StoreKind::OciArchive | StoreKind::DockerArchive => match Output::find(path)? {
                Output::File(FileOutput { dir, name }) => (dir, name),
                Output::Through(found) => {
                    through = Some(found);
                    (temporary()?, String::new())
                }
            },
        };
        Ok(Self { local, dir, file, through })
    }

    /// Returns the images of a layout, if it has some that can be read.
    pub(crate) fn images(&self) -> Option<LayoutImages> {
        let dir = self.dir.try_clone().ok().filter(|_| self.local.store == StoreKind::Layout)?;
        LayoutImages::open(dir, &self.local.path.display().to_string()).ok()
    }

    /// Returns a sink that writes there.
    pub(crate) fn sink(&self) -> Result<Box<dyn StoreSink + '_>, CommandError> {
        let location = self.local.path.display().to_string();
        Ok(match self.local.store {
            StoreKind::Layout => {
                let dir = self.dir.try_clone().map_err(cannot("open", &location))?;
                Box::new(LayoutSink::open(dir, &location)?)
            }
            // An OCI archive is one of docker's, too.
            StoreKind::OciArchive | StoreKind::DockerArchive if self.local.is_stream() => {
                let (output, platform) = (Box::new(io::stdout()), Platform::host());
                Box::new(ArchiveSink::stream(&self.dir, output, "standard output", platform)?)
            }
            StoreKind::OciArchive | StoreKind::DockerArchive => {
                let platform = Platform::host();
                if let Some(through) = &self.through {
                    let output = through.open().map_err(cannot("write", &location))?;
                    return Ok(Box::new(ArchiveSink::stream(
                        &self.dir, output, &location, platform,
                    )?));
                }
                Box::new(ArchiveSink::create(&self.dir, &self.file, &location, platform)?)
            }
        })
    }

    /// Returns a sink for one image, which gets the name of the location if that has one.
    pub(crate) fn naming_sink(&self) -> Result<Box<dyn StoreSink + '_>, CommandError> {
        let inner = self.sink()?;
        Ok(match &self.local.name {
            Some(name) => Box::new(RenamingSink { inner, name: parse_layout_name(name)? }),
            None => inner,
        })
    }
}

/// Parses the name that an image gets in a layout or an archive.
pub(crate) fn parse_layout_name(name: &str) -> Result<LayoutName, CommandError> {
    name.parse().map_err(|error: RefNameError| {
        CommandError::Usage(Diagnostic::new(error.to_string()).help("name the image with a tag"))
    })
}

/// Opens a layout or an archive for writing. Nothing is opened for a registry.
pub(crate) fn open_for_writing<'a>(
    location: &'a ImageLocation,
    environment: &Environment,
) -> Result<Option<OpenedDestination<'a>>, CommandError> {
    match location {
        ImageLocation::Registry(_) => Ok(None),
        ImageLocation::Local(local) => OpenedDestination::open(local, environment).map(Some),
    }
}

/// Returns the sink of what was opened, or of the registry if nothing was.
pub(crate) fn open_sink<'a>(
    opened: Option<&'a OpenedDestination<'_>>,
    registry: &'a RegistryClient,
    width: usize,
) -> Result<Box<dyn Sink + 'a>, CommandError> {
    match opened {
        Some(opened) => Ok(opened.sink()?),
        None => Ok(Box::new(RegistrySink::new(registry, width))),
    }
}
