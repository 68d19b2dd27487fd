//! The *report* of a verification: which images were verified, and what was found.

use crate::cluster::contract::Finding;
use crate::cluster::disk_artifact::{ClusterTarget, judge_target};
use crate::disk;
use crate::inspect::vm::SeenMachine;
use crate::oci::image::digest::Digest;
use crate::oci::image::platform::Platform;

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
    /// Adds what a cluster cannot use.
    pub fn judge_for(&mut self, target: &ClusterTarget) {
        for image in &self.images {
            if matches!(image.content, VerifiedContent::DiskArtifact(_)) {
                self.findings.extend(judge_target(image.platform.as_ref(), target));
            }
        }
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
