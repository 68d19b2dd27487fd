//! *Facts* are what is known of an image: what its documents say, what was seen of its layers.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::compression::CompressionFormat;
use crate::disk;
use crate::oci::image::config::Config;
use crate::oci::image::digest::Digest;
use crate::oci::image::platform::Platform;
use crate::oci::tar::TarEntry;

/// What is known of one entry of an index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntryFacts {
    /// Of the manifest.
    pub manifest: Digest,
    /// What the index says that it is for.
    pub told: Option<Platform>,
}

/// What is known of one platform's image.
#[derive(Debug, Clone, Default)]
pub struct ImageFacts {
    /// What the index says that it is for.
    pub told: Option<Platform>,
    /// What its config says.
    pub config: ConfigFacts,
    /// Lowest first.
    pub layers: Vec<LayerFacts>,
}

/// What a config says; what is missing in it is empty.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ConfigFacts {
    /// The media type, if it is none of an image's config.
    pub foreign: Option<String>,
    /// As it stands there.
    pub os: String,
    /// As it stands there.
    pub architecture: String,
    /// As it stands there.
    pub variant: Option<String>,
    /// Names and values, in order.
    pub env: Vec<(String, String)>,
    /// Of the image, not of a volume.
    pub labels: BTreeMap<String, String>,
    /// Of the layers, as they stand there.
    pub diff_ids: Vec<String>,
    /// How many entries of the history speak of a layer.
    pub history: usize,
}

/// What is known of a layer. Before it is made nothing is but its members.
#[derive(Debug, Clone, Default)]
pub struct LayerFacts {
    /// What the manifest says of it.
    pub told: Option<Told>,
    /// What was seen of the blob.
    pub blob: Option<BlobFacts>,
    /// In the order of the tar, those that [matter](super::ImageFacts).
    pub members: Vec<TarEntry>,
    /// The first member that matters to nobody and whose name begins with a slash.
    pub absolute: Option<String>,
    /// Disks among the members, by their number there.
    pub disks: BTreeMap<usize, DiskFacts>,
}

/// What a manifest says of a layer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// As it stands there.
    pub media_type: String,
    /// Of the blob.
    pub digest: Digest,
    /// Of the blob, in bytes.
    pub size: u64,
}

/// What was seen of a layer's blob.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BlobFacts {
    /// It cannot be had: why.
    Missing(String),
    /// It is not as long as the manifest says: what was found.
    OtherSize(String),
    /// It has other bytes.
    OtherBytes(Digest),
    /// It is the one that the manifest names.
    Sound {
        /// How it is compressed, as its first bytes tell.
        start: Start,
        /// Of the tar in it, or why it cannot be read to its end.
        tar: Result<Digest, String>,
    },
}

/// How a blob begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// With what this packing begins with.
    Packed(CompressionFormat),
    /// With a zstd frame whose first block ends at this byte.
    Zstd(u64),
    /// With a zstd frame that holds no data.
    ZstdSkippable,
    /// Otherwise: with a tar, if it is any.
    Plain,
}

/// What is known of a disk in a layer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DiskFacts {
    /// What it is, as far as its first bytes tell.
    pub info: disk::Info,
    /// Of its first bytes, to compare it with others.
    pub start: Digest,
}

impl LayerFacts {
    /// Tells whether all of its members are known.
    pub(super) fn is_whole(&self) -> bool {
        matches!(self.blob, None | Some(BlobFacts::Sound { tar: Ok(_), .. }))
    }
}

impl ConfigFacts {
    /// Returns what is known of a config that shall be written.
    pub(crate) fn planned(config: &Config) -> Self {
        let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        let (env, labels) = (config.env().map(owned), config.labels().into_iter().map(owned));
        Self { env: env.collect(), labels: labels.collect(), ..Self::default() }
    }

    /// Reads the fields of a config.
    pub fn read(fields: &Value) -> Self {
        let text = |name: &str| {
            let text = fields.get(name).and_then(Value::as_str);
            text.filter(|text| !text.is_empty()).map(str::to_owned)
        };
        let list =
            |pointer: &str| fields.pointer(pointer).and_then(Value::as_array).into_iter().flatten();
        let env = list("/config/Env").filter_map(Value::as_str);
        let env = env.filter_map(|text| text.split_once('='));
        let labels = fields.pointer("/config/Labels").and_then(Value::as_object);
        let labels = labels.into_iter().flatten();
        let is_layer = |entry: &&Value| entry.get("empty_layer") != Some(&Value::Bool(true));
        let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        Self {
            foreign: None,
            os: text("os").unwrap_or_default(),
            architecture: text("architecture").unwrap_or_default(),
            variant: text("variant"),
            env: env.map(owned).collect(),
            labels: labels
                .filter_map(|(name, value)| Some(owned((name, value.as_str()?))))
                .collect(),
            diff_ids: list("/rootfs/diff_ids")
                .map(|digest| digest.as_str().unwrap_or_default().to_owned())
                .collect(),
            history: list("/history").filter(is_layer).count(),
        }
    }
}

impl Start {
    /// Looks at a blob's first bytes; some hundreds tell all.
    pub fn of(bytes: &[u8]) -> Self {
        const SKIPPABLE: [u8; 3] = [0x2a, 0x4d, 0x18];
        match bytes {
            [low, rest @ ..] if low & 0xf0 == 0x50 && rest.starts_with(&SKIPPABLE) => {
                Self::ZstdSkippable
            }
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Self::Zstd(first_block_end(bytes).unwrap_or(u64::MAX)),
            [0x1f, 0x8b, ..] => Self::Packed(CompressionFormat::Gzip),
            [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Self::Packed(CompressionFormat::Xz),
            [b'B', b'Z', b'h', ..] => Self::Packed(CompressionFormat::Bzip2),
            _ => Self::Plain,
        }
    }
}

/// Returns where the first block ends that something comes out of, in a zstd frame (RFC 8878,
/// section 3.1.1); nothing where the bytes do not tell.
fn first_block_end(bytes: &[u8]) -> Option<u64> {
    let descriptor = *bytes.get(4)?;
    let is_single = descriptor & 0x20 != 0;
    let dictionary = [0, 1, 2, 4][usize::from(descriptor & 3)];
    let content_size = match descriptor >> 6 {
        0 => usize::from(is_single),
        flag => 1 << flag,
    };
    let mut at = 5 + usize::from(!is_single) + dictionary + content_size;
    loop {
        let &[low, middle, high] = bytes.get(at..)?.first_chunk::<3>()?;
        let header = u32::from_le_bytes([low, middle, high, 0]);
        let (is_last, kind, size) = (header & 1 != 0, (header >> 1) & 3, header >> 3);
        // A block of one repeated byte has only that.
        let stored = if kind == 1 { 1 } else { usize::try_from(size).ok()? };
        at = at.checked_add(3)?.checked_add(stored)?;
        if is_last || size > 0 {
            return Some(at as u64);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blobs_begin_in_different_ways() {
        let check = |bytes: &[u8], expected: Start| assert_eq!(Start::of(bytes), expected);
        check(b"", Start::Plain);
        check(&[0x1f, 0x8b, 8, 0], Start::Packed(CompressionFormat::Gzip));
        check(b"\xfd7zXZ\0", Start::Packed(CompressionFormat::Xz));
        check(b"BZh9", Start::Packed(CompressionFormat::Bzip2));
        check(b"disk/\0\0", Start::Plain);
        check(&[0x5a, 0x2a, 0x4d, 0x18, 4, 0, 0, 0], Start::ZstdSkippable);
        // What cannot be told is not found fault with.
        check(&[0x28, 0xb5, 0x2f, 0xfd], Start::Zstd(u64::MAX));
        check(&[0x28, 0xb5, 0x2f, 0xfd, 0x60, 0, 3], Start::Zstd(u64::MAX));
        // A raw block of 1,024 bytes, as diskette begins with.
        let guard = ((1024_u32 << 3) | 1).to_le_bytes();
        check(
            &[&[0x28, 0xb5, 0x2f, 0xfd, 0x60, 0, 3][..], &guard[..3]].concat(),
            Start::Zstd(10 + 1024),
        );
        // An empty block, then one repeated byte.
        let (empty, rle) = (0_u32.to_le_bytes(), ((70_000_u32 << 3) | 2).to_le_bytes());
        let frame = [&[0x28, 0xb5, 0x2f, 0xfd, 0, 0x58][..], &empty[..3], &rle[..3], &[0]];
        check(&frame.concat(), Start::Zstd(13));
        let small = zstd::encode_all(vec![0; 100_000].as_slice(), 3).unwrap();
        let Start::Zstd(end) = Start::of(&small) else { panic!() };
        assert!(end < 64, "{end}");
        let large = zstd::encode_all(&noise()[..], 3).unwrap();
        let Start::Zstd(end) = Start::of(&large) else { panic!() };
        assert!(end > 100_000, "{end}");
    }

    fn noise() -> Vec<u8> {
        let mut state = 1_u64;
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            state.to_be_bytes()[0]
        };
        (0..200_000).map(|_| next()).collect()
    }
}
