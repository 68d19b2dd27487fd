//! The **stock** of a repository: handmade images of any form, stored without requests.

use serde_json::{Value, json};

use super::{INDEX, MANIFEST, Registry, StoredManifest};
use crate::disk::sha256;
use crate::dockerfile::compression::{Compression, compressed};
use crate::dockerfile::entry::Entry;
use crate::dockerfile::layer;

/// Family of media types.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MediaTypeFamily {
    /// Of the OCI image specification.
    Oci,
    /// Of Docker's Image Manifest V2, Schema 2.
    Docker,
}

/// Stores images in a repository without requests.
#[derive(Debug, Clone, Copy)]
pub struct ImageStock<'a> {
    /// The registry that stores the images.
    pub registry: &'a Registry,
    /// The repository.
    pub name: &'a str,
    /// Media types of the documents.
    pub family: MediaTypeFamily,
}

impl<'a> ImageStock<'a> {
    /// Stocks a repository with images of the OCI's form.
    pub fn new(registry: &'a Registry, name: &'a str) -> Self {
        Self { registry, name, family: MediaTypeFamily::Oci }
    }

    /// Stores an image and returns its descriptor. A layer is the name of a compression, and entries as
    /// lines; `rootfs` and `history` of the config are made from the layers.
    pub fn image(&self, tag: &str, mut config: Value, layers: &[(&str, &str)]) -> Value {
        let (mut descriptors, mut diff_ids) = (vec![], vec![]);
        for (compression, lines) in layers {
            let entries = Entry::parse_all(lines.lines().enumerate()).unwrap();
            let tar = layer::write(&entries).unwrap();
            diff_ids.push(format!("sha256:{}", sha256(&tar)));
            let bytes = compressed(Compression::parse(compression).unwrap(), &tar);
            descriptors.push(self.blob(self.family.layer(compression), &bytes));
        }
        config["rootfs"] = json!({ "type": "layers", "diff_ids": diff_ids });
        let config = self.blob(self.family.config(), config.to_string().as_bytes());
        let platform = json!({ "config": config, "layers": descriptors });
        self.document(tag, self.family.manifest(), platform)
    }

    /// Stores an image for a platform, and returns its descriptor, which has the platform. Its only layer
    /// has one file, `arch`, with the architecture.
    pub fn for_platform(&self, architecture: &str) -> Value {
        let config = json!({ "architecture": architecture, "os": "linux", "config": {} });
        let line = format!("file arch = {architecture}");
        let mut descriptor = self.image(architecture, config, &[("gz", &line)]);
        descriptor["platform"] = json!({ "architecture": architecture, "os": "linux" });
        descriptor
    }

    /// Stores an index and returns its descriptor.
    pub fn index(&self, tag: &str, entries: &[Value]) -> Value {
        self.document(tag, self.family.index(), json!({ "manifests": entries }))
    }

    fn document(&self, tag: &str, media_type: &str, mut document: Value) -> Value {
        document["schemaVersion"] = json!(2);
        document["mediaType"] = json!(media_type);
        let document = StoredManifest::new(media_type, document.to_string().into_bytes());
        let (digest, size) = (document.digest.clone(), document.bytes.len());
        self.registry.put_document(self.name, tag, document);
        json!({ "mediaType": media_type, "digest": digest, "size": size })
    }

    fn blob(&self, media_type: &str, bytes: &[u8]) -> Value {
        let digest = format!("sha256:{}", sha256(bytes));
        self.registry.put_blob(self.name, &digest, bytes);
        json!({ "mediaType": media_type, "digest": digest, "size": bytes.len() })
    }
}

impl MediaTypeFamily {
    fn index(self) -> &'static str {
        match self {
            Self::Oci => INDEX,
            Self::Docker => "application/vnd.docker.distribution.manifest.list.v2+json",
        }
    }

    fn manifest(self) -> &'static str {
        match self {
            Self::Oci => MANIFEST,
            Self::Docker => "application/vnd.docker.distribution.manifest.v2+json",
        }
    }

    fn config(self) -> &'static str {
        match self {
            Self::Oci => "application/vnd.oci.image.config.v1+json",
            Self::Docker => "application/vnd.docker.container.image.v1+json",
        }
    }

    fn layer(self, compression: &str) -> &'static str {
        match (self, compression) {
            (Self::Oci, "gz") => "application/vnd.oci.image.layer.v1.tar+gzip",
            (Self::Oci, "zst") => "application/vnd.oci.image.layer.v1.tar+zstd",
            (Self::Oci, _) => "application/vnd.oci.image.layer.v1.tar",
            (Self::Docker, "gz") => "application/vnd.docker.image.rootfs.diff.tar.gzip",
            (Self::Docker, "zst") => "application/vnd.docker.image.rootfs.diff.tar.zstd",
            (Self::Docker, _) => "application/vnd.docker.image.rootfs.diff.tar",
        }
    }
}
