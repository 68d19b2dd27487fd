//! *Content* that commands pass on: texts that are known, and sources that are read later.

use super::archive::TreeArchive;
use super::inputs::RunInputs;
use super::status::CommandRefusal;
use crate::recipe::{SourceLocation, SourceRecipe, SourceRole};

/// Maximum length of a text that commands make, in bytes.
pub(super) const TEXT_MAX: usize = 1 << 20;

/// What a command writes to its standard output, or a file contains.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Content {
    Text(Vec<u8>),
    /// The content of a source, and its size if it is known.
    Source(Box<SourceRecipe>, Option<u64>),
    /// An archive that has not been written.
    Archive(TreeArchive),
}

impl Default for Content {
    fn default() -> Self {
        Self::Text(Vec::new())
    }
}

impl Content {
    /// Returns the content of a file.
    pub(super) fn of_file(source: &SourceRecipe, size: Option<u64>) -> Self {
        match &source.location {
            SourceLocation::Inline(text) if is_unchanged(source) => Self::Text(text.to_vec()),
            _ => Self::Source(Box::new(source.clone()), size),
        }
    }

    /// Returns the source of a file with this content, and its size; `None` for an archive that
    /// cannot be written before the build.
    pub(super) fn into_source(self, inputs: &dyn RunInputs) -> Option<(SourceRecipe, Option<u64>)> {
        let text = match self {
            Self::Text(text) => text,
            Self::Source(source, size) => return Some((*source, size)),
            Self::Archive(archive) => archive_bytes(&archive, inputs)?,
        };
        let size = text.len() as u64;
        let location = SourceLocation::Inline(text.into());
        Some((SourceRecipe::new(location, SourceRole::File), Some(size)))
    }

    /// Returns the bytes, if they are few and known before the build.
    pub(super) fn text(&self, inputs: &dyn RunInputs) -> Option<Vec<u8>> {
        match self {
            Self::Text(text) => Some(text.clone()),
            Self::Source(source, _) if is_unchanged(source) => {
                inputs.read_small(source).filter(|text| text.len() <= TEXT_MAX)
            }
            Self::Source(..) => None,
            Self::Archive(archive) => archive_bytes(archive, inputs),
        }
    }

    /// Returns the number of bytes that a copy copies: none of what is read later.
    pub(super) fn text_len(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Source(..) | Self::Archive(_) => 0,
        }
    }

    /// Returns the content followed by more. A source that cannot be read now is followed by nothing,
    /// and follows nothing.
    pub(super) fn joined(self, more: Self, inputs: &dyn RunInputs) -> Result<Self, CommandRefusal> {
        match (self, more) {
            (first, Self::Text(more)) if more.is_empty() => Ok(first),
            (Self::Text(first), more) if first.is_empty() => Ok(more),
            (Self::Text(mut first), Self::Text(more)) if first.len() + more.len() <= TEXT_MAX => {
                first.extend(more);
                Ok(Self::Text(first))
            }
            (first, more) => {
                let texts = first.text(inputs).zip(more.text(inputs));
                let joined = texts.map(|(first, more)| [first, more].concat());
                joined.filter(|text| text.len() <= TEXT_MAX).map(Self::Text).ok_or_else(|| {
                    let message = "several contents can be joined only if they are short texts";
                    CommandRefusal::new(message)
                })
            }
        }
    }
}

/// Returns the bytes of an archive, if they are few and known before the build.
fn archive_bytes(archive: &TreeArchive, inputs: &dyn RunInputs) -> Option<Vec<u8>> {
    archive.bytes(TEXT_MAX, |file| Content::of_file(&file.source, file.size).text(inputs))
}

/// Returns whether the content is that of the source as it is.
pub(super) fn is_unchanged(source: &SourceRecipe) -> bool {
    source.compression.is_none() && !source.changes_disk()
}
