//! The options of boot tests.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use diskette_builder::oci::image::platform::Platform;
use regex::bytes::Regex;

use super::console::parse_expect;

/// How virtual machines are tried.
#[derive(Debug, Args)]
pub(crate) struct BootArguments {
    /// Also boot the disk of each platform with QEMU, on a snapshot and with a cloud-init seed,
    /// until its serial console shows the expected text; the disk is written to $TMPDIR meanwhile
    #[arg(long)]
    pub(crate) boot: bool,

    /// Regular expression that the output of the console must match
    #[arg(long, value_name = "REGEX", default_value = "login:", value_parser = parse_expect)]
    #[arg(requires = "boot")]
    pub(super) expect: Regex,

    /// Time limit for each platform, in seconds
    #[arg(long, value_name = "SECONDS", default_value = "300", requires = "boot")]
    #[arg(value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub(super) boot_timeout: u64,

    /// Write the console output to FILE, or to FILE.ARCH for each of several platforms
    #[arg(long, value_name = "FILE", requires = "boot")]
    pub(super) console: Option<PathBuf>,

    /// Memory of the machine, in MiB
    #[arg(long = "boot-memory", alias = "memory")]
    #[arg(value_name = "MIB", default_value = "1024", requires = "boot")]
    #[arg(value_parser = clap::value_parser!(u32).range(64..=1_048_576))]
    pub(super) memory: u32,

    /// Firmware of the machine; auto is UEFI if the disk has no boot code for a BIOS
    #[arg(long, value_name = "HOW", default_value = "auto", requires = "boot")]
    pub(super) firmware: FirmwareArgument,

    /// Accelerator of the machine; auto is KVM if available, which is much faster
    #[arg(long, value_name = "HOW", default_value = "auto", requires = "boot")]
    pub(super) accelerator: AcceleratorArgument,
}

/// A value of `--firmware`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum FirmwareArgument {
    /// Detected from the disk
    Auto,
    /// KubeVirt's default
    Bios,
    /// KubeVirt's `bootloader: { efi: {} }`
    Uefi,
}

/// A value of `--accelerator`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum AcceleratorArgument {
    /// KVM if available
    Auto,
    /// Hardware virtualization
    Kvm,
    /// Emulation by QEMU
    Tcg,
}

/// Whether one platform is booted or several.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BootedPlatforms {
    Alone,
    Several,
}

impl BootedPlatforms {
    /// Returns the file for the console of a platform.
    pub(super) fn console_path(self, path: &Path, platform: &Platform) -> PathBuf {
        if self == Self::Alone {
            return path.into();
        }
        let mut path = path.as_os_str().to_owned();
        path.push(format!(".{}", platform.architecture));
        path.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn consoles_of_several_platforms_have_a_file_each() {
        let check = |company: BootedPlatforms, expected: &str| {
            let platform = "linux/arm64".parse().unwrap();
            assert_eq!(company.console_path(Path::new("a/log"), &platform), Path::new(expected));
        };
        check(BootedPlatforms::Alone, "a/log");
        check(BootedPlatforms::Several, "a/log.arm64");
    }
}
