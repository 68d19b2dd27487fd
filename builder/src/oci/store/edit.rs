//! Changes of the *names* in a layout. Blobs stay as they are.

use std::collections::BTreeSet;

use cap_std::fs::Dir;
use serde_json::Value;

use super::layout_dir::LayoutDir;
use super::reader::LayoutImages;
use crate::oci::error::StorageError;
use crate::oci::image::digest::Digest;
use crate::oci::image::index::ImageIndex;
use crate::oci::image::referrer::{AttachedDocument, is_image};
use crate::oci::image::tag::Tag;
use crate::oci::images::Images;

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

    /// Removes an image from the index, and what is attached to it and has no other image there. Returns the digests of
    /// the image: none if there is no such image.
    pub fn remove(&self, name: &str) -> Result<Vec<String>, StorageError> {
        let path = self.layout.path();
        let dir = self.layout.dir().try_clone().map_err(StorageError::io("open", path))?;
        let images = LayoutImages::open(dir, path)?;
        self.layout.change_index(|index| {
            let removed = index.remove_name(name);
            let kept = list_documents(&images, &index.image_digests());
            let mut gone = list_documents(&images, &removed);
            gone.retain(|digest| !kept.contains(digest));
            // What is attached can have attachments itself.
            loop {
                let attached = index.remove_attached(&gone, |digest| subject_of(&images, digest));
                let attached = attached.iter().filter_map(|digest| digest.parse::<Digest>().ok());
                let before = gone.len();
                gone.extend(attached);
                if gone.len() == before {
                    return Ok(removed);
                }
            }
        })
    }
}

/// Returns the digests of the manifests and indexes of images, those that do not exist included.
fn list_documents(images: &LayoutImages, digests: &[String]) -> BTreeSet<Digest> {
    let mut found = BTreeSet::new();
    let mut pending: Vec<Digest> = digests.iter().filter_map(|it| it.parse().ok()).collect();
    while let Some(digest) = pending.pop() {
        if found.insert(digest)
            && let Ok(Some(document)) = images.read_document(digest)
            && document.is_index()
            && let Ok(index) = ImageIndex::parse(&document)
        {
            pending.extend(index.manifests.iter().map(|entry| entry.digest));
        }
    }
    found
}

/// Returns the digest of the image that an artifact refers to; none for an image, which is used by its name.
fn subject_of(images: &LayoutImages, digest: &str) -> Option<Digest> {
    let document = images.read_document(digest.parse().ok()?).ok()??;
    let fields: Value = serde_json::from_slice(&document.bytes).ok()?;
    let attached = AttachedDocument::of_document(&document)?;
    (!is_image(&fields)).then_some(attached.subject)
}
