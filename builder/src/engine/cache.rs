//! The *cache* remembers which layer was made of a recipe, so that unchanged input is not read again. It
//! has no layers, only digests; they help where the target still has the blob. An entry that is
//! damaged, of another version or of other input is ignored.

use std::io::{self, Read, Write};
use std::time::{SystemTime, UNIX_EPOCH};

use cap_std::fs::Dir;
use cap_tempfile::TempFile;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::engine::layer::compression::{FORMAT_VERSION, LayerCompression};
use crate::engine::source::SourceIdentity;
use crate::oci::image::digest::Digest;
use crate::oci::image::json::to_canonical_json;
use crate::oci::image::layer::FinishedLayer;
use crate::recipe::{LayerEntry, LayerEntryKind, SourceRecipe};

/// How coarse the clock of a file system can be, in nanoseconds: FAT counts in two seconds.
const CLOCK_STEP: i128 = 2_000_000_000;

/// Remembered layers, a file each.
#[derive(Debug)]
pub struct LayerCache {
    dir: Dir,
    started: SystemTime,
}

/// Everything that decides the bytes of a layer: layers of equal keys are equal.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct LayerKey {
    /// Canonical JSON.
    text: String,
    /// Time of the last write to any of its files, in nanoseconds since 1970.
    touched: i128,
}

/// An entry as it is written; `check` is the digest of the rest.
#[derive(Serialize, Deserialize)]
struct Remembered {
    key: String,
    digest: String,
    size: u64,
    diff_id: String,
    check: String,
}

impl LayerKey {
    /// Returns the key of a layer; `identities` are those of its files, in order.
    pub(crate) fn new(
        entries: &[LayerEntry],
        identities: &[SourceIdentity],
        mtime: u64,
        compression: LayerCompression,
    ) -> serde_json::Result<Self> {
        let mut files = identities.iter();
        let entries: Vec<Value> = entries
            .iter()
            .map(|entry| {
                let kind = match &entry.kind {
                    LayerEntryKind::Directory => Value::Null,
                    LayerEntryKind::File(source) => source_key(source, files.next()),
                    LayerEntryKind::Symlink(target) => json!({ "symlink": target }),
                    LayerEntryKind::Hardlink(target) => json!({ "hardlink": target }),
                    LayerEntryKind::Whiteout => json!("whiteout"),
                    LayerEntryKind::Opaque => json!("opaque"),
                };
                json!([entry.path, entry.mode, entry.owner.uid, entry.owner.gid, kind])
            })
            .collect();
        let key = json!({
            "format": FORMAT_VERSION,
            "compression": compression.to_string(),
            "mtime": mtime,
            "entries": entries,
        });
        let touched = identities.iter().map(last_touched).max().unwrap_or(i128::MIN);
        Ok(Self { text: String::from_utf8_lossy(&to_canonical_json(&key)?).into_owned(), touched })
    }

    fn file_name(&self) -> String {
        Digest::of_bytes(self.text.as_bytes()).to_hex()
    }
}

fn source_key(source: &SourceRecipe, identity: Option<&SourceIdentity>) -> Value {
    let identity = identity.map_or(Value::Null, identity_key);
    let packing = source.compression.map(|packing| packing.to_string());
    let checksum = source.checksum.as_ref().map(ToString::to_string);
    let convert = source.convert.map(|convert| convert.to_string());
    json!([identity, packing, checksum, convert])
}

fn identity_key(identity: &SourceIdentity) -> Value {
    match identity {
        SourceIdentity::File(file) => json!(file),
        SourceIdentity::Checksum(checksum) => json!(checksum.to_string()),
        SourceIdentity::Member { archive, offset, size } => {
            json!([identity_key(archive), offset, size])
        }
    }
}

fn last_touched(identity: &SourceIdentity) -> i128 {
    match identity {
        SourceIdentity::File(file) => file.last_touched(),
        SourceIdentity::Checksum(_) => i128::MIN,
        SourceIdentity::Member { archive, .. } => last_touched(archive),
    }
}

impl LayerCache {
    /// Opens the cache in a directory. `started` is a time before any source was opened.
    pub fn new(dir: Dir, started: SystemTime) -> Self {
        Self { dir, started }
    }

    /// Returns the layer of a key, if it is known. With a damaged cache it is not.
    pub(crate) fn get(&self, key: &LayerKey) -> Option<FinishedLayer> {
        let mut text = String::new();
        self.dir.open(key.file_name()).ok()?.read_to_string(&mut text).ok()?;
        let remembered: Remembered = serde_json::from_str(&text).ok()?;
        let layer = FinishedLayer {
            digest: remembered.digest.parse().ok()?,
            size: remembered.size,
            diff_id: remembered.diff_id.parse().ok()?,
        };
        (remembered.key == key.text && remembered.check == check(key, &layer)).then_some(layer)
    }

    /// Remembers a layer, unless a file of it could be written to again without its times showing
    /// it: like git, the cache does not trust a time that was just now.
    pub(crate) fn put(&self, key: &LayerKey, layer: &FinishedLayer) -> io::Result<()> {
        let started = self.started.duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
        if key.touched.saturating_add(CLOCK_STEP) > i128::try_from(started).unwrap_or(i128::MAX) {
            return Ok(());
        }
        let remembered = Remembered {
            key: key.text.clone(),
            digest: layer.digest.to_string(),
            size: layer.size,
            diff_id: layer.diff_id.to_string(),
            check: check(key, layer),
        };
        let mut file = TempFile::new(&self.dir)?;
        file.write_all(&serde_json::to_vec(&remembered)?)?;
        file.replace(key.file_name())
    }
}

fn check(key: &LayerKey, layer: &FinishedLayer) -> String {
    let all = format!("{}\n{}\n{}\n{}", key.text, layer.digest, layer.size, layer.diff_id);
    Digest::of_bytes(all.as_bytes()).to_hex()
}
