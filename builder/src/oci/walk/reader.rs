//! Reads the documents of one image, each once, and holds them against the limits.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::error::WalkError;
use super::limits::DocumentLimits;
use super::source::DocumentSource;
use crate::oci::image::config::check_keys;
use crate::oci::image::descriptor::Descriptor;
use crate::oci::image::digest::Digest;
use crate::oci::image::index::ImageIndex;
use crate::oci::image::json::Document;
use crate::oci::image::manifest::ImageManifest;

/// Reads documents of one image, each once.
pub(crate) struct DocumentWalk<'a> {
    source: &'a dyn DocumentSource,
    limits: DocumentLimits,
    documents: BTreeMap<Digest, Arc<Document>>,
    configs: BTreeMap<Digest, Arc<Vec<u8>>>,
    /// Parsed indexes.
    indexes: BTreeMap<Digest, Arc<ImageIndex>>,
    /// Length of documents and configs together, in bytes.
    bytes: usize,
    /// Number of entries of indexes that were listed.
    entries: usize,
}

impl<'a> DocumentWalk<'a> {
    /// Starts a walk.
    pub(crate) fn new(source: &'a dyn DocumentSource, limits: DocumentLimits) -> Self {
        Self {
            source,
            limits,
            documents: BTreeMap::new(),
            configs: BTreeMap::new(),
            indexes: BTreeMap::new(),
            bytes: 0,
            entries: 0,
        }
    }

    /// Counts bytes of the document with this digest that are kept in memory; fails at the limit.
    pub(in crate::oci) fn count_bytes(
        &mut self,
        digest: Digest,
        len: usize,
    ) -> Result<(), WalkError> {
        self.bytes = self.bytes.saturating_add(len);
        if self.bytes > self.limits.bytes {
            let limit = self.limits.bytes >> 20;
            let why = format!("the image's documents are longer than {limit} MiB together");
            return Err(WalkError::Unusable(digest, why));
        }
        Ok(())
    }

    /// Keeps a document in memory and counts it; fails at a limit.
    pub(super) fn add_document(&mut self, document: Document) -> Result<Arc<Document>, WalkError> {
        let digest = document.digest;
        if let Some(known) = self.documents.get(&digest) {
            return Ok(Arc::clone(known));
        }
        if self.documents.len() >= self.limits.documents {
            let limit = self.limits.documents;
            let why = format!("the image has more than {limit} manifests and indexes");
            return Err(WalkError::Unusable(digest, why));
        }
        self.count_bytes(digest, document.bytes.len())?;
        let document = Arc::new(document);
        self.documents.insert(digest, Arc::clone(&document));
        Ok(document)
    }

    /// Returns a manifest or index. `parent` is the document that has the descriptor.
    pub(crate) fn read_document(
        &mut self,
        parent: Digest,
        descriptor: &Descriptor,
    ) -> Result<Arc<Document>, WalkError> {
        let digest = descriptor.digest;
        let document = if let Some(known) = self.documents.get(&digest) {
            Arc::clone(known)
        } else {
            let read = self.source.read_document(digest)?.ok_or(WalkError::Missing(digest))?;
            if read.digest != digest {
                return Err(WalkError::Damaged { expected: digest, found: read.digest });
            }
            self.add_document(read)?
        };
        if document.bytes.len() as u64 != descriptor.size {
            let why = "it gives another size than one of its manifests has";
            return Err(WalkError::Unusable(parent, why.into()));
        }
        Ok(document)
    }

    /// Returns the bytes of a config.
    pub(crate) fn read_config(&mut self, config: &Descriptor) -> Result<Arc<Vec<u8>>, WalkError> {
        if let Some(known) = self.configs.get(&config.digest) {
            return Ok(Arc::clone(known));
        }
        let bytes = Arc::new(self.source.read_config(config, &self.limits)?);
        self.count_bytes(config.digest, bytes.len())?;
        check_keys(&bytes).map_err(|why| WalkError::Unusable(config.digest, why))?;
        self.configs.insert(config.digest, Arc::clone(&bytes));
        Ok(bytes)
    }

    /// Parses a manifest; fails if it has too many layers.
    pub(crate) fn parse_manifest(&self, document: &Document) -> Result<ImageManifest, WalkError> {
        let wrong = |why: String| WalkError::Unusable(document.digest, why);
        let manifest = ImageManifest::parse(document).map_err(wrong)?;
        if manifest.layers.len() > self.limits.layers {
            return Err(wrong(format!("it has more than {} layers", self.limits.layers)));
        }
        Ok(manifest)
    }

    /// Returns a parsed index.
    pub(super) fn parse_index(
        &mut self,
        document: &Document,
    ) -> Result<Arc<ImageIndex>, WalkError> {
        if let Some(known) = self.indexes.get(&document.digest) {
            return Ok(Arc::clone(known));
        }
        let index = Arc::new(read_index(document)?);
        self.indexes.insert(document.digest, Arc::clone(&index));
        Ok(index)
    }

    /// Counts an entry of an index; fails at the limit.
    pub(super) fn count_entry(&mut self, index: Digest) -> Result<(), WalkError> {
        self.entries += 1;
        if self.entries > self.limits.entries {
            let limit = self.limits.entries;
            let why = format!("the indexes of the image have more than {limit} entries");
            return Err(WalkError::Unusable(index, why));
        }
        Ok(())
    }

    /// Fails if an index is nested too deeply.
    pub(super) fn check_depth(&self, index: &Document, depth: usize) -> Result<(), WalkError> {
        if depth < self.limits.depth {
            return Ok(());
        }
        let why = format!("more than {} indexes are nested", self.limits.depth);
        Err(WalkError::Unusable(index.digest, why))
    }
}

/// Parses an index.
pub(crate) fn read_index(document: &Document) -> Result<ImageIndex, WalkError> {
    ImageIndex::parse(document).map_err(|why| WalkError::Unusable(document.digest, why))
}

impl std::fmt::Debug for DocumentWalk<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DocumentWalk").field("limits", &self.limits).finish_non_exhaustive()
    }
}
