//! CDI's objects: `DataVolume`, `DataSource` and `DataImportCron`
//! (`staging/src/kubevirt.io/containerized-data-importer-api/pkg/apis/core/v1beta1/types.go`).

use serde_json::{Value, json};

use super::quantity::Quantity;
use super::{ImageSubject, KubernetesObject, ObjectMeta, labelled_metadata, object_metadata};

const API: &str = "cdi.kubevirt.io/v1beta1";

/// How the image is pulled: names of Secrets and a `ConfigMap` in the same namespace, and the pull
/// method.
#[derive(Debug, Clone, Copy, Default)]
pub struct ImageAccess<'a> {
    /// A Secret of the type `kubernetes.io/dockerconfigjson`, with which nodes pull.
    pub pull_secret: Option<&'a str>,
    /// A Secret with `accessKeyId` and `secretKey`, with which CDI's importer pulls.
    pub import_secret: Option<&'a str>,
    /// A `ConfigMap` with the certificates that CDI's importer trusts.
    pub authorities: Option<&'a str>,
    /// What pulls the image for CDI.
    pub pull_method: PullMethod,
}

/// What pulls the image that CDI imports.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum PullMethod {
    /// CDI's importer, with a secret and certificates of its own.
    #[default]
    Pod,
    /// The node, as for any container: with the node's own credentials and certificates.
    Node,
}

/// The volume that an image is imported into.
#[derive(Debug, Clone)]
pub struct VolumeStorage<'a> {
    /// Size of the largest disk that fits. CDI adds the overhead of a file system. Required except
    /// for a clone, whose size CDI determines.
    pub size: Option<Quantity>,
    /// Name of the storage class; nothing selects the cluster's default.
    pub class: Option<&'a str>,
    /// Access mode; nothing selects CDI's default for the storage class.
    pub access_mode: Option<AccessMode>,
}

/// Access mode of a volume: what can use it at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccessMode {
    /// One node.
    ReadWriteOnce,
    /// Many nodes, as live migration requires.
    ReadWriteMany,
    /// One pod.
    ReadWriteOncePod,
}

/// Schedule and retention of a `DataImportCron`.
#[derive(Debug, Clone, Copy)]
pub struct ImportCron<'a> {
    /// When it checks for a new image; see [`parse_schedule`](super::parse_schedule).
    pub schedule: &'a str,
    /// Number of imported images to keep.
    pub keep: u32,
    /// Whether they are kept when the cron is deleted.
    pub retention: ImportRetention,
}

/// Whether imported images are kept when their `DataImportCron` is deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImportRetention {
    /// The images are deleted too.
    None,
    /// The images are kept.
    All,
}

impl AccessMode {
    /// Returns its name in Kubernetes.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::ReadWriteOnce => "ReadWriteOnce",
            Self::ReadWriteMany => "ReadWriteMany",
            Self::ReadWriteOncePod => "ReadWriteOncePod",
        }
    }
}

/// Returns a `DataVolume` that CDI imports the image into.
pub fn data_volume(
    meta: ObjectMeta<'_>,
    subject: &ImageSubject,
    access: ImageAccess<'_>,
    storage: &VolumeStorage<'_>,
) -> KubernetesObject {
    let mut metadata = labelled_metadata(meta, subject);
    // Import at once: storage that binds to a node would wait for a machine that uses the volume.
    metadata["annotations"] = json!({ "cdi.kubevirt.io/storage.bind.immediate.requested": "true" });
    let value = json!({
        "apiVersion": API,
        "kind": "DataVolume",
        "metadata": metadata,
        "spec": import_spec(subject, access, storage),
    });
    value.into()
}

/// Returns a `DataVolume` that CDI imports the disk in a layer of an artifact into: the layer with this
/// annotation. CDI that does not know `layer` refuses it; the importer's pod alone reads artifacts.
pub fn layer_volume(
    meta: ObjectMeta<'_>,
    subject: &ImageSubject,
    access: ImageAccess<'_>,
    storage: &VolumeStorage<'_>,
    (key, value): (&str, &str),
) -> KubernetesObject {
    let mut object = data_volume(meta, subject, access, storage);
    let annotation = json!({ "key": key, "value": value });
    object.value["spec"]["source"]["registry"]["layer"] = json!({ "annotation": annotation });
    object
}

/// Returns an empty `PersistentVolumeClaim`.
pub fn empty_claim(meta: ObjectMeta<'_>, storage: &VolumeStorage<'_>) -> KubernetesObject {
    let mut spec = storage_request(storage);
    if spec["accessModes"].is_null() {
        spec["accessModes"] = json!([AccessMode::ReadWriteOnce.name()]);
    }
    let value = json!({
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": object_metadata(meta),
        "spec": spec,
    });
    value.into()
}

/// Returns the spec of a volume that the image is imported into.
pub(super) fn import_spec(
    subject: &ImageSubject,
    access: ImageAccess<'_>,
    storage: &VolumeStorage<'_>,
) -> Value {
    json!({ "source": registry_source(subject, access), "storage": storage_request(storage) })
}

/// Returns the spec of an empty volume.
pub(super) fn blank_spec(storage: &VolumeStorage<'_>) -> Value {
    json!({ "source": { "blank": {} }, "storage": storage_request(storage) })
}

/// Returns the spec of a volume that is cloned from the volume of a `DataSource`.
pub(super) fn clone_spec(data_source: ObjectMeta<'_>, storage: &VolumeStorage<'_>) -> Value {
    let source = json!({
        "kind": "DataSource",
        "name": data_source.name,
        "namespace": data_source.namespace,
    });
    json!({ "sourceRef": source, "storage": storage_request(storage) })
}

fn registry_source(subject: &ImageSubject, access: ImageAccess<'_>) -> Value {
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

fn storage_request(storage: &VolumeStorage<'_>) -> Value {
    let size = storage.size.as_ref().map(ToString::to_string);
    json!({
        "accessModes": storage.access_mode.map(|mode| [mode.name()]),
        "resources": size.map(|size| json!({ "requests": { "storage": size } })),
        "storageClassName": storage.class,
    })
}

/// Returns a `DataSource` that refers machines to the volume of the same name. Its namespace must
/// be known, since the reference to the volume needs it.
pub fn data_source(
    meta: ObjectMeta<'_>,
    namespace: &str,
    subject: &ImageSubject,
) -> KubernetesObject {
    let value = json!({
        "apiVersion": API,
        "kind": "DataSource",
        "metadata": labelled_metadata(ObjectMeta { namespace: Some(namespace), ..meta }, subject),
        "spec": { "source": { "pvc": { "name": meta.name, "namespace": namespace } } },
    });
    value.into()
}

/// Returns a `DataImportCron` that imports the image again whenever its tag moves, and maintains a
/// `DataSource` of the same name. CDI appends the digest to the URL (`newSourceDataVolume`,
/// `pkg/controller/dataimportcron-controller.go`), so the URL must have none.
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
        "metadata": labelled_metadata(meta, subject),
        "spec": {
            "garbageCollect": "Outdated",
            "importsToKeep": cron.keep,
            "managedDataSource": meta.name,
            "retentionPolicy": retention,
            "schedule": cron.schedule,
            "template": { "spec": import_spec(subject, access, storage) },
        },
    });
    value.into()
}
