//! Images in memory that keep all rules, until a test modifies them.

mod disk_artifacts;
mod hostile;
mod machines;
mod rules;

use std::io::Write as _;

use serde_json::{Value, json};

use super::*;
use crate::oci::images::testing::MemoryImages;
use crate::oci::progress::NoProgress;
use crate::oci::tar::testing::{RawHeader, TarBuilder};

const GZIP: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
const ZSTD: &str = "application/vnd.oci.image.layer.v1.tar+zstd";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
const PLAIN: &str = "application/vnd.oci.image.layer.v1.tar";

/// An image that can be modified before it is stored.
#[derive(Debug, Clone)]
struct Sample {
    layers: Vec<Layer>,
    /// What is added to the config, or replaced in it.
    config: Value,
    config_type: &'static str,
    /// Artifact type of the manifest.
    artifact_type: Option<&'static str>,
    /// Platform of each entry in the index; there is no index without entries.
    index: Vec<Value>,
    /// Whether the index is a manifest list of Docker.
    is_list: bool,
    /// Blobs that are missing: the config (0) and the layers (from 1 on).
    missing: Option<usize>,
    /// Whether the config is another than its digest says.
    damaged: bool,
}

#[derive(Debug, Clone)]
struct Layer {
    blob: Vec<u8>,
    diff_id: Digest,
    media_type: &'static str,
    /// What the manifest adds to the size.
    more: u64,
    /// Bytes that are served instead of the blob.
    instead: Option<Vec<u8>>,
}

/// Bytes that cannot be compressed and have no other format's magic number.
fn noise(len: usize) -> Vec<u8> {
    let mut state = 7_u64;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        state.to_be_bytes()[0]
    };
    (0..len).map(|_| next()).collect()
}

fn gzip(tar: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(tar).unwrap();
    encoder.finish().unwrap()
}

fn zstd(tar: &[u8]) -> Vec<u8> {
    zstd::encode_all(tar, 3).unwrap()
}

/// A frame of one raw block with the first 1,024 bytes, and the rest.
fn guarded(tar: &[u8]) -> Vec<u8> {
    let (head, rest) = tar.split_at(1024);
    let block = ((1024_u32 << 3) | 1).to_le_bytes();
    let frame = [&[0x28, 0xb5, 0x2f, 0xfd, 0x60, 0, 3][..], &block[..3], head];
    [frame.concat(), zstd(rest)].concat()
}

/// A header of a file, a directory or a link.
fn header(name: &str, flag: u8, size: usize, mode: &str, owner: &str) -> RawHeader {
    RawHeader::new(name.as_bytes(), flag, size as u64)
        .set(100, mode.as_bytes())
        .set(108, owner.as_bytes())
        .set(116, owner.as_bytes())
}

impl Layer {
    fn of(tar: &[u8]) -> Self {
        let (diff_id, blob) = (Digest::of_bytes(tar), gzip(tar));
        Self { blob, diff_id, media_type: GZIP, more: 0, instead: None }
    }

    fn packed(tar: TarBuilder, pack: impl Fn(&[u8]) -> Vec<u8>, media_type: &'static str) -> Self {
        let tar = tar.end();
        Self { blob: pack(&tar), media_type, ..Self::of(&tar) }
    }
}

fn disk(tar: TarBuilder) -> TarBuilder {
    tar.dir("disk/").member(RawHeader::new(b"disk/a.raw", b'0', 70_000), &noise(70_000))
}

fn sample(tars: impl IntoIterator<Item = TarBuilder>) -> Sample {
    Sample {
        layers: tars.into_iter().map(|tar| Layer::of(&tar.end())).collect(),
        config: json!({}),
        config_type: "application/vnd.oci.image.config.v1+json",
        artifact_type: None,
        index: vec![json!({ "os": "linux", "architecture": "amd64" })],
        is_list: false,
        missing: None,
        damaged: false,
    }
}

/// Returns an image that keeps all rules.
fn good() -> Sample {
    sample([disk(TarBuilder::new())])
}

/// Returns an image with a layer that is compressed in a given way.
fn packed(pack: impl Fn(&[u8]) -> Vec<u8>, media_type: &'static str) -> Sample {
    Sample { layers: vec![Layer::packed(disk(TarBuilder::new()), pack, media_type)], ..good() }
}

fn with(config: Value) -> Sample {
    Sample { config, ..good() }
}

fn env(variables: &[&str]) -> Sample {
    with(json!({ "config": { "Env": variables } }))
}

fn index(platforms: Value) -> Sample {
    let Value::Array(index) = platforms else { panic!("{platforms}") };
    Sample { index, ..good() }
}

impl Sample {
    fn with_layer(mut self, change: impl FnOnce(&mut Layer)) -> Self {
        change(&mut self.layers[0]);
        self
    }

    /// Returns the config, and what is left out of it.
    fn config(&self) -> Value {
        let layers: Vec<Value> =
            self.layers.iter().map(|layer| json!(layer.diff_id.to_string())).collect();
        let mut config = json!({
            "os": "linux",
            "architecture": "amd64",
            "rootfs": { "type": "layers", "diff_ids": layers },
            "history": layers.iter().map(|_| json!({})).collect::<Vec<_>>(),
        });
        for (name, value) in self.config.as_object().unwrap() {
            config[name] = value.clone();
        }
        config
    }

    fn put(&self, memory: &mut MemoryImages) -> Digest {
        let config = self.config().to_string();
        let config_digest = memory.put(config.as_bytes());
        let mut layers = Vec::new();
        for layer in &self.layers {
            let digest = memory.put(layer.blob.clone());
            if let Some(instead) = &layer.instead {
                memory.blobs.insert(digest, instead.clone());
            }
            let size = layer.blob.len() as u64 + layer.more;
            let media_type = layer.media_type;
            layers.push(json!({
                "mediaType": media_type, "digest": digest.to_string(), "size": size
            }));
        }
        let mut manifest = json!({
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": {
                "mediaType": self.config_type,
                "digest": config_digest.to_string(),
                "size": config.len(),
            },
            "layers": layers,
        });
        if let Some(artifact_type) = self.artifact_type {
            manifest["artifactType"] = json!(artifact_type);
        }
        let manifest = manifest.to_string();
        let digest = memory.put(manifest.as_bytes());
        let root = if self.index.is_empty() {
            digest
        } else {
            let entry = |platform: &Value| {
                let mut entry = json!({
                    "mediaType": "application/vnd.oci.image.manifest.v1+json",
                    "digest": digest.to_string(),
                    "size": manifest.len(),
                });
                if !platform.is_null() {
                    entry["platform"] = platform.clone();
                }
                entry
            };
            let index = json!({
                "schemaVersion": 2,
                "mediaType": if self.is_list { LIST } else { INDEX },
                "manifests": self.index.iter().map(entry).collect::<Vec<_>>(),
            });
            memory.put(index.to_string())
        };
        if self.damaged {
            memory.blobs.insert(config_digest, config.replace("linux", "lunix").into_bytes());
        }
        let blobs = [config_digest].into_iter().chain(self.digests());
        let missing: Vec<Digest> = blobs.collect();
        if let Some(number) = self.missing {
            memory.blobs.remove(&missing[number]);
        }
        root
    }

    fn digests(&self) -> impl Iterator<Item = Digest> {
        self.layers.iter().map(|layer| Digest::of_bytes(&layer.blob))
    }

    fn report(&self) -> VerifyReport {
        self.report_of(None)
    }

    fn report_of(&self, disk_path: Option<&str>) -> VerifyReport {
        let mut memory = MemoryImages::default();
        let root = self.put(&mut memory);
        let images = &memory;
        let document = images.read_document(root).unwrap().unwrap();
        let context = VerifyContext { disk_path, ..context(&images, &NoProgress) };
        verify_image(document, None, &context).unwrap()
    }
}

fn context<'a>(images: &'a dyn Images, progress: &'a dyn Progress) -> VerifyContext<'a> {
    VerifyContext {
        name: "a",
        images,
        disk_path: None,
        limits: TarLimits::default(),
        kept: DEFAULT_KEPT_LEN,
        progress,
    }
}

/// Returns the findings, one per line.
fn lines(findings: &[Finding]) -> String {
    let line = |finding: &Finding| format!("{}: {finding}\n", finding.rule.id);
    findings.iter().map(line).collect()
}
