//! The list of *recent layers* in a cache: those that were written last with one compression, whatever their
//! input was. Only what this list has is known to be written by this version of the format, so that a part of it is what
//! compression would give again.

use std::io::{self, Read as _, Write as _};

use cap_std::fs::Dir;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::cache_key::CacheKey;
use super::layer::compression::FORMAT_VERSION;
use super::stored_layer::StoredLayer;
use crate::compression::LayerCompression;
use crate::oci::image::digest::Digest;
use crate::oci::image::json::to_canonical_json;
use crate::oci::image::layer::FinishedLayer;
use crate::oci::new_file::NewFile;

/// Number of layers in a list.
const LAYERS_MAX: usize = 64;

/// Length in bytes up to which a list is read.
const LEN_MAX: u64 = 1 << 20;

/// A list as it is stored; `check` authenticates its layers.
#[derive(Serialize, Deserialize)]
struct RecentLayers {
    /// The newest first.
    layers: Vec<StoredLayer>,
    check: String,
}

/// Reads the list of a compression, the newest first. A list that is damaged or forged counts as empty.
pub(super) fn read(dir: &Dir, compression: LayerCompression) -> Vec<FinishedLayer> {
    let read = || {
        let mut text = Vec::new();
        let file = dir.open(file_name(compression)).ok()?;
        file.take(LEN_MAX).read_to_end(&mut text).ok()?;
        let list: RecentLayers = serde_json::from_slice(&text).ok()?;
        let check = authenticate(&CacheKey::find(dir)?, compression, &list.layers).ok()?;
        (check == list.check).then_some(list.layers)
    };
    let layers = read().unwrap_or_default();
    layers.iter().filter_map(StoredLayer::to_layer).collect()
}

/// Puts a layer in front of the list of a compression. Of two programs that do so at the same time, one can lose its layer.
pub(super) fn add(
    dir: &Dir,
    compression: LayerCompression,
    layer: &FinishedLayer,
) -> io::Result<()> {
    let older = read(dir, compression);
    let older = older.iter().filter(|older| older.digest != layer.digest);
    let layers: Vec<StoredLayer> =
        std::iter::once(layer).chain(older).take(LAYERS_MAX).map(StoredLayer::from).collect();
    let check = authenticate(&CacheKey::ensure(dir)?, compression, &layers)?;
    let mut file = NewFile::new(dir)?;
    file.as_file_mut().write_all(&serde_json::to_vec(&RecentLayers { layers, check })?)?;
    file.replace(&file_name(compression))
}

fn file_name(compression: LayerCompression) -> String {
    Digest::of_bytes(name(compression).as_bytes()).to_hex()
}

/// Returns what distinguishes the list from others, and from the entries of a cache.
fn name(compression: LayerCompression) -> String {
    format!("recent layers, {compression}, format {FORMAT_VERSION}")
}

fn authenticate(
    key: &CacheKey,
    compression: LayerCompression,
    layers: &[StoredLayer],
) -> io::Result<String> {
    let text = to_canonical_json(&json!([name(compression), layers]))?;
    Ok(key.authenticate(&text).to_hex())
}

#[cfg(test)]
mod tests {
    use cap_std::ambient_authority;

    use super::*;
    use crate::compression::ZstdLevel;

    fn layer(number: u64) -> FinishedLayer {
        let digest = |text: &str| Digest::of_bytes(format!("{text}{number}").as_bytes());
        let (digest, diff_id) = (digest("blob"), digest("tar"));
        FinishedLayer { digest, size: number, diff_id, chunked: None, content_size: Some(number) }
    }

    fn cache() -> (tempfile::TempDir, Dir) {
        let temporary = tempfile::tempdir().unwrap();
        let dir = Dir::open_ambient_dir(temporary.path(), ambient_authority()).unwrap();
        (temporary, dir)
    }

    fn chunked(level: u8) -> LayerCompression {
        LayerCompression::ZstdChunked(ZstdLevel::new(level).unwrap())
    }

    #[test]
    fn the_newest_layers_are_kept() {
        let (_temporary, dir) = cache();
        assert_eq!(read(&dir, chunked(3)), []);
        for number in (0..70).chain([10]) {
            add(&dir, chunked(3), &layer(number)).unwrap();
        }
        let mut expected: Vec<FinishedLayer> = (7..70).rev().map(layer).collect();
        expected.retain(|it| *it != layer(10));
        expected.insert(0, layer(10));
        expected.push(layer(6));
        assert_eq!(read(&dir, chunked(3)), expected);
        assert_eq!(read(&dir, chunked(2)), []);
    }

    #[test]
    fn lists_that_are_damaged_or_forged_are_empty() {
        let (_temporary, dir) = cache();
        let name = file_name(chunked(3));
        add(&dir, chunked(3), &layer(1)).unwrap();
        let text = dir.read_to_string(&name).unwrap();
        let check = |text: &str| {
            dir.write(&name, text).unwrap();
            assert_eq!(read(&dir, chunked(3)), [], "{text}");
        };
        check("");
        check(&text[1..]);
        check(&text.replace("\"size\":1", "\"size\":2"));
        check(&text.replace("\"content_size\":1", "\"content_size\":2"));
        check(&text.replace("\"layers\":[", "\"layers\":[],\"other\":["));
        // The list of another compression, or another cache.
        add(&dir, chunked(2), &layer(1)).unwrap();
        check(&dir.read_to_string(file_name(chunked(2))).unwrap());
        let (_other, other) = cache();
        add(&other, chunked(3), &layer(1)).unwrap();
        check(&other.read_to_string(&name).unwrap());
        // A list that was damaged is written anew.
        add(&dir, chunked(3), &layer(2)).unwrap();
        assert_eq!(read(&dir, chunked(3)), [layer(2)]);
        dir.write(&name, &text).unwrap();
        assert_eq!(read(&dir, chunked(3)), [layer(1)]);
    }
}
