//! What a RUN line reads beside the tree.

use std::fmt;

use crate::oci::image::platform::Platform;
use crate::oci::tar::TarEntry;
use crate::recipe::SourceRecipe;
use crate::recipe::diagnostic::Span;

/// What a RUN line reads beside the tree.
pub trait RunInputs: fmt::Debug {
    /// Returns the bytes of a small source, if they can be read without a download.
    fn read_small(&self, source: &SourceRecipe) -> Option<Vec<u8>>;

    /// Returns the entries of an archive, `None` if the source is none. The error is a message.
    fn list_archive(&self, source: &SourceRecipe) -> Result<Option<Vec<TarEntry>>, String>;

    /// Returns the platform of the stage, if the line may depend on it.
    fn platform(&self) -> Option<&Platform>;

    /// Returns the position of the line, for messages about what is downloaded.
    fn origin(&self) -> Option<&Span>;
}

/// No inputs: nothing but the tree is read.
#[derive(Debug, Clone, Copy)]
pub struct NoInputs;

impl RunInputs for NoInputs {
    fn read_small(&self, _: &SourceRecipe) -> Option<Vec<u8>> {
        None
    }

    fn list_archive(&self, source: &SourceRecipe) -> Result<Option<Vec<TarEntry>>, String> {
        Err(format!("`{}` is not read", source.location))
    }

    fn platform(&self) -> Option<&Platform> {
        None
    }

    fn origin(&self) -> Option<&Span> {
        None
    }
}
