//! The *closure* of an image: its documents and all blobs that they refer to.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::error::WalkError;
use super::reader::DocumentWalk;
use crate::oci::image::digest::Digest;
use crate::oci::image::json::Document;
use crate::oci::image::manifest::ImageManifest;

/// The documents and blobs of an image.
#[derive(Debug, Default)]
pub(crate) struct ImageClosure {
    /// Manifests and indexes; each document comes after those that it refers to.
    pub(crate) documents: Vec<Arc<Document>>,
    /// Digests and sizes of configs and layers, each once.
    pub(crate) blobs: BTreeMap<Digest, u64>,
}

impl DocumentWalk<'_> {
    /// Reads all documents of an image, and returns them with the blobs that they refer to.
    pub(crate) fn read_closure(&mut self, root: &Document) -> Result<ImageClosure, WalkError> {
        let root = self.add_document(root.clone())?;
        let mut closure = ImageClosure::default();
        self.add_to_closure(&root, 0, &mut BTreeSet::new(), &mut closure)?;
        Ok(closure)
    }

    fn add_to_closure(
        &mut self,
        document: &Arc<Document>,
        depth: usize,
        known: &mut BTreeSet<Digest>,
        closure: &mut ImageClosure,
    ) -> Result<(), WalkError> {
        if !known.insert(document.digest) {
            return Ok(());
        }
        if document.is_index() {
            self.check_depth(document, depth)?;
            for descriptor in &self.parse_index(document)?.manifests {
                let child = self.read_document(document.digest, descriptor)?;
                self.add_to_closure(&child, depth + 1, known, closure)?;
            }
        } else {
            let ImageManifest { config, layers, .. } = self.parse_manifest(document)?;
            for descriptor in config.iter().chain(&layers) {
                let size = closure.blobs.insert(descriptor.digest, descriptor.size);
                if size.is_some_and(|size| size != descriptor.size) {
                    let why = "a blob has two sizes";
                    return Err(WalkError::Unusable(document.digest, why.into()));
                }
            }
        }
        closure.documents.push(Arc::clone(document));
        Ok(())
    }
}
