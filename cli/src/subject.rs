//! A *subject* is the finished image that a command looks at, wherever it lies: in a registry, in a
//! layout, in an archive.

use std::path::Path;

use diskette_builder::image::json::Document;
use diskette_builder::image::place::Place;
use diskette_builder::images::Images;
use diskette_builder::registry::{Registry, RegistryImages};

use crate::commands::transfer::{not_found, sink_error};
use crate::error::CommandError;
use crate::files::open_layout;

/// What a command was told to look at, and the images that it is among.
pub(crate) struct Subject<'a> {
    pub(crate) images: Box<dyn Images + 'a>,
    /// What the name stands for.
    pub(crate) root: Document,
}

/// Parses what the user named: a path that is there, or begins as one, is a layout; everything else
/// is read as a [`Place`].
pub(crate) fn parse_subject(text: &str) -> Result<Place, String> {
    let is_path = text.starts_with(['.', '/']) || Path::new(text).is_dir();
    if is_path { format!("oci:{text}").parse() } else { text.parse() }
}

impl<'a> Subject<'a> {
    /// Finds the image.
    pub(crate) fn find(place: &Place, registry: &'a Registry) -> Result<Self, CommandError> {
        let (images, name): (Box<dyn Images + 'a>, _) = match place {
            Place::Registry(name) => {
                let sources = registry.sources(name).map_err(sink_error)?;
                let wanted = name.digest().or(name.tag()).unwrap_or_default();
                (Box::new(RegistryImages::new(sources)), Some(wanted))
            }
            Place::Layout(path, name) => (Box::new(open_layout(path)?), name.as_deref()),
        };
        let root = match name {
            Some(name) => images.find(name)?,
            None => images.only()?,
        };
        let root = root.ok_or_else(|| not_found(&place.to_string()))?;
        Ok(Self { images, root })
    }
}
