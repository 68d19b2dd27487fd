//! An *archive* as commands pass it on: what `tar -c` makes of files of the tree, and what `tar -x`
//! unpacks. The contents of its files are read when the layer is made.

use std::rc::Rc;

use libdeflater::{CompressionLvl, Compressor};

use crate::compression::CompressionFormat;
use crate::engine::layer::{LayerPiece, LayerPlan};
use crate::frontend::dockerfile::tree::FileNode;
use crate::oci::tar::{TarEntry, TarEntryKind};
use crate::recipe::{LayerEntry, LayerEntryKind, SpecialKind};

/// Members of an archive, and how it is compressed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TreeArchive {
    pub(super) members: Rc<[ArchiveMember]>,
    pub(super) compression: Option<CompressionFormat>,
}

/// A member of an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ArchiveMember {
    /// Its header; offset and size mean nothing if the archive has not been written.
    pub(super) entry: TarEntry,
    /// Content of a regular file.
    pub(super) file: Option<FileNode>,
}

impl TreeArchive {
    /// Returns the bytes of the archive, with all times 1970. `read` returns the content of a file;
    /// the result is `None` if one has none, and if there are more than `max` bytes.
    pub(super) fn bytes(
        &self,
        max: usize,
        read: impl Fn(&FileNode) -> Option<Vec<u8>>,
    ) -> Option<Vec<u8>> {
        let (mut entries, mut contents) = (Vec::new(), Vec::new());
        let mut len = 0;
        for ArchiveMember { entry, file } in self.members.iter() {
            if let Some(file) = file {
                let text = read(file)?;
                len += text.len();
                contents.push(text);
            }
            if len > max {
                return None;
            }
            entries.push(layer_entry(entry, file.as_ref())?);
        }
        let sizes: Vec<u64> = contents.iter().map(|text| text.len() as u64).collect();
        let plan = LayerPlan::of_tar(&entries, &sizes, 0).ok()?;
        let pieces = plan.pieces.iter().map(|piece| match piece {
            LayerPiece::Bytes(bytes) => bytes.as_slice(),
            LayerPiece::Content(number, _) => contents.get(*number).map_or(&[][..], Vec::as_slice),
        });
        let tar = pieces.collect::<Vec<_>>().concat();
        match self.compression {
            None => Some(tar),
            Some(CompressionFormat::Gzip) => compress_gzip(&tar),
            Some(_) => None,
        }
        .filter(|bytes| bytes.len() <= max)
    }
}

fn layer_entry(entry: &TarEntry, file: Option<&FileNode>) -> Option<LayerEntry> {
    let path = if entry.path.is_empty() { "." } else { &entry.path };
    let kind = match &entry.kind {
        TarEntryKind::Directory => LayerEntryKind::Directory,
        TarEntryKind::File => LayerEntryKind::File(file?.source.clone()),
        TarEntryKind::Symlink(target) => LayerEntryKind::Symlink(target.clone()),
        TarEntryKind::Hardlink(target) => LayerEntryKind::Hardlink(target.clone()),
        TarEntryKind::Fifo => LayerEntryKind::Special(SpecialKind::Fifo),
        TarEntryKind::Character { .. } | TarEntryKind::Block { .. } => return None,
    };
    Some(LayerEntry::new(path, kind, entry.mode, entry.owner()))
}

fn compress_gzip(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut compressor = Compressor::new(CompressionLvl::default());
    let mut output = vec![0; compressor.gzip_compress_bound(bytes.len())];
    let len = compressor.gzip_compress(bytes, &mut output).ok()?;
    output.truncate(len);
    Some(output)
}
