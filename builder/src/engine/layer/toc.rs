//! The *table of contents* of a layer in zstd:chunked: a JSON document with an entry for each entry of
//! the tar, followed by the chunks of its content.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;

use super::contents::ChunkedFile;
use super::tar::tar_names;
use crate::oci::image::digest::Digest;
use crate::oci::image::time::Timestamp;
use crate::recipe::{LayerEntry, LayerEntryKind, SpecialKind};

/// A table of contents.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Toc {
    version: u32,
    entries: Vec<TocEntry>,
    tar_split_digest: String,
    /// Modification time of every entry, in seconds since 1970.
    #[serde(skip)]
    mtime: u64,
}

/// An entry of the tar, or a chunk after the first one.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct TocEntry {
    #[serde(rename = "type")]
    kind: &'static str,
    name: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    link_name: String,
    #[serde(skip_serializing_if = "is_zero")]
    mode: u64,
    #[serde(skip_serializing_if = "is_zero")]
    size: u64,
    #[serde(skip_serializing_if = "is_zero")]
    uid: u64,
    #[serde(skip_serializing_if = "is_zero")]
    gid: u64,
    #[serde(rename = "modtime", skip_serializing_if = "String::is_empty")]
    mtime: String,
    #[serde(skip_serializing_if = "is_zero")]
    dev_major: u64,
    #[serde(skip_serializing_if = "is_zero")]
    dev_minor: u64,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    xattrs: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    digest: Option<String>,
    #[serde(skip_serializing_if = "is_zero")]
    offset: u64,
    #[serde(skip_serializing_if = "is_zero")]
    end_offset: u64,
    #[serde(skip_serializing_if = "is_zero")]
    chunk_size: u64,
    #[serde(skip_serializing_if = "is_zero")]
    chunk_offset: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    chunk_digest: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    chunk_type: Option<&'static str>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl Toc {
    pub(super) fn new(mtime: u64) -> Self {
        Self { version: 1, entries: Vec::new(), tar_split_digest: String::new(), mtime }
    }

    /// Adds an entry of the tar, and the content of a file.
    pub(super) fn add(&mut self, entry: &LayerEntry, content: Option<ChunkedFile>) {
        let mut first = describe_entry(entry, self.mtime);
        let name = first.name.clone();
        let Some(content) = content.filter(|content| !content.chunks.is_empty()) else {
            self.entries.push(first);
            return;
        };
        first.size = content.chunks.iter().map(|chunk| chunk.len).sum();
        first.digest = Some(Digest::from_bytes(content.hash.finalize()).to_string());
        first.end_offset = content.end;
        let is_divided = content.chunks.len() > 1;
        let mut offset = 0;
        for (number, chunk) in content.chunks.into_iter().enumerate() {
            let mut entry = match number {
                0 => std::mem::take(&mut first),
                _ => TocEntry { kind: "chunk", name: name.clone(), ..TocEntry::default() },
            };
            entry.offset = chunk.offset;
            if is_divided {
                entry.chunk_size = chunk.len;
                entry.chunk_offset = offset;
                entry.chunk_digest = Some(chunk.digest.to_string());
                entry.chunk_type = chunk.zeros.then_some("zeros");
            }
            offset += chunk.len;
            self.entries.push(entry);
        }
    }

    /// Returns the document. It authenticates the headers of the tar by the digest of their compressed form.
    pub(super) fn finish(mut self, tar_split: Digest) -> serde_json::Result<Vec<u8>> {
        self.tar_split_digest = tar_split.to_string();
        serde_json::to_vec(&self)
    }
}

/// Returns the entry without its content. Its fields are those of the tar's header, which readers
/// compare.
fn describe_entry(entry: &LayerEntry, mtime: u64) -> TocEntry {
    let (_, name, link_name) = tar_names(entry);
    let (kind, numbers) = match &entry.kind {
        LayerEntryKind::Directory => ("dir", (0, 0)),
        LayerEntryKind::File(_) | LayerEntryKind::Whiteout | LayerEntryKind::Opaque => {
            ("reg", (0, 0))
        }
        LayerEntryKind::Symlink(_) => ("symlink", (0, 0)),
        LayerEntryKind::Hardlink(_) => ("hardlink", (0, 0)),
        LayerEntryKind::Special(SpecialKind::Fifo) => ("fifo", (0, 0)),
        LayerEntryKind::Special(SpecialKind::Character { major, minor }) => {
            ("char", (*major, *minor))
        }
        LayerEntryKind::Special(SpecialKind::Block { major, minor }) => ("block", (*major, *minor)),
    };
    let xattrs = entry.xattrs.iter().map(|(name, value)| (name.to_owned(), STANDARD.encode(value)));
    let time = (mtime > 0).then(|| Timestamp::from_seconds(mtime)).flatten();
    TocEntry {
        kind,
        name,
        link_name: link_name.to_owned(),
        mode: entry.mode.into(),
        uid: entry.owner.uid.into(),
        gid: entry.owner.gid.into(),
        mtime: time.map_or_else(String::new, |time| time.to_string()),
        dev_major: numbers.0.into(),
        dev_minor: numbers.1.into(),
        xattrs: xattrs.collect(),
        ..TocEntry::default()
    }
}
