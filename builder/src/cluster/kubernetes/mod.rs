//! *Objects* are what a Kubernetes cluster is told about an image: the machine that boots it, the
//! volume that it is imported into, and what both need to get at it. They are made here as data and
//! written as YAML; the cluster itself is never spoken to.
//!
//! Which fields there are is KubeVirt's and CDI's to say; where one of them has a rule that its
//! schema does not tell, the place is named beside it.

mod authorities;
mod machine;
mod name;
mod quantity;
mod schedule;
mod secret;
#[cfg(test)]
mod tests;
mod values;
mod volume;
mod yaml;

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

pub use authorities::authorities_config_map;
pub use machine::{MachineOptions, RootDisk, USER_DATA_MAX, cloud_config, virtual_machine};
pub use name::{default_name, parse_label, parse_subdomain};
pub use quantity::Quantity;
pub use schedule::parse_schedule;
pub use secret::{SecretContent, import_secret, pull_secret};
pub use values::helm_values;
pub use volume::{
    AccessMode, ImageAccess, ImportCron, ImportRetention, PullMethod, VolumeStorage,
    data_import_cron, data_source, data_volume,
};
pub use yaml::write_yaml;

use crate::cluster::contract::labels::{check_key, check_value, label_for_env};
use crate::oci::image::reference::Reference;

/// What an object is called.
#[derive(Debug, Clone, Copy)]
pub struct ObjectMeta<'a> {
    /// Its name.
    pub name: &'a str,
    /// Where it is; nothing where whoever applies it shall say.
    pub namespace: Option<&'a str>,
}

/// The image, as far as objects speak of it.
#[derive(Debug, Clone)]
pub struct ImageSubject {
    /// As nodes shall pull it: by its digest, or by its tag.
    pub reference: Reference,
    /// The processor that it is for, as Go calls it, where it is for one.
    pub architecture: Option<String>,
    /// What CDI sets on the volume that it is imported into; see [`labels`].
    pub labels: BTreeMap<String, String>,
}

impl ImageSubject {
    /// Returns what containers/image calls it, and CDI.
    fn url(&self) -> String {
        format!("docker://{}", self.reference)
    }

    /// Returns the value of a label of instance types, e.g. `default-preference`.
    fn instancetype_label(&self, name: &str) -> Option<&str> {
        self.labels.get(&format!("instancetype.kubevirt.io/{name}")).map(String::as_str)
    }
}

/// An object, and what to tell who reads it.
#[derive(Clone)]
pub struct KubernetesObject {
    /// Lines that are put above it.
    pub comment: Vec<String>,
    /// The object itself.
    pub value: Value,
}

impl From<Value> for KubernetesObject {
    fn from(value: Value) -> Self {
        Self { comment: Vec::new(), value: present(value) }
    }
}

impl std::fmt::Debug for KubernetesObject {
    /// What is in it may be a secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Object").field("kind", &self.value.get("kind")).finish_non_exhaustive()
    }
}

/// Returns the labels that CDI makes of an image's environment, without those that a cluster would
/// refuse.
pub fn labels_from_env<'e>(env: impl IntoIterator<Item = &'e str>) -> BTreeMap<String, String> {
    let good = |(key, value): &(String, &str)| check_key(key).is_ok() && check_value(value).is_ok();
    env.into_iter()
        .filter_map(|variable| {
            let (name, value) = variable.split_once('=')?;
            Some((label_for_env(name)?, value))
        })
        .filter(good)
        .map(|(key, value)| (key, value.to_owned()))
        .collect()
}

/// Returns an object's metadata.
fn metadata(meta: ObjectMeta<'_>) -> Value {
    json!({ "name": meta.name, "namespace": meta.namespace })
}

/// Returns the metadata of what machines are inferred from: a volume, or what leads to one.
fn labelled(meta: ObjectMeta<'_>, subject: &ImageSubject) -> Value {
    let mut metadata = metadata(meta);
    if !subject.labels.is_empty() {
        metadata["labels"] = json!(subject.labels);
    }
    metadata
}

/// Leaves out the fields that have no value.
fn present(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            let fields = fields.into_iter().filter(|(_, value)| !value.is_null());
            Value::Object(fields.map(|(name, value)| (name, present(value))).collect::<Map<_, _>>())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(present).collect()),
        other => other,
    }
}
