//! The *key* of a layer in the cache: everything that determines its bytes.

use serde_json::{Value, json};

use crate::compression::LayerCompression;
use crate::engine::layer::compression::FORMAT_VERSION;
use crate::engine::source::{FileIdentity, SourceIdentity};
use crate::oci::image::digest::Digest;
use crate::oci::image::json::to_canonical_json;
use crate::recipe::{LayerContent, LayerEntry, LayerEntryKind, SourceRecipe};

/// Everything that determines the bytes of a layer: equal keys mean equal layers.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct LayerKey {
    /// Canonical JSON.
    text: String,
    /// Time of the last write to any of its files, in nanoseconds since 1970.
    last_write: i128,
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

    /// Returns its text.
    pub(super) fn as_str(&self) -> &str {
        &self.text
    }

    /// Returns the time of the last write to any of the files, in nanoseconds since 1970.
    pub(super) fn last_write(&self) -> i128 {
        self.last_write
    }

    /// Returns the name of the file of its entry.
    pub(super) fn file_name(&self) -> String {
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
