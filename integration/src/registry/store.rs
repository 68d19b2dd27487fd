//! The **store** has the pushed content: blobs, and repositories with their manifests and tags.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use serde_json::Value;

use super::session::UploadSession;
use crate::disk::sha256;

/// Content of a registry.
#[derive(Debug, Default)]
pub(super) struct RegistryStore {
    pub(super) blobs: BTreeMap<String, StoredBlob>,
    /// What parts of blobs are taken from instead, by digest of the blob.
    pub(super) parts: BTreeMap<String, Arc<[u8]>>,
    pub(super) repositories: BTreeMap<String, Repository>,
    pub(super) sessions: BTreeMap<String, Arc<Mutex<UploadSession>>>,
    /// Number of sessions opened so far.
    pub(super) opened: u64,
    /// Number of received bytes by digest of the blob.
    pub(super) received: BTreeMap<String, u64>,
}

/// A blob; repositories refer to it by its digest.
#[derive(Debug, Clone)]
pub(super) struct StoredBlob {
    pub(super) len: u64,
    /// Content; `None` if only the digest is stored.
    pub(super) bytes: Option<Arc<[u8]>>,
}

/// A repository.
#[derive(Debug, Default)]
pub(super) struct Repository {
    pub(super) blobs: BTreeSet<String>,
    pub(super) manifests: BTreeMap<String, StoredManifest>,
    pub(super) tags: BTreeMap<String, String>,
}

/// A manifest or an index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredManifest {
    /// Digest of the bytes, `sha256:…`.
    pub digest: String,
    /// Media type that it was pushed with.
    pub media_type: String,
    /// Content as it was pushed.
    pub bytes: Vec<u8>,
}

impl StoredManifest {
    /// Returns a manifest with the digest of its bytes.
    pub fn new(media_type: &str, bytes: Vec<u8>) -> Self {
        let digest = format!("sha256:{}", sha256(&bytes));
        Self { digest, media_type: media_type.to_owned(), bytes }
    }

    /// Returns the document; `null` if it is not JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap_or_default()
    }

    /// Returns the digests of the manifests that it lists.
    pub(super) fn children(&self) -> Vec<String> {
        digests(&self.json()["manifests"])
    }

    /// Returns the digests of its blobs, except foreign layers, which registries do not store.
    pub(super) fn blobs(&self) -> Vec<String> {
        let json = self.json();
        let config = json["config"]["digest"].as_str().map(str::to_owned);
        config.into_iter().chain(digests(&json["layers"])).collect()
    }
}

fn digests(descriptors: &Value) -> Vec<String> {
    let descriptors = descriptors.as_array().into_iter().flatten();
    let here = descriptors.filter(|descriptor| descriptor.get("urls").is_none());
    here.filter_map(|descriptor| descriptor["digest"].as_str()).map(str::to_owned).collect()
}

impl RegistryStore {
    /// Returns a manifest by tag or digest.
    pub(super) fn manifest(&self, name: &str, reference: &str) -> Option<&StoredManifest> {
        let repository = self.repositories.get(name)?;
        let digest = repository.tags.get(reference).map_or(reference, String::as_str);
        repository.manifests.get(digest)
    }

    /// Returns a blob, if the repository has it.
    pub(super) fn blob(&self, name: &str, digest: &str) -> Option<&StoredBlob> {
        self.repositories.get(name)?.blobs.contains(digest).then(|| &self.blobs[digest])
    }

    pub(super) fn put_blob(&mut self, name: &str, digest: &str, blob: StoredBlob) {
        self.blobs.entry(digest.to_owned()).or_insert(blob);
        self.repository(name).blobs.insert(digest.to_owned());
    }

    /// Adds a blob to a repository if another one, or any, has it; returns whether one has.
    pub(super) fn mount(&mut self, name: &str, digest: &str, from: Option<&str>) -> bool {
        let mut sources = self.repositories.iter();
        let is_there = sources.any(|(source, repository)| {
            from.is_none_or(|from| from == source) && repository.blobs.contains(digest)
        });
        if is_there {
            self.repository(name).blobs.insert(digest.to_owned());
        }
        is_there
    }

    pub(super) fn repository(&mut self, name: &str) -> &mut Repository {
        self.repositories.entry(name.to_owned()).or_default()
    }

    /// Returns the first manifest or blob that a manifest refers to and the repository does not have.
    pub(super) fn missing(&self, name: &str, manifest: &StoredManifest) -> Option<String> {
        let mut children = manifest.children().into_iter();
        let mut blobs = manifest.blobs().into_iter();
        children
            .find(|digest| self.manifest(name, digest).is_none())
            .or_else(|| blobs.find(|digest| self.blob(name, digest).is_none()))
    }

    /// Checks the manifest of a tag, and everything that it refers to.
    pub(super) fn verify(&self, name: &str, reference: &str) -> Result<(), String> {
        let missing = || format!("{reference} is not in {name}");
        let manifest = self.manifest(name, reference).ok_or_else(missing)?;
        if let Some(missing) = self.missing(name, manifest) {
            return Err(format!("{reference} needs {missing}"));
        }
        for digest in manifest.blobs() {
            let bytes = self.blob(name, &digest).and_then(|blob| blob.bytes.as_ref());
            if bytes.is_some_and(|bytes| format!("sha256:{}", sha256(bytes)) != digest) {
                return Err(format!("{digest} has another content"));
            }
        }
        manifest.children().iter().try_for_each(|child| self.verify(name, child))
    }
}
