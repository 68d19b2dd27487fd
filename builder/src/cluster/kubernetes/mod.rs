//! Kubernetes *objects* that use an image: the machine that boots it, the volume that it is
//! imported into, and the secrets and certificates that both need. They are made as data and
//! written as YAML; no cluster is contacted.
//!
//! The fields are those of KubeVirt's and CDI's API. Where one of them has a rule that is not in
//! its schema, a comment names the source.

mod authorities;
mod machine;
mod name;
mod preference;
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
pub use machine::{
    CdromBus, DiskDevice, KernelFiles, MachineContent, MachineOptions, RootDisk, SecureBoot,
    UserData, UserDataError, cloud_config, virtual_machine,
};
pub(crate) use name::label_name_of;
pub use name::{default_name, parse_label_name, parse_subdomain_name};
pub use preference::PreferenceRequirements;
pub use quantity::{Quantity, QuantityError};
pub use schedule::parse_schedule;
pub use secret::{SecretContent, import_secret, pull_secret, user_data_secret};
pub use values::helm_values;
pub use volume::{
    AccessMode, ImageAccess, ImportCron, ImportRetention, PullMethod, VolumeStorage,
    data_import_cron, data_source, data_volume, empty_claim, layer_volume,
};
pub use yaml::write_yaml;

use crate::cluster::contract::labels::{check_key, check_value, label_for_env};
use crate::oci::image::reference::Reference;

/// Name and namespace of an object.
#[derive(Debug, Clone, Copy)]
pub struct ObjectMeta<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its namespace; nothing leaves it to the user who applies the object.
    pub namespace: Option<&'a str>,
}

/// The image that objects refer to.
#[derive(Debug, Clone)]
pub struct ImageSubject {
    /// Reference by which nodes pull it, with a digest or a tag.
    pub reference: Reference,
    /// Architecture that it is for, by Go's name, if it is for one.
    pub architecture: Option<String>,
    /// Labels that CDI sets on the volume that it is imported into; see [`labels_from_env`].
    pub labels: BTreeMap<String, String>,
}

impl ImageSubject {
    /// Returns its URL in the form of containers/image, which CDI reads.
    fn url(&self) -> String {
        format!("docker://{}", self.reference)
    }

    /// Returns the value of a label of instance types, e.g. `default-preference`.
    fn instancetype_label(&self, name: &str) -> Option<&str> {
        self.labels.get(&format!("instancetype.kubevirt.io/{name}")).map(String::as_str)
    }
}

/// An object, and a comment for its reader.
#[derive(Clone)]
pub struct KubernetesObject {
    /// Lines that are put above it.
    pub comment: Vec<String>,
    /// The object itself.
    pub value: Value,
}

impl From<Value> for KubernetesObject {
    fn from(value: Value) -> Self {
        Self { comment: Vec::new(), value: without_nulls(value) }
    }
}

impl std::fmt::Debug for KubernetesObject {
    /// The object may contain a secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Object").field("kind", &self.value.get("kind")).finish_non_exhaustive()
    }
}

/// Returns the labels that CDI makes from an image's environment, without those that Kubernetes
/// would refuse.
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
fn object_metadata(meta: ObjectMeta<'_>) -> Value {
    json!({ "name": meta.name, "namespace": meta.namespace })
}

/// Returns the metadata, with the image's labels, of an object that instance types are inferred
/// from: a volume, or an object that leads to one.
fn labelled_metadata(meta: ObjectMeta<'_>, subject: &ImageSubject) -> Value {
    let mut metadata = object_metadata(meta);
    if !subject.labels.is_empty() {
        metadata["labels"] = json!(subject.labels);
    }
    metadata
}

/// Removes the fields that are null.
fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            let fields = fields.into_iter().filter(|(_, value)| !value.is_null());
            Value::Object(
                fields.map(|(name, value)| (name, without_nulls(value))).collect::<Map<_, _>>(),
            )
        }
        Value::Array(items) => Value::Array(items.into_iter().map(without_nulls).collect()),
        other => other,
    }
}
