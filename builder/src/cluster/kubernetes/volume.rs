//! What CDI is told: `DataVolume`, `DataSource` and `DataImportCron`
//! (`staging/src/kubevirt.io/containerized-data-importer-api/pkg/apis/core/v1beta1/types.go`).

use serde_json::{Value, json};

use super::quantity::Quantity;
use super::{ImageSubject, KubernetesObject, ObjectMeta, labelled};

const API: &str = "cdi.kubevirt.io/v1beta1";

/// What is needed to get at the image: names of objects in the same namespace.
#[derive(Debug, Clone, Copy, Default)]
pub struct ImageAccess<'a> {
    /// A Secret of the type `kubernetes.io/dockerconfigjson`, with which nodes pull.
    pub pull_secret: Option<&'a str>,
    /// A Secret with `accessKeyId` and `secretKey`, with which CDI's importer pulls.
    pub import_secret: Option<&'a str>,
    /// A `ConfigMap` with the certificates that CDI's importer trusts.
    pub authorities: Option<&'a str>,
    /// Who pulls for CDI.
    pub pull_method: PullMethod,
}

/// Who pulls the image that CDI imports.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum PullMethod {
    /// CDI's importer, with a secret and certificates of its own.
    #[default]
    Pod,
    /// The node, as for any container: with what the node has for the registry.
    Node,
}

/// The volume that an image is imported into.
#[derive(Debug, Clone)]
pub struct VolumeStorage<'a> {
    /// How large the disk in it can be. CDI adds what a file system needs. Only of a clone CDI knows
    /// it by itself.
    pub size: Option<Quantity>,
    /// The storage class; the cluster's own choice where there is none.
    pub class: Option<&'a str>,
    /// Who may use it at a time; as CDI knows the storage class where there is none.
    pub access_mode: Option<AccessMode>,
}

/// Who may use a volume at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccessMode {
    /// One node.
    ReadWriteOnce,
    /// Many nodes, as live migration wants it.
    ReadWriteMany,
    /// One pod.
    ReadWriteOncePod,
}

/// When and how a `DataImportCron` works.
#[derive(Debug, Clone, Copy)]
pub struct ImportCron<'a> {
    /// When it looks for a new image; see [`parse_schedule`](super::parse_schedule).
    pub schedule: &'a str,
    /// How many imported images are kept.
    pub keep: u32,
    /// What becomes of them when the cron is deleted.
    pub retention: ImportRetention,
}

/// What becomes of imported images when their `DataImportCron` is deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImportRetention {
    /// They are deleted too.
    None,
    /// They stay.
    All,
}

impl AccessMode {
    /// Returns what Kubernetes calls it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::ReadWriteOnce => "ReadWriteOnce",
            Self::ReadWriteMany => "ReadWriteMany",
            Self::ReadWriteOncePod => "ReadWriteOncePod",
        }
    }
}

/// Returns a volume that CDI imports the image into.
pub fn data_volume(
    meta: ObjectMeta<'_>,
    subject: &ImageSubject,
    access: ImageAccess<'_>,
    storage: &VolumeStorage<'_>,
) -> KubernetesObject {
    let mut metadata = labelled(meta, subject);
    // Nobody need wait for a machine that uses it, as storage that binds to a node would.
    metadata["annotations"] = json!({ "cdi.kubevirt.io/storage.bind.immediate.requested": "true" });
    let value = json!({
        "apiVersion": API,
        "kind": "DataVolume",
        "metadata": metadata,
        "spec": import(subject, access, storage),
    });
    value.into()
}

/// Returns the spec of a volume that the image is imported into.
pub(super) fn import(
    subject: &ImageSubject,
    access: ImageAccess<'_>,
    storage: &VolumeStorage<'_>,
) -> Value {
    json!({ "source": source(subject, access), "storage": request(storage) })
}

/// Returns the spec of a volume that is cloned from the volume of a `DataSource`.
pub(super) fn clone(data_source: ObjectMeta<'_>, storage: &VolumeStorage<'_>) -> Value {
    let source = json!({
        "kind": "DataSource",
        "name": data_source.name,
        "namespace": data_source.namespace,
    });
    json!({ "sourceRef": source, "storage": request(storage) })
}

fn source(subject: &ImageSubject, access: ImageAccess<'_>) -> Value {
    let architecture = subject.architecture.as_deref();
    let pull_method = match access.pull_method {
        PullMethod::Pod => None,
        PullMethod::Node => Some("node"),
    };
    json!({
        "registry": {
            "url": subject.url(),
            "secretRef": access.import_secret,
            "certConfigMap": access.authorities,
            "pullMethod": pull_method,
            "platform": architecture.map(|name| json!({ "architecture": name })),
        },
    })
}

fn request(storage: &VolumeStorage<'_>) -> Value {
    let size = storage.size.as_ref().map(ToString::to_string);
    json!({
        "accessModes": storage.access_mode.map(|mode| [mode.name()]),
        "resources": size.map(|size| json!({ "requests": { "storage": size } })),
        "storageClassName": storage.class,
    })
}

/// Returns the name by which machines find the volume of the same name. Its namespace must be known:
/// the volume is named with it.
pub fn data_source(
    meta: ObjectMeta<'_>,
    namespace: &str,
    subject: &ImageSubject,
) -> KubernetesObject {
    let value = json!({
        "apiVersion": API,
        "kind": "DataSource",
        "metadata": labelled(ObjectMeta { namespace: Some(namespace), ..meta }, subject),
        "spec": { "source": { "pvc": { "name": meta.name, "namespace": namespace } } },
    });
    value.into()
}

/// Returns what imports the image again whenever its tag moves, and keeps a `DataSource` of the same
/// name. CDI puts the digest behind the URL by itself (`newSourceDataVolume`,
/// `pkg/controller/dataimportcron-controller.go`): it must have none.
pub fn data_import_cron(
    meta: ObjectMeta<'_>,
    subject: &ImageSubject,
    access: ImageAccess<'_>,
    storage: &VolumeStorage<'_>,
    cron: ImportCron<'_>,
) -> KubernetesObject {
    let retention = match cron.retention {
        ImportRetention::None => "None",
        ImportRetention::All => "RetainAll",
    };
    let value = json!({
        "apiVersion": API,
        "kind": "DataImportCron",
        "metadata": labelled(meta, subject),
        "spec": {
            "garbageCollect": "Outdated",
            "importsToKeep": cron.keep,
            "managedDataSource": meta.name,
            "retentionPolicy": retention,
            "schedule": cron.schedule,
            "template": { "spec": import(subject, access, storage) },
        },
    });
    value.into()
}
