//! The *content* of the image that a machine boots: what becomes of it in a machine's devices and
//! firmware.

use serde_json::{Value, json};

use crate::cluster::kubernetes::preference::sets_firmware;
use crate::cluster::kubernetes::volume::ImageAccess;
use crate::cluster::kubernetes::{ImageSubject, MachineOptions};

/// What a machine boots of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MachineContent {
    /// The device for the image's disk; `None` if the image has only a kernel.
    pub disk: Option<DiskDevice>,
    /// Length of the disk's sectors in bytes, if they are not the usual ones of 512.
    pub sector_len: Option<u64>,
    /// Set if the disk boots by UEFI alone.
    pub uefi: Option<SecureBoot>,
    /// The kernel that KubeVirt starts itself.
    pub kernel: Option<KernelFiles>,
    /// Whether the image is a disk artifact.
    pub is_artifact: bool,
}

/// The device for a disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DiskDevice {
    /// A hard disk.
    Disk,
    /// A CD drive.
    Cdrom(CdromBus),
}

/// The bus of a CD drive. KubeVirt refuses virtio for it, and SATA on machines that are not PCs
/// (`validateBusSupport`, `pkg/storage/admitters/disks.go`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CdromBus {
    /// SATA, for which every system has a driver.
    Sata,
    /// SCSI.
    Scsi,
}

/// Whether UEFI checks signatures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecureBoot {
    /// It checks them.
    On,
    /// It does not.
    Off,
}

/// Absolute paths in the image of a kernel and its initial file system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KernelFiles {
    /// The kernel.
    pub kernel: String,
    /// The initial file system.
    pub initrd: Option<String>,
}

impl Default for MachineContent {
    /// A disk that boots in any way.
    fn default() -> Self {
        Self {
            disk: Some(DiskDevice::Disk),
            sector_len: None,
            uefi: None,
            kernel: None,
            is_artifact: false,
        }
    }
}

impl CdromBus {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Sata => "sata",
            Self::Scsi => "scsi",
        }
    }
}

/// Returns the firmware of a machine, and the features that it needs. Secure boot is KubeVirt's default
/// for UEFI and refused without SMM (`validateDomainSpec` in `vmi-create-admitter.go`): both are
/// always written.
pub(super) fn firmware(
    subject: &ImageSubject,
    access: ImageAccess<'_>,
    machine: &MachineOptions<'_>,
) -> (Option<Value>, Option<Value>) {
    if let Some(files) = &machine.content.kernel {
        let container = json!({
            "image": subject.reference.to_string(),
            "imagePullSecret": access.pull_secret,
            "kernelPath": files.kernel,
            "initrdPath": files.initrd,
        });
        let boot = json!({ "container": container, "kernelArgs": machine.kernel_args });
        return (Some(json!({ "kernelBoot": boot })), None);
    }
    let is_preferred = machine.preference.is_some_and(sets_firmware);
    let Some(secure) = machine.content.uefi.filter(|_| !is_preferred) else { return (None, None) };
    let is_secure = secure == SecureBoot::On;
    let efi = json!({ "bootloader": { "efi": { "secureBoot": is_secure } } });
    (Some(efi), is_secure.then(|| json!({ "smm": {} })))
}
