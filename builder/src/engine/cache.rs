//! The *cache* remembers which layer a recipe produced, so that unchanged input is not read again.
//! It stores no layers, only their digests, which help while the target still has the blobs.
//! Entries that are damaged, forged, of another format version or of other input are ignored.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::time::{SystemTime, UNIX_EPOCH};

use cap_std::fs::Dir;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::compression::LayerCompression;
use crate::engine::cache_key::CacheKey;
use crate::engine::layer::compression::FORMAT_VERSION;
use crate::engine::source::{FileIdentity, SourceIdentity};
use crate::oci::image::digest::Digest;
use crate::oci::image::json::to_canonical_json;
use crate::oci::image::layer::{ChunkedMetadata, FinishedLayer};
use crate::oci::new_file::NewFile;
use crate::recipe::{LayerContent, LayerEntry, LayerEntryKind, SourceRecipe};

/// Coarsest resolution of a file system's timestamps, in nanoseconds: FAT has two seconds.
const CLOCK_STEP: i128 = 2_000_000_000;

/// A cache of layers: one file per layer.
#[derive(Debug)]
pub struct LayerCache {
    dir: Dir,
    started: SystemTime,
}

/// Everything that determines the bytes of a layer: equal keys mean equal layers.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct LayerKey {
    /// Canonical JSON.
    text: String,
    /// Time of the last write to any of its files, in nanoseconds since 1970.
    last_write: i128,
}

/// An entry as it is stored; `check` authenticates the other fields.
#[derive(Serialize, Deserialize)]
struct CacheEntry {
    key: String,
    digest: String,
    size: u64,
    diff_id: String,
    /// Annotations of a layer in zstd:chunked.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    chunked: BTreeMap<String, String>,
    /// Size of a content that is in no tar.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    content_size: Option<u64>,
    check: String,
}

impl LayerKey {
    /// Returns the key of a layer; `identities` are those of its files, in order.
    pub(crate) fn new(
        content: &LayerContent,
        identities: &[SourceIdentity],
        mtime: u64,
        compression: LayerCompression,
    ) -> serde_json::Result<Self> {
        let mut files = identities.iter();
        let mut key = match content {
            LayerContent::Tar(entries) => {
                let entries: Vec<Value> =
                    entries.iter().map(|entry| entry_key(entry, &mut files)).collect();
                json!({ "mtime": mtime, "entries": entries })
            }
            LayerContent::Blob(blob) => json!({ "blob": source_key(&blob.source, files.next()) }),
        };
        key["format"] = json!(FORMAT_VERSION);
        key["compression"] = json!(compression.to_string());
        let last_write = identities.iter().map(last_touched).max().unwrap_or(i128::MIN);
        Ok(Self {
            text: String::from_utf8_lossy(&to_canonical_json(&key)?).into_owned(),
            last_write,
        })
    }

    fn file_name(&self) -> String {
        Digest::of_bytes(self.text.as_bytes()).to_hex()
    }
}

fn entry_key<'i>(
    entry: &LayerEntry,
    files: &mut impl Iterator<Item = &'i SourceIdentity>,
) -> Value {
    let kind = match &entry.kind {
        LayerEntryKind::Directory => Value::Null,
        LayerEntryKind::File(source) => source_key(source, files.next()),
        LayerEntryKind::Symlink(target) => json!({ "symlink": target }),
        LayerEntryKind::Hardlink(target) => json!({ "hardlink": target }),
        LayerEntryKind::Special(kind) => json!({ "special": format!("{kind:?}") }),
        LayerEntryKind::Whiteout => json!("whiteout"),
        LayerEntryKind::Opaque => json!("opaque"),
    };
    let owner = entry.owner;
    let mut fields =
        vec![json!(entry.path), json!(entry.mode), json!(owner.uid), json!(owner.gid), kind];
    // Entries without them keep their keys.
    fields.extend((!entry.xattrs.is_empty()).then(|| json!(entry.xattrs)));
    Value::Array(fields)
}

fn source_key(source: &SourceRecipe, identity: Option<&SourceIdentity>) -> Value {
    let identity = identity.map_or(Value::Null, identity_key);
    let compression = source.compression.map(|compression| compression.to_string());
    let checksum = source.checksum.as_ref().map(ToString::to_string);
    let convert = source.convert.map(|convert| convert.to_string());
    let mut key = vec![identity, json!(compression), json!(checksum), json!(convert)];
    // Sources that keep their size keep their keys.
    key.extend(source.archived_disk().map(|disk| json!(["archived", disk.to_string()])));
    // One without a name must be the only disk of its layer.
    key.extend(source.image_disk().map(|image| json!(["image", image.disk])));
    key.extend(source.flattens_disk().then(|| json!("flatten")));
    key.extend(source.discards_free_space().then(|| json!("discard")));
    key.extend(source.disk_size().map(|size| json!(size.to_string())));
    Value::Array(key)
}

fn identity_key(identity: &SourceIdentity) -> Value {
    match identity {
        SourceIdentity::File(file) => json!(file),
        SourceIdentity::Files(files) => json!(files),
        SourceIdentity::Checksum(checksum) => json!(checksum.to_string()),
        SourceIdentity::Decompressed(content, compression) => {
            json!([identity_key(content), compression.to_string()])
        }
        SourceIdentity::Member { archive, parts } => json!([identity_key(archive), parts]),
    }
}

fn last_touched(identity: &SourceIdentity) -> i128 {
    match identity {
        SourceIdentity::File(file) => file.last_touched(),
        SourceIdentity::Files(files) => {
            files.iter().map(FileIdentity::last_touched).max().unwrap_or(i128::MIN)
        }
        SourceIdentity::Checksum(_) => i128::MIN,
        SourceIdentity::Decompressed(content, _) => last_touched(content),
        SourceIdentity::Member { archive, .. } => last_touched(archive),
    }
}

impl LayerCache {
    /// Opens the cache in a directory. `started` is a time before any source was opened.
    pub fn new(dir: Dir, started: SystemTime) -> Self {
        Self { dir, started }
    }

    /// Returns the layer of a key, if the cache has it. A damaged entry counts as missing.
    pub(crate) fn get(&self, key: &LayerKey) -> Option<FinishedLayer> {
        let mut text = String::new();
        self.dir.open(key.file_name()).ok()?.read_to_string(&mut text).ok()?;
        let entry: CacheEntry = serde_json::from_str(&text).ok()?;
        let layer = FinishedLayer {
            digest: entry.digest.parse().ok()?,
            size: entry.size,
            diff_id: entry.diff_id.parse().ok()?,
            chunked: ChunkedMetadata::from_annotations(&entry.chunked),
            content_size: entry.content_size,
        };
        let check = CacheKey::find(&self.dir)?.authenticate(&entry_text(key, &layer)).to_hex();
        (entry.key == key.text && entry.check == check).then_some(layer)
    }

    /// Stores a layer, unless one of its files was written so recently that another write might not
    /// change its timestamps. git distrusts such timestamps in its index for the same reason.
    pub(crate) fn put(&self, key: &LayerKey, layer: &FinishedLayer) -> io::Result<()> {
        let started = self.started.duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
        if key.last_write.saturating_add(CLOCK_STEP) > i128::try_from(started).unwrap_or(i128::MAX)
        {
            return Ok(());
        }
        let entry = CacheEntry {
            key: key.text.clone(),
            digest: layer.digest.to_string(),
            size: layer.size,
            diff_id: layer.diff_id.to_string(),
            chunked: chunked_annotations(layer),
            content_size: layer.content_size,
            check: CacheKey::ensure(&self.dir)?.authenticate(&entry_text(key, layer)).to_hex(),
        };
        let mut file = NewFile::new(&self.dir)?;
        file.as_file_mut().write_all(&serde_json::to_vec(&entry)?)?;
        file.replace(&key.file_name())
    }
}

/// Returns what the code of an entry authenticates.
fn entry_text(key: &LayerKey, layer: &FinishedLayer) -> Vec<u8> {
    let text = format!("{}\n{}\n{}\n{}", key.text, layer.digest, layer.size, layer.diff_id);
    let chunked =
        chunked_annotations(layer).into_iter().map(|(key, value)| format!("\n{key}={value}"));
    let content_size = layer.content_size.map(|size| format!("\ncontent {size}"));
    std::iter::once(text).chain(chunked).chain(content_size).collect::<String>().into_bytes()
}

fn chunked_annotations(layer: &FinishedLayer) -> BTreeMap<String, String> {
    layer.chunked.map(|metadata| metadata.annotations()).unwrap_or_default()
}
