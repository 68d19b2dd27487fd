//! **Handmade** images, byte for byte: also those that no tool would make.

use std::fs;
use std::io::Write as _;
use std::path::Path;

use serde_json::{Value, json};
use tar::EntryType;

use crate::disk::sha256;

/// Tag of an image in its layout.
pub const TAG: &str = "1";

/// An image that is being made.
#[derive(Debug, Clone)]
pub struct HandmadeImage {
    layers: Vec<Vec<u8>>,
    digests: Vec<String>,
    config: Value,
    config_type: &'static str,
    docs: Documents,
    root: Root,
}

/// Media types of the documents.
#[derive(Debug, Clone, Copy)]
enum Documents {
    Oci,
    Docker,
}

/// What the tag refers to.
#[derive(Debug, Clone)]
enum Root {
    Manifest,
    /// The platforms of an index; all have the same manifest.
    Index(Vec<Value>),
}

/// An entry of a layer.
#[derive(Debug, Clone)]
pub struct LayerItem {
    path: String,
    kind: EntryType,
    mode: u32,
    owner: (u64, u64),
    content: Vec<u8>,
    target: String,
}

/// Compression of a layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LayerCompression {
    /// An uncompressed tar.
    None,
    /// gzip with one member.
    Gzip,
    /// gzip with members of 1 KiB each.
    GzipMembers,
    /// zstd as the usual tools write it.
    Zstd,
    /// zstd with the first 1 KiB in a frame of its own, not compressed.
    ZstdGuarded,
    /// zstd with a skippable frame in front.
    ZstdSkippable,
    /// xz, which no runtime knows.
    Xz,
    /// Bytes in no known format.
    Nonsense,
}

/// Returns a directory with the owner and mode of containerDisks.
pub fn dir(path: &str) -> LayerItem {
    item(&format!("{path}/"), EntryType::Directory).mode(0o555)
}

/// Returns a file with the owner and mode of containerDisks.
pub fn file(path: &str, content: &[u8]) -> LayerItem {
    LayerItem { content: content.into(), ..item(path, EntryType::Regular) }
}

/// Returns a symbolic link.
pub fn symlink(path: &str, target: &str) -> LayerItem {
    LayerItem { target: target.into(), ..item(path, EntryType::Symlink).mode(0o777) }
}

/// Returns another name for a file of the layer.
pub fn hardlink(path: &str, target: &str) -> LayerItem {
    LayerItem { target: target.into(), ..item(path, EntryType::Link) }
}

/// Returns an entry of any kind.
pub fn item(path: &str, kind: EntryType) -> LayerItem {
    let (path, content, target) = (path.into(), Vec::new(), String::new());
    LayerItem { path, kind, mode: 0o444, owner: (107, 107), content, target }
}

impl LayerItem {
    /// Sets the permissions.
    #[must_use]
    pub fn mode(self, mode: u32) -> Self {
        Self { mode, ..self }
    }

    /// Sets user and group.
    #[must_use]
    pub fn owner(self, uid: u64, gid: u64) -> Self {
        Self { owner: (uid, gid), ..self }
    }

    fn append(&self, tar: &mut tar::Builder<Vec<u8>>) {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(self.kind);
        header.set_mode(self.mode);
        header.set_uid(self.owner.0);
        header.set_gid(self.owner.1);
        header.set_mtime(0);
        header.set_size(self.content.len() as u64);
        if self.path.len() > 100 {
            let path = self.path.clone();
            tar.append_pax_extensions([("path", path.as_bytes())]).unwrap();
        }
        // Not with `set_path`, which has opinions.
        let fields = header.as_old_mut();
        let (path, target) = (self.path.as_bytes(), self.target.as_bytes());
        let len = path.len().min(100);
        fields.name[..len].copy_from_slice(&path[..len]);
        fields.linkname[..target.len()].copy_from_slice(target);
        header.set_cksum();
        tar.append(&header, &self.content[..]).unwrap();
    }
}

impl Default for HandmadeImage {
    fn default() -> Self {
        Self::new()
    }
}

impl HandmadeImage {
    /// Begins an image without layers, for `linux/amd64`.
    pub fn new() -> Self {
        Self {
            layers: Vec::new(),
            digests: Vec::new(),
            config: json!({
                "architecture": "amd64", "os": "linux", "config": {},
                "rootfs": { "type": "layers", "diff_ids": [] }, "history": [],
            }),
            config_type: "application/vnd.oci.image.config.v1+json",
            docs: Documents::Oci,
            root: Root::Manifest,
        }
    }

    /// Adds a layer, uncompressed.
    #[must_use]
    pub fn layer(self, items: &[LayerItem]) -> Self {
        self.compressed_layer(LayerCompression::None, items)
    }

    /// Adds a layer.
    #[must_use]
    pub fn compressed_layer(self, packed: LayerCompression, items: &[LayerItem]) -> Self {
        let mut tar = tar::Builder::new(Vec::new());
        for item in items {
            item.append(&mut tar);
        }
        let tar = tar.into_inner().unwrap();
        self.tar_layer(packed, &tar)
    }

    /// Adds a layer with this tar.
    #[must_use]
    pub fn tar_layer(mut self, packed: LayerCompression, tar: &[u8]) -> Self {
        let id = format!("sha256:{}", sha256(tar));
        self.config["rootfs"]["diff_ids"].as_array_mut().unwrap().push(id.into());
        self.config["history"].as_array_mut().unwrap().push(json!({ "created_by": "by hand" }));
        let blob = compress_tar(packed, tar);
        self.digests.push(sha256(&blob));
        self.layers.push(blob);
        self
    }

    /// Changes the bytes of the last layer, but not the documents.
    #[must_use]
    pub fn damage_layer(mut self, damage: impl FnOnce(&mut Vec<u8>)) -> Self {
        damage(self.layers.last_mut().unwrap());
        self
    }

    /// Truncates the last layer; digest and size are those of the result.
    #[must_use]
    pub fn truncate_layer(mut self, len: usize) -> Self {
        let last = self.layers.last_mut().unwrap();
        last.truncate(len);
        *self.digests.last_mut().unwrap() = sha256(last);
        self
    }

    /// Changes the config.
    #[must_use]
    pub fn config(mut self, change: impl FnOnce(&mut Value)) -> Self {
        change(&mut self.config);
        self
    }

    /// Sets the variables.
    #[must_use]
    pub fn env(self, variables: &[&str]) -> Self {
        self.config(|config| config["config"]["Env"] = json!(variables))
    }

    /// Sets a label.
    #[must_use]
    pub fn label(self, name: &str, value: &str) -> Self {
        self.config(|config| config["config"]["Labels"][name] = value.into())
    }

    /// Changes the media type of the config.
    #[must_use]
    pub fn artifact(self) -> Self {
        Self { config_type: "application/vnd.oci.empty.v1+json", ..self }
    }

    /// Names all documents as docker does.
    #[must_use]
    pub fn docker(self) -> Self {
        let config_type = "application/vnd.docker.container.image.v1+json";
        Self { config_type, docs: Documents::Docker, ..self }
    }

    /// Puts an index in front, with entries for these platforms; the empty one is none.
    #[must_use]
    pub fn index(self, platforms: &[&str]) -> Self {
        let platform = |text: &&str| {
            let mut parts = text.split('/');
            let mut next = || parts.next().filter(|part| !part.is_empty());
            let Some(os) = next() else { return Value::Null };
            let mut platform = json!({ "os": os, "architecture": next() });
            if let Some(variant) = next() {
                platform["variant"] = variant.into();
            }
            platform
        };
        Self { root: Root::Index(platforms.iter().map(platform).collect()), ..self }
    }

    /// Writes the image to a new layout.
    pub fn write(&self, layout: &Path) {
        fs::create_dir_all(layout.join("blobs/sha256")).unwrap();
        let (manifest_type, index_type, layer_type) = match self.docs {
            Documents::Oci => (
                "application/vnd.oci.image.manifest.v1+json",
                "application/vnd.oci.image.index.v1+json",
                "application/vnd.oci.image.layer.v1",
            ),
            Documents::Docker => (
                "application/vnd.docker.distribution.manifest.v2+json",
                "application/vnd.docker.distribution.manifest.list.v2+json",
                "application/vnd.docker.image.rootfs.diff",
            ),
        };
        let layers = self.layers.iter().zip(&self.digests).map(|(blob, digest)| {
            // Under the name that the manifest has for it, whatever became of it since.
            fs::write(layout.join("blobs/sha256").join(digest), blob).unwrap();
            let media_type = format!("{layer_type}{}", suffix(blob, self.docs));
            json!({
                "mediaType": media_type, "digest": format!("sha256:{digest}"), "size": blob.len(),
            })
        });
        let layers: Vec<Value> = layers.collect();
        let config = write_document(layout, self.config_type, &self.config);
        let manifest = json!({
            "schemaVersion": 2, "mediaType": manifest_type, "config": config, "layers": layers,
        });
        let mut root = write_document(layout, manifest_type, &manifest);
        if let Root::Index(platforms) = &self.root {
            let entry = |platform: &Value| {
                let mut entry = root.clone();
                if !platform.is_null() {
                    entry["platform"] = platform.clone();
                }
                entry
            };
            let entries: Vec<Value> = platforms.iter().map(entry).collect();
            let index =
                json!({ "schemaVersion": 2, "mediaType": index_type, "manifests": entries });
            root = write_document(layout, index_type, &index);
        }
        root["annotations"] = json!({ "org.opencontainers.image.ref.name": TAG });
        let index = json!({ "schemaVersion": 2, "manifests": [root] });
        fs::write(layout.join("index.json"), index.to_string()).unwrap();
        fs::write(layout.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#).unwrap();
    }
}

/// Writes a document and returns its descriptor.
fn write_document(layout: &Path, media_type: &str, document: &Value) -> Value {
    let bytes = document.to_string();
    let digest = sha256(bytes.as_bytes());
    fs::write(layout.join("blobs/sha256").join(&digest), &bytes).unwrap();
    json!({ "mediaType": media_type, "digest": format!("sha256:{digest}"), "size": bytes.len() })
}

fn suffix(blob: &[u8], docs: Documents) -> &'static str {
    match (blob, docs) {
        ([0x1f, 0x8b, ..], Documents::Oci) => ".tar+gzip",
        ([0x1f, 0x8b, ..], Documents::Docker) => ".tar.gzip",
        ([0x28, 0xb5, ..] | [0x50, 0x2a, ..], _) => ".tar+zstd",
        _ => ".tar",
    }
}

fn compress_tar(packed: LayerCompression, tar: &[u8]) -> Vec<u8> {
    let gzip = |bytes: &[u8]| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    };
    let zstd = |bytes: &[u8]| zstd::encode_all(bytes, 3).unwrap();
    match packed {
        LayerCompression::None => tar.to_vec(),
        LayerCompression::Gzip => gzip(tar),
        LayerCompression::GzipMembers => tar.chunks(1024).flat_map(gzip).collect(),
        LayerCompression::Zstd => zstd(tar),
        LayerCompression::ZstdGuarded => {
            let (head, rest) = tar.split_at(1024);
            [&stored_frame(head)[..], &zstd(rest)].concat()
        }
        LayerCompression::ZstdSkippable => {
            [&[0x50, 0x2a, 0x4d, 0x18, 4, 0, 0, 0, 1, 2, 3, 4], &zstd(tar)[..]].concat()
        }
        LayerCompression::Xz => {
            let mut encoder = liblzma::write::XzEncoder::new(Vec::new(), 1);
            encoder.write_all(tar).unwrap();
            encoder.finish().unwrap()
        }
        LayerCompression::Nonsense => [b"BZh9", tar].concat(),
    }
}

/// Returns a frame of one block of 1 KiB, stored (RFC 8878).
fn stored_frame(head: &[u8]) -> Vec<u8> {
    let content_size = u16::try_from(head.len() - 256).unwrap().to_le_bytes();
    let block = u32::try_from(head.len() << 3 | 1).unwrap().to_le_bytes();
    let frame = [&[0x28, 0xb5, 0x2f, 0xfd, 0x60], &content_size[..], &block[..3], head];
    frame.concat()
}
