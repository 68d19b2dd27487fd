//! The options of the virtual machine.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use diskette_builder::cluster::contract::parse_disk_path;
use diskette_builder::cluster::kubernetes::{
    DiskDevice, MachineContent, MachineOptions, PreferenceRequirements, Quantity, RootDisk,
    UserData, VolumeStorage, parse_subdomain_name,
};

use super::image::ManifestImage;
use super::storage::parse_volume_size;
use super::usage_error;
use crate::error::CommandError;

/// Memory of a machine in bytes, unless something says more.
pub(in crate::commands) const MEMORY: u64 = 2 << 30;

/// The virtual machine.
#[derive(Debug, Args)]
#[command(next_help_heading = "Machine options")]
pub(super) struct MachineArguments {
    /// Disk of the virtual machine: the image itself, without persistence; a volume that the image
    /// is imported into; or a clone of the data source
    #[arg(long, value_name = "HOW", default_value = "image")]
    disk: RootPlace,

    /// Instance type [default: that of the image]
    #[arg(long, value_name = "NAME", value_parser = parse_subdomain_name)]
    #[arg(conflicts_with_all = ["memory", "cpus"])]
    instancetype: Option<String>,

    /// Preference [default: that of the image]
    #[arg(long, value_name = "NAME", value_parser = parse_subdomain_name)]
    preference: Option<String>,

    /// Memory, without an instance type [default: 2Gi, or what its preference requires]
    #[arg(long, value_name = "SIZE")]
    memory: Option<Quantity>,

    /// Number of CPUs, without an instance type [default: 1, or what its preference requires]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    cpus: Option<u32>,

    /// Path of the disk in the image, if it is not in `/disk`
    #[arg(long, value_name = "PATH", value_parser = parse_disk_path)]
    path: Option<String>,

    /// Add an empty disk of this size, for example for an installation from CD
    #[arg(long, value_name = "SIZE", value_parser = parse_volume_size)]
    empty_disk: Option<Quantity>,

    /// Command line of the kernel in the image's `/boot`
    #[arg(long, value_name = "TEXT")]
    kernel_args: Option<String>,

    /// Authorize this SSH public key, by cloud-init
    #[arg(long, value_name = "FILE", conflicts_with = "user_data")]
    pub(super) ssh_key: Option<PathBuf>,

    /// User data for cloud-init; long user data is written as a Secret
    #[arg(long, value_name = "FILE")]
    pub(super) user_data: Option<PathBuf>,
}

/// Where a machine's disk is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum RootPlace {
    Image,
    Import,
    Clone,
}

/// Memory and processors of a machine.
struct MachineSize {
    memory: Quantity,
    cpus: Option<u32>,
}

impl Default for MachineSize {
    fn default() -> Self {
        Self { memory: Quantity::fitting(MEMORY), cpus: None }
    }
}

impl MachineArguments {
    pub(super) fn root_place(&self) -> RootPlace {
        self.disk
    }

    /// Returns the path of the disk in the image.
    pub(super) fn disk_path(&self) -> Option<&str> {
        self.path.as_deref()
    }

    /// Returns the first option that is given, if any.
    pub(super) fn first_option(&self) -> Option<&'static str> {
        let given = [
            ("--disk", self.disk != RootPlace::Image),
            ("--instancetype", self.instancetype.is_some()),
            ("--preference", self.preference.is_some()),
            ("--memory", self.memory.is_some()),
            ("--cpus", self.cpus.is_some()),
            ("--path", self.path.is_some()),
            ("--empty-disk", self.empty_disk.is_some()),
            ("--kernel-args", self.kernel_args.is_some()),
            ("--ssh-key", self.ssh_key.is_some()),
            ("--user-data", self.user_data.is_some()),
        ];
        given.into_iter().find(|(_, is_given)| *is_given).map(|(option, _)| option)
    }

    /// Returns the machine, with the volume that its disk is cloned or imported into, if any.
    pub(super) fn machine<'a>(
        &'a self,
        seen: &'a ManifestImage,
        user_data: Option<&'a UserData>,
        clone: VolumeStorage<'a>,
        import: impl FnOnce() -> Result<VolumeStorage<'a>, CommandError>,
    ) -> Result<MachineOptions<'a>, CommandError> {
        let content = self.content(seen)?;
        let label = |name: &str| seen.labels.get(&format!("instancetype.kubevirt.io/{name}"));
        let is_sized = self.memory.is_some() || self.cpus.is_some();
        let own = label("default-instancetype").filter(|_| !is_sized);
        let instancetype = self.instancetype.as_ref().or(own).map(String::as_str);
        let preference =
            self.preference.as_ref().or(label("default-preference")).map(String::as_str);
        check_architecture(preference, &seen.architectures)?;
        let size = match instancetype {
            Some(_) => MachineSize::default(),
            None => self.size(preference)?,
        };
        let empty_disk = self.empty_disk.clone();
        let empty_disk = empty_disk.map(|size| VolumeStorage { size: Some(size), ..clone.clone() });
        Ok(MachineOptions {
            root: match self.disk {
                RootPlace::Image => RootDisk::Image,
                RootPlace::Import => RootDisk::Import(import()?),
                RootPlace::Clone => RootDisk::Clone(clone),
            },
            instancetype,
            preference,
            memory: size.memory,
            cpus: size.cpus,
            content,
            path: self.disk_path(),
            empty_disk,
            kernel_args: self.kernel_args.as_deref(),
            user_data,
        })
    }

    /// Returns what the machine boots of the image, and refuses what does not go with it.
    fn content(&self, seen: &ManifestImage) -> Result<MachineContent, CommandError> {
        let Some(content) = seen.content.clone() else {
            let path = self.disk_path().unwrap_or_default();
            let message = format!("the image has no file `{path}`");
            return Err(usage_error(message, "name the path of its disk, or leave out `--path`"));
        };
        if self.path.is_some() && self.disk != RootPlace::Image {
            let message = "`--path` is for a disk in the image, and CDI imports from `/disk` alone";
            return Err(usage_error(message.into(), "use `--disk image`"));
        }
        if content.is_artifact && (self.path.is_some() || self.disk != RootPlace::Image) {
            let option = if self.path.is_some() { "--path" } else { "--disk" };
            let message = format!("`{option}` is for images, and this is a disk artifact");
            return Err(usage_error(
                message,
                "leave it out: KubeVirt mounts the artifact as it is",
            ));
        }
        if content.disk.is_none() && self.disk != RootPlace::Image {
            let message = "the image has a kernel alone, and no disk for a volume".into();
            return Err(usage_error(
                message,
                "use `--disk image`, with `--empty-disk 20Gi` if the kernel needs one",
            ));
        }
        if self.empty_disk.is_some() && content.disk == Some(DiskDevice::Disk) {
            let message = "the image has a disk, which the machine boots".into();
            return Err(usage_error(
                message,
                "leave out `--empty-disk`: it is for CDs and kernels",
            ));
        }
        if self.kernel_args.is_some() && content.kernel.is_none() {
            let message = "no kernel is seen in the image's `/boot`".into();
            return Err(usage_error(message, "leave out `--kernel-args`"));
        }
        Ok(content)
    }

    /// Returns the size of a machine without an instance type, which KubeVirt refuses if it is less
    /// than its preference requires.
    fn size(&self, preference: Option<&str>) -> Result<MachineSize, CommandError> {
        let mut size = MachineSize {
            memory: self.memory.clone().unwrap_or_else(|| Quantity::fitting(MEMORY)),
            cpus: self.cpus,
        };
        let Some(name) = preference else { return Ok(size) };
        let least = PreferenceRequirements::of_preference(name);
        let refuse = |what: &str, option: &str| {
            let message =
                format!("the preference `{name}` requires {what}, and a cluster refuses less");
            usage_error(message, &format!("use at least `{option}`, or leave it out"))
        };
        match self.cpus {
            Some(cpus) if cpus < least.cpus => {
                let what = format!("{} processors", least.cpus);
                return Err(refuse(&what, &format!("--cpus {}", least.cpus)));
            }
            None if least.cpus > 1 => size.cpus = Some(least.cpus),
            _ => {}
        }
        if size.memory.bytes() < least.memory {
            let memory = Quantity::fitting(least.memory);
            if self.memory.is_some() {
                return Err(refuse(&format!("{memory} of memory"), &format!("--memory {memory}")));
            }
            size.memory = memory;
        }
        Ok(size)
    }
}

/// Refuses a preference for another architecture than the image's: the webhook for virtual machines
/// does so too.
fn check_architecture(
    preference: Option<&str>,
    architectures: &[String],
) -> Result<(), CommandError> {
    let Some(name) = preference else { return Ok(()) };
    let Some(required) = PreferenceRequirements::of_preference(name).architecture else {
        return Ok(());
    };
    if architectures.is_empty() || architectures.iter().any(|own| own == required) {
        return Ok(());
    }
    let own = architectures.join(", ");
    let message =
        format!("the preference `{name}` requires {required}, and the image is for {own}");
    Err(usage_error(message, "name a preference for the image's architecture with `--preference`"))
}
