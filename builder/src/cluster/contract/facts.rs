//! *Facts* are what is known of an image: what its documents declare, and what was seen of its
//! layers.

use std::collections::BTreeMap;

use serde_json::Value;

use super::blob::BlobStart;
use crate::disk;
use crate::oci::image::config::ImageConfig;
use crate::oci::image::descriptor::Descriptor;
use crate::oci::image::digest::Digest;
use crate::oci::image::platform::Platform;
use crate::oci::tar::{TarEntry, TarEntryKind};

/// What is known of an index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct IndexFacts {
    /// Whether it is a manifest list of Docker.
    pub(crate) is_docker: bool,
    /// Its entries, in order.
    pub(crate) entries: Vec<EntryFacts>,
}

/// What is known of one entry of an index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct EntryFacts {
    /// Digest of the manifest.
    pub(crate) manifest: Digest,
    /// Platform that the index declares for it.
    pub(crate) declared: Option<Platform>,
    /// Platform that its config declares.
    pub(crate) config: Option<Platform>,
}

impl EntryFacts {
    /// Returns the platform that readers choose the entry by.
    pub(crate) fn offered(&self) -> Option<&Platform> {
        self.declared.as_ref().or(self.config.as_ref())
    }
}

/// What is known of one platform's image.
#[derive(Debug, Clone, Default)]
pub(crate) struct ImageFacts {
    /// Platform that the index declares for it.
    pub(crate) declared: Option<Platform>,
    /// Artifact type of its manifest.
    pub(crate) artifact_type: Option<String>,
    /// What its config declares.
    pub(crate) config: ConfigFacts,
    /// Layers, lowest first.
    pub(crate) layers: Vec<LayerFacts>,
    /// Path of the disk that `containerDisk.path` of a virtual machine names, without a slash in
    /// front; nothing if it is looked for in `/disk`.
    pub(crate) disk_path: Option<String>,
}

/// What a config declares; missing fields are empty.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ConfigFacts {
    /// Media type of the config, if it is none of an image's config.
    pub(crate) foreign: Option<String>,
    /// Operating system, as written.
    pub(crate) os: String,
    /// Architecture, as written.
    pub(crate) architecture: String,
    /// Variant, as written.
    pub(crate) variant: Option<String>,
    /// Names and values of the environment variables, in order.
    pub(crate) env: Vec<(String, String)>,
    /// Labels of the image, not of a volume.
    pub(crate) labels: BTreeMap<String, String>,
    /// Digests of the layers' tars, as written.
    pub(crate) diff_ids: Vec<String>,
    /// Number of history entries that stand for a layer.
    pub(crate) history: usize,
}

/// What is known of a layer. Of a planned layer only the members are known.
#[derive(Debug, Clone, Default)]
pub(crate) struct LayerFacts {
    /// What the manifest declares of the blob.
    pub(crate) declared: Option<Descriptor>,
    /// What was seen of the blob.
    pub(crate) blob: Option<BlobFacts>,
    /// Members that a rule needs, in the order of the tar.
    pub(crate) members: Vec<TarEntry>,
    /// Name of the first of the other members whose name begins with a slash.
    pub(crate) absolute: Option<String>,
    /// First path that two members have.
    pub(crate) twice: Option<String>,
    /// Directories and symbolic links near the root, by path, whether or not a rule needs them.
    pub(crate) shallow: BTreeMap<String, ShallowEntry>,
    /// Disks among the members, by their index in `members`.
    pub(crate) disks: BTreeMap<usize, DiskFacts>,
}

/// A directory or symbolic link near the root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ShallowEntry {
    /// A directory, with an entry of its own or not.
    Directory,
    /// A symbolic link and its target.
    Link(String),
}

/// Number of parts of a path that is near the root.
const SHALLOW_DEPTH: usize = 2;

/// Maximum number of such paths that are kept of a layer.
const SHALLOW_MAX: usize = 10_000;

/// What was seen of a layer's blob.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum BlobFacts {
    /// It cannot be read: the reason.
    Unreadable(String),
    /// Its size is not the one that the manifest declares: what was found.
    WrongSize(String),
    /// Its bytes have this digest instead.
    WrongDigest(Digest),
    /// It is the one that the manifest names.
    Sound {
        /// How it begins.
        start: BlobStart,
        /// Digest of the tar in it, or why it cannot be read to its end.
        tar: Result<Digest, String>,
    },
}

/// What is known of a disk in a layer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DiskFacts {
    /// Format and flaws, as far as the first bytes show them.
    pub(crate) info: disk::DiskInfo,
    /// Digest of the first bytes and CRC-32C of all, to compare the disk with others.
    pub(crate) mark: (Digest, u32),
}

impl LayerFacts {
    /// Keeps a directory or link near the root, and the directories that the path goes through. Returns
    /// the length in bytes of the names that were added.
    pub(crate) fn add_shallow(&mut self, path: &str, kind: &TarEntryKind) -> usize {
        let ends = path.match_indices('/').map(|(at, _)| at).take(SHALLOW_DEPTH);
        let above = ends.map(|end| (&path[..end], ShallowEntry::Directory));
        let own = match kind {
            TarEntryKind::Directory => Some(ShallowEntry::Directory),
            TarEntryKind::Symlink(target) => Some(ShallowEntry::Link(target.clone())),
            _ => None,
        };
        let is_shallow = path.split('/').count() <= SHALLOW_DEPTH;
        let own = own.filter(|_| is_shallow).map(|entry| (path, entry));
        above.chain(own).map(|(path, entry)| self.insert_shallow(path, entry)).sum()
    }

    fn insert_shallow(&mut self, path: &str, entry: ShallowEntry) -> usize {
        if self.shallow.contains_key(path) || self.shallow.len() >= SHALLOW_MAX {
            return 0;
        }
        let link_len = if let ShallowEntry::Link(target) = &entry { target.len() } else { 0 };
        self.shallow.insert(path.to_owned(), entry);
        path.len() + link_len
    }

    /// Returns whether all members are known.
    pub(super) fn is_whole(&self) -> bool {
        matches!(self.blob, None | Some(BlobFacts::Sound { tar: Ok(_), .. }))
    }
}

impl ConfigFacts {
    /// Returns the facts of a config that will be written.
    pub(crate) fn from_config(config: &ImageConfig) -> Self {
        let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        let (env, labels) = (config.env().map(owned), config.labels().into_iter().map(owned));
        Self { env: env.collect(), labels: labels.collect(), ..Self::default() }
    }

    /// Reads the facts from the fields of a config.
    pub(crate) fn from_fields(fields: &Value) -> Self {
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
