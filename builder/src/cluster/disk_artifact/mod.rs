//! *Disk artifacts*: manifests whose only layer is a disk, which a container runtime mounts as an image
//! volume, as it is. KubeVirt boots from it (kubevirt/kubevirt#18491).

mod judge;
mod kind;
mod target;

pub(crate) use self::judge::{DiskArtifactFacts, judge_disk_artifact};
pub use self::kind::ArtifactKind;
pub use self::target::{ClusterTarget, ContainerRuntime};
pub(crate) use self::target::{judge_import, judge_target};

/// Artifact type of the manifests that are built, and of their index. Readers accept any.
pub(crate) const ARTIFACT_TYPE: &str = "application/vnd.kubevirt.disk.v1";

/// Media type of the layer that is built; its title names the format of the disk.
pub(crate) const LAYER_MEDIA_TYPE: &str = "application/octet-stream";

/// Annotation of a virtual machine instance for which KubeVirt makes no container of the artifact
/// (kubevirt/kubevirt#18491).
pub(crate) const SKIP_DIGEST_RESOLUTION: &str = "kubevirt.io/image-volume-skip-digest-resolution";
