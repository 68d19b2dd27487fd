//! The *report* of a verification: which images were verified, and what was found.

use crate::cluster::contract::Finding;
use crate::cluster::disk_artifact::{ClusterTarget, judge_import, judge_target};
use crate::disk;
use crate::inspect::vm::SeenMachine;
use crate::oci::image::digest::Digest;
use crate::oci::image::platform::Platform;

/// What `--for` says of container images, and of VM artifacts.
const ANY_CLUSTER: &str = "a container image is for every version of KubeVirt and every container runtime: \
                           `--for` finds nothing in it";
const ANY_RUNTIME: &str = "importers read VM artifacts themselves, with every container runtime: \
                           `runtime=` finds nothing in them";

/// Result of a verification.
#[derive(Debug, Clone)]
pub struct VerifyReport {
    /// Digest of the index, or of the only image's manifest.
    pub root: Digest,
    /// Images that were verified, in the order of the index.
    pub images: Vec<VerifiedImage>,
    /// Findings about the index, then about each image, worst first.
    pub findings: Vec<Finding>,
}

/// One image that was verified.
#[derive(Debug, Clone)]
pub struct VerifiedImage {
    /// Platform of the image, if a document declares it.
    pub platform: Option<Platform>,
    /// Digest of its manifest.
    pub manifest: Digest,
    /// What it is.
    pub content: VerifiedContent,
}

/// What a manifest is.
#[derive(Debug, Clone)]
pub enum VerifiedContent {
    /// A container image, with the disk that both KubeVirt and CDI find in it, if they find the same.
    Image(Option<VerifiedDisk>),
    /// A VM artifact.
    Machine(SeenMachine),
    /// A disk artifact, with its disk if it is one.
    DiskArtifact(Option<VerifiedDisk>),
}

impl VerifiedImage {
    /// Returns the disk, unless this is a VM artifact.
    pub fn disk(&self) -> Option<&VerifiedDisk> {
        match &self.content {
            VerifiedContent::Image(disk) | VerifiedContent::DiskArtifact(disk) => disk.as_ref(),
            VerifiedContent::Machine(_) => None,
        }
    }

    /// Returns the virtual machine, if this is a VM artifact.
    pub fn machine(&self) -> Option<&SeenMachine> {
        match &self.content {
            VerifiedContent::Machine(machine) => Some(machine),
            VerifiedContent::Image(_) | VerifiedContent::DiskArtifact(_) => None,
        }
    }
}

impl VerifyReport {
    /// Adds what a cluster cannot use. Returns of what it makes no difference which cluster it is, as notes.
    pub fn judge_for(&mut self, target: &ClusterTarget) -> Vec<&'static str> {
        let mut notes = Vec::new();
        for image in &self.images {
            let platform = image.platform.as_ref();
            match image.content {
                VerifiedContent::DiskArtifact(_) => {
                    self.findings.extend(judge_target(platform, target));
                }
                VerifiedContent::Machine(_) => {
                    self.findings.extend(judge_import(platform, target));
                    notes.extend(target.runtime.is_some().then_some(ANY_RUNTIME));
                }
                VerifiedContent::Image(_) => notes.push(ANY_CLUSTER),
            }
        }
        notes.dedup();
        notes
    }
}

/// A disk in an image.
#[derive(Debug, Clone)]
pub struct VerifiedDisk {
    /// Path in the image, without a slash in front.
    pub path: String,
    /// Format and flaws, as far as its first bytes show them.
    pub info: disk::DiskInfo,
}
