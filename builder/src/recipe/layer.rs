//! A *layer* of a recipe: a tar of entries, or a blob with the content of one source.

use std::collections::BTreeMap;

use super::{LayerEntry, LayerEntryKind, SourceRecipe};

/// Recipe of one layer.
#[derive(Debug, Clone, PartialEq)]
pub struct LayerRecipe {
    /// Text of the entry in the image's history, and name of the layer in messages. That of a blob
    /// is the name of its file.
    pub history: String,
    /// Content of the layer.
    pub content: LayerContent,
}

/// Content of a layer.
#[derive(Debug, Clone, PartialEq)]
pub enum LayerContent {
    /// A tar of these entries, in order: directories come before their content.
    Tar(Vec<LayerEntry>),
    /// The content of a source, in no tar.
    Blob(BlobRecipe),
}

/// Recipe of a layer that is the content of one source. It is compressed as layers are; only zstd and
/// no compression are in use.
#[derive(Debug, Clone, PartialEq)]
pub struct BlobRecipe {
    /// The source.
    pub source: SourceRecipe,
    /// Media type of the layer, which includes its compression.
    pub media_type: String,
    /// Annotations of the layer.
    pub annotations: BTreeMap<String, String>,
    /// Key of an annotation whose value is the size of the content as a quantity of Kubernetes.
    pub size_annotation: Option<&'static str>,
}

impl LayerRecipe {
    /// Returns the recipe of a tar.
    pub fn of_tar(history: impl Into<String>, entries: Vec<LayerEntry>) -> Self {
        Self { history: history.into(), content: LayerContent::Tar(entries) }
    }

    /// Returns the entries of the tar; a blob has none.
    pub fn entries(&self) -> &[LayerEntry] {
        match &self.content {
            LayerContent::Tar(entries) => entries,
            LayerContent::Blob(_) => &[],
        }
    }

    /// Returns the entries of the tar to change them; a blob has none.
    pub fn entries_mut(&mut self) -> &mut [LayerEntry] {
        match &mut self.content {
            LayerContent::Tar(entries) => entries,
            LayerContent::Blob(_) => &mut [],
        }
    }

    /// Returns the files of the layer in order: their paths, and the sources of their contents.
    pub(crate) fn files(&self) -> impl Iterator<Item = (&str, &SourceRecipe)> {
        let blob = match &self.content {
            LayerContent::Tar(_) => None,
            LayerContent::Blob(blob) => Some((self.history.as_str(), &blob.source)),
        };
        let files = self.entries().iter().filter_map(|entry| match &entry.kind {
            LayerEntryKind::File(source) => Some((entry.path.as_str(), source)),
            _ => None,
        });
        blob.into_iter().chain(files)
    }

    /// Returns the sources of all files to change them.
    pub fn sources_mut(&mut self) -> Vec<&mut SourceRecipe> {
        match &mut self.content {
            LayerContent::Blob(blob) => vec![&mut blob.source],
            LayerContent::Tar(entries) => {
                let files = entries.iter_mut().filter_map(|entry| match &mut entry.kind {
                    LayerEntryKind::File(source) => Some(source),
                    _ => None,
                });
                files.collect()
            }
        }
    }
}
