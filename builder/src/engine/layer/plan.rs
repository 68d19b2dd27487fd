//! The *plan* of a layer, made before a byte of its contents is read: where headers, contents, padding and
//! the end of a tar are, or that the layer is a single content.

use super::tar::{END_LEN, TarError, entry_headers, padding_len};
use crate::recipe::{LayerEntry, LayerEntryKind};

/// Maximum length of the head of a layer, in bytes; see [`LayerPlan::head_len`].
const HEAD_LEN_MAX: usize = 32 * 1024;

/// Length of the head of a blob, in bytes: that of the headers of a tar with `/disk` and one file.
const BLOB_HEAD_LEN: usize = 1024;

/// A piece of a layer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum LayerPiece {
    /// Headers, padding, the end.
    Bytes(Vec<u8>),
    /// Number of a file of the layer whose content follows, and its size in bytes.
    Content(usize, u64),
}

/// The pieces of a layer whose contents have not been read yet.
#[derive(Debug)]
pub(crate) struct LayerPlan {
    pub(crate) pieces: Vec<LayerPiece>,
}

impl LayerPlan {
    /// Plans the tar of `entries`; `sizes` are those of the files among them, in order, and
    /// `mtime`, in seconds since 1970, is that of every entry.
    pub(crate) fn of_tar(
        entries: &[LayerEntry],
        sizes: &[u64],
        mtime: u64,
    ) -> Result<Self, TarError> {
        let mut plan = Self { pieces: Vec::new() };
        let mut files = sizes.iter().copied().enumerate();
        for entry in entries {
            let file = match entry.kind {
                LayerEntryKind::File(_) => files.next(),
                _ => None,
            };
            plan.push_bytes(&entry_headers(entry, file.map_or(0, |(_, size)| size), mtime)?);
            // An empty file too: its source has to be checked.
            if let Some((index, size)) = file {
                plan.pieces.push(LayerPiece::Content(index, size));
                plan.push_bytes(&vec![0; padding_len(size)]);
            }
        }
        plan.push_bytes(&[0; END_LEN]);
        Ok(plan)
    }

    /// Plans a layer that is a content of `size` bytes, in no tar.
    pub(crate) fn of_blob(size: u64) -> Self {
        Self { pieces: vec![LayerPiece::Content(0, size)] }
    }

    /// Returns the length of the whole layer before it is compressed.
    pub(crate) fn len(&self) -> u64 {
        let lens = self.pieces.iter().map(|piece| match piece {
            LayerPiece::Bytes(bytes) => bytes.len() as u64,
            LayerPiece::Content(_, len) => *len,
        });
        lens.sum()
    }

    /// Returns the length of the *head*: the headers in front of the first content, or the first bytes
    /// of a blob. It becomes a member or frame of its own.
    pub(crate) fn head_len(&self) -> usize {
        if let [LayerPiece::Content(_, size)] = self.pieces[..] {
            return usize::try_from(size).unwrap_or(usize::MAX).min(BLOB_HEAD_LEN);
        }
        let mut len = 0;
        for piece in &self.pieces {
            match piece {
                LayerPiece::Bytes(headers) => len += headers.len(),
                LayerPiece::Content(_, 0) => {}
                LayerPiece::Content(..) => return len.min(HEAD_LEN_MAX),
            }
        }
        0
    }

    fn push_bytes(&mut self, more: &[u8]) {
        match self.pieces.last_mut() {
            Some(LayerPiece::Bytes(bytes)) => bytes.extend_from_slice(more),
            _ if more.is_empty() => {}
            _ => self.pieces.push(LayerPiece::Bytes(more.to_vec())),
        }
    }
}
