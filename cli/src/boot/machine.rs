//! The *machines*: QEMU's options for each architecture, so that a disk finds the devices that it
//! has under KubeVirt.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use diskette_builder::recipe::diagnostic::Diagnostic;
use rustix::fs::{Access, access};

use crate::environment::Environment;

/// A virtual machine of one architecture.
#[derive(Debug)]
pub(crate) struct Machine {
    /// OCI's name of the architecture.
    architecture: &'static str,
    /// Rust's name of the architecture.
    host: &'static str,
    /// Name of QEMU's program.
    program: &'static str,
    /// Packages with the program, for messages.
    packages: &'static str,
    /// QEMU's name of the machine type, with options.
    board: &'static str,
    /// Processor model of the emulation; with KVM it is the host's.
    processor: &'static str,
    /// Bus of the devices.
    bus: &'static str,
    /// Whether the machine can only start with UEFI.
    pub(super) needs_uefi: bool,
    /// Name of the firmware that it starts with otherwise.
    pub(super) built_in: &'static str,
    /// Paths below a `share` directory where UEFI may be: the program, and its initial variables.
    pub(super) flashes: &'static [(&'static str, &'static str)],
    /// Packages with UEFI, for messages.
    pub(super) flash_packages: &'static str,
}

const MACHINES: [Machine; 3] = [
    Machine {
        architecture: "amd64",
        host: "x86_64",
        program: "qemu-system-x86_64",
        packages: "`qemu-system-x86` (Debian, Fedora) or `qemu-kvm` (RHEL)",
        // Without graphics, what the BIOS prints goes to the serial console.
        board: "q35,graphics=off",
        processor: "max",
        bus: "pci",
        needs_uefi: false,
        built_in: "bios",
        flashes: &[
            ("OVMF/OVMF_CODE_4M.fd", "OVMF/OVMF_VARS_4M.fd"),
            ("OVMF/OVMF_CODE.fd", "OVMF/OVMF_VARS.fd"),
            ("edk2/ovmf/OVMF_CODE.fd", "edk2/ovmf/OVMF_VARS.fd"),
            ("edk2/x64/OVMF_CODE.4m.fd", "edk2/x64/OVMF_VARS.4m.fd"),
            ("qemu/edk2-x86_64-code.fd", "qemu/edk2-i386-vars.fd"),
        ],
        flash_packages: "`ovmf` (Debian) or `edk2-ovmf` (Fedora, RHEL)",
    },
    Machine {
        architecture: "arm64",
        host: "aarch64",
        program: "qemu-system-aarch64",
        packages: "`qemu-system-arm` (Debian) or `qemu-system-aarch64` (Fedora)",
        board: "virt",
        processor: "cortex-a72",
        bus: "pci",
        needs_uefi: true,
        built_in: "none",
        flashes: &[
            ("AAVMF/AAVMF_CODE.no-secboot.fd", "AAVMF/AAVMF_VARS.fd"),
            ("AAVMF/AAVMF_CODE.fd", "AAVMF/AAVMF_VARS.fd"),
            ("edk2/aarch64/QEMU_EFI-pflash.raw", "edk2/aarch64/vars-template-pflash.raw"),
            ("qemu/edk2-aarch64-code.fd", "qemu/edk2-arm-vars.fd"),
        ],
        flash_packages: "`qemu-efi-aarch64` (Debian) or `edk2-aarch64` (Fedora)",
    },
    Machine {
        architecture: "s390x",
        host: "s390x",
        program: "qemu-system-s390x",
        packages: "`qemu-system-misc` (Debian) or `qemu-system-s390x` (Fedora)",
        board: "s390-ccw-virtio",
        processor: "max",
        bus: "ccw",
        needs_uefi: false,
        built_in: "ipl",
        flashes: &[],
        flash_packages: "",
    },
];

/// What executes the instructions of a machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Accelerator {
    Kvm,
    Tcg,
}

impl Accelerator {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Kvm => "kvm",
            Self::Tcg => "tcg",
        }
    }
}

/// Returns the machine for an architecture.
pub(super) fn find_machine(architecture: &str) -> Option<&'static Machine> {
    MACHINES.iter().find(|machine| machine.architecture == architecture)
}

/// Returns the architectures that have a machine, for messages.
pub(super) fn known_architectures() -> impl fmt::Display {
    MACHINES.map(|machine| machine.architecture).join(", ")
}

/// Finds QEMU's program in `$PATH`.
pub(super) fn find_program(
    machine: &Machine,
    environment: &Environment,
) -> Result<PathBuf, Diagnostic> {
    let path = environment.variable("PATH").unwrap_or_default();
    let mut candidates =
        std::env::split_paths(&path).map(|directory| directory.join(machine.program));
    candidates.find(|path| access(path, Access::EXEC_OK).is_ok() && path.is_file()).ok_or_else(
        || {
            let Machine { architecture, program, packages, .. } = machine;
            let message =
                format!("cannot boot linux/{architecture}: there is no `{program}` in $PATH");
            Diagnostic::new(message).help(format!("install {packages}"))
        },
    )
}

impl Machine {
    /// Returns whether KVM exists for this architecture and can be used.
    pub(super) fn has_kvm(&self) -> bool {
        self.host == std::env::consts::ARCH
            && access("/dev/kvm", Access::READ_OK | Access::WRITE_OK).is_ok()
    }

    /// Returns a command that starts the machine, with its console on standard output and a network
    /// without a way out.
    pub(super) fn command(&self, program: &Path, accelerator: Accelerator, memory: u32) -> Command {
        let mut command = Command::new(program);
        let processor = match accelerator {
            Accelerator::Kvm => "host",
            Accelerator::Tcg => self.processor,
        };
        command.args(["-no-user-config", "-nodefaults", "-display", "none", "-monitor", "none"]);
        command.args(["-machine", self.board, "-accel", accelerator.name(), "-cpu", processor]);
        command.arg("-m").arg(memory.to_string()).args(["-smp", "2"]);
        command.args(["-chardev", "stdio,id=console,signal=off", "-serial", "chardev:console"]);
        command.args(["-netdev", "user,id=net,restrict=on", "-boot", "strict=on", "-device"]);
        // The machine does not boot from the network.
        let rom = if self.bus == "pci" { ",romfile=" } else { "" };
        command.arg(format!("virtio-net-{},netdev=net{rom}", self.bus));
        command
    }

    /// Adds the disk, which is not written to.
    pub(super) fn add_disk(&self, command: &mut Command, path: &Path, format: &str) {
        let options = format!("id=disk,if=none,snapshot=on,format={format},file=");
        command.arg("-drive").arg(with_path(&options, path));
        command.arg("-device").arg(format!("virtio-blk-{},drive=disk,bootindex=1", self.bus));
    }

    /// Adds the disk with cloud-init's configuration.
    pub(super) fn add_seed(&self, command: &mut Command, path: &Path) {
        let options = "id=seed,if=none,readonly=on,format=raw,file=";
        command.arg("-drive").arg(with_path(options, path));
        command.arg("-device").arg(format!("virtio-blk-{},drive=seed", self.bus));
    }
}

/// Returns an option that ends in a path; QEMU wants commas in it doubled.
pub(super) fn with_path(options: &str, path: &Path) -> OsString {
    let parts = path.as_os_str().as_encoded_bytes().split(|&byte| byte == b',');
    let mut option = OsString::from(options);
    for (index, part) in parts.enumerate() {
        if index > 0 {
            option.push(",,");
        }
        option.push(OsStr::from_bytes(part));
    }
    option
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commas_in_paths_are_doubled() {
        let check = |path: &str, expected: &str| {
            assert_eq!(with_path("file=", Path::new(path)), expected);
        };
        check("/tmp/a", "file=/tmp/a");
        check("/tmp/a,b,", "file=/tmp/a,,b,,");
    }

    #[test]
    fn machines_are_found() {
        assert!(["amd64", "arm64", "s390x"].iter().all(|name| find_machine(name).is_some()));
        assert!(find_machine("mips").is_none());
        assert_eq!(known_architectures().to_string(), "amd64, arm64, s390x");
    }
}
