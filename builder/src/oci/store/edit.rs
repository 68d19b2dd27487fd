//! Changes of the *names* in a layout. Blobs stay as they are.

use cap_std::fs::Dir;

use super::layout_dir::LayoutDir;
use crate::oci::error::StorageError;
use crate::oci::image::tag::Tag;

/// The names of the images of a layout. An image is found by its tag, full reference or digest.
#[derive(Debug)]
pub struct LayoutNames {
    layout: LayoutDir,
}

impl LayoutNames {
    /// Opens the layout in a directory. `path` is its path in messages.
    pub fn open(dir: Dir, path: &str) -> Result<Self, StorageError> {
        Ok(Self { layout: LayoutDir::open(dir, path)? })
    }

    /// Gives an image another tag, which moves if another image has it. Returns whether there is such
    /// an image.
    pub fn add_tag(&self, name: &str, tag: &Tag) -> Result<bool, StorageError> {
        self.layout.change_index(|index| Ok(index.add_tag(name, tag)))
    }

    /// Removes an image from the index, and returns its digests: none if there is no such image.
    pub fn remove(&self, name: &str) -> Result<Vec<String>, StorageError> {
        self.layout.change_index(|index| Ok(index.remove_name(name)))
    }
}
