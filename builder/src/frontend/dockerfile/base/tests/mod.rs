mod images;
mod layers;
mod locks;

use std::io::Write as _;

use serde_json::{Value, json};

use super::*;
use crate::frontend::dockerfile::tree::TreeNodeKind;
use crate::oci::images::testing::MemoryImages;
use crate::oci::progress::NoProgress;
use crate::recipe::{SourceLocation, SpecialKind};

/// Small enough that tests reach them.
const LIMITS: TarLimits =
    TarLimits { entries: 1000, path: 4096, names: 1 << 20, pax: 4096, decompressed: 4 << 20 };

const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar";

fn bytes(value: &Value) -> Vec<u8> {
    serde_json::to_vec(value).unwrap()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn descriptor(media_type: &str, bytes: &[u8]) -> Value {
    let digest = Digest::of_bytes(bytes).to_string();
    json!({ "mediaType": media_type, "digest": digest, "size": bytes.len() })
}

/// An image before it is stored, so that tests can break it.
struct Image {
    manifest: Value,
    config: Value,
}

impl Image {
    /// Returns an image of layers that are not compressed.
    fn new(layers: &[Vec<u8>]) -> Self {
        let diff_ids: Vec<String> =
            layers.iter().map(|layer| Digest::of_bytes(layer).to_string()).collect();
        let config = json!({
            "os": "linux",
            "architecture": "amd64",
            "config": { "User": "1001" },
            "rootfs": { "type": "layers", "diff_ids": diff_ids },
        });
        let layers: Vec<Value> = layers.iter().map(|layer| descriptor(LAYER, layer)).collect();
        let manifest = json!({ "schemaVersion": 2, "mediaType": OCI_MANIFEST, "layers": layers });
        Self { manifest, config }
    }

    /// Stores config and manifest, and returns a descriptor of the manifest.
    fn put(mut self, memory: &mut MemoryImages) -> Value {
        let config = bytes(&self.config);
        if self.manifest.get("config").is_none() {
            self.manifest["config"] = descriptor(CONFIG, &config);
        }
        memory.put(config);
        let manifest = bytes(&self.manifest);
        memory.put(manifest.clone());
        descriptor(OCI_MANIFEST, &manifest)
    }
}

fn digest(descriptor: &Value) -> Digest {
    descriptor["digest"].as_str().unwrap().parse().unwrap()
}

fn load(memory: &MemoryImages, place: &str, platform: &str) -> Result<LoadedBase, BaseError> {
    load_with(memory, None, &BaseResolver::default(), place, platform)
}

fn load_with(
    memory: &MemoryImages,
    cache: Option<&Dir>,
    resolver: &BaseResolver,
    place: &str,
    platform: &str,
) -> Result<LoadedBase, BaseError> {
    let bases =
        BaseLoader { opener: memory, cache, resolver, limits: LIMITS, progress: &NoProgress };
    bases.load(&place.parse().unwrap(), &platform.parse().unwrap())
}

/// Returns the nodes of a tree, one per line.
fn listed(tree: &Tree) -> Vec<String> {
    let line = |(path, node): (&str, &crate::frontend::dockerfile::tree::TreeNode)| {
        let kind = match &node.kind {
            TreeNodeKind::Directory => "dir".into(),
            TreeNodeKind::Symlink(target) => format!("-> {target}"),
            TreeNodeKind::Special(SpecialKind::Fifo) => "fifo".into(),
            TreeNodeKind::Special(SpecialKind::Character { major, minor }) => {
                format!("char {major},{minor}")
            }
            TreeNodeKind::Special(SpecialKind::Block { major, minor }) => {
                format!("block {major},{minor}")
            }
            TreeNodeKind::File(file) => {
                let link = file.inode.map_or("", |_| " linked");
                match &file.source.location {
                    SourceLocation::Inline(bytes) => {
                        format!("= {}", String::from_utf8_lossy(bytes))
                    }
                    SourceLocation::Member(member) => {
                        assert_eq!(Some(member.size), file.size);
                        format!("at {} + {}{link}", member.offset, member.size)
                    }
                    other => format!("{other}"),
                }
            }
        };
        let xattrs = node.xattrs.show();
        format!("{path} {kind} {:o} {}:{}{xattrs}", node.mode, node.owner.uid, node.owner.gid)
    };
    tree.below("").map(line).collect()
}
