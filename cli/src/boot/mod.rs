//! A *boot* test starts QEMU on a snapshot of a disk, which stays as it is, and waits for expected
//! output on the serial console.

mod arguments;
mod console;
mod disk;
mod firmware;
mod machine;
mod outcome;
mod seed;
mod watch;

use std::path::Path;
use std::time::Duration;

use diskette_builder::oci::image::platform::Platform;
use diskette_builder::oci::image_documents::PlatformImage;
use diskette_builder::oci::images::Images;
use diskette_builder::oci::progress::{Progress as _, ProgressEvent};
use diskette_builder::recipe::diagnostic::Diagnostic;

pub(crate) use self::arguments::BootArguments;
use self::arguments::{AcceleratorArgument, BootedPlatforms, FirmwareArgument};
use self::disk::UnpackedDisk;
use self::firmware::Firmware;
use self::machine::{Accelerator, Machine, find_program};
pub(crate) use self::outcome::BootOutcome;
use self::watch::{BootVerdict, ConsoleWait};
use crate::environment::Environment;
use crate::error::CommandError;
use crate::files::temporary_dir::TemporaryDir;
use crate::files::write_file;
use crate::ui::progress::ProgressView;

/// What a boot test needs besides a disk.
#[derive(Clone, Copy)]
pub(crate) struct BootContext<'a> {
    pub(crate) images: &'a dyn Images,
    pub(crate) environment: &'a Environment,
    pub(crate) progress: &'a ProgressView,
}

impl BootArguments {
    /// Checks that all platforms can be booted here, before anything is read.
    pub(crate) fn check(
        images: &[&PlatformImage],
        environment: &Environment,
    ) -> Result<(), CommandError> {
        for platform in images.iter().filter_map(|image| image.platform()) {
            let machine = machine_for(&platform)?;
            find_program(machine, environment)?;
        }
        Ok(())
    }

    /// Boots the disks of the images one after the other.
    pub(crate) fn run(
        &self,
        images: &[&PlatformImage],
        ground: BootContext<'_>,
    ) -> Result<Vec<BootOutcome>, CommandError> {
        let company =
            if images.len() > 1 { BootedPlatforms::Several } else { BootedPlatforms::Alone };
        images.iter().map(|&image| self.boot(image, company, ground)).collect()
    }

    fn boot(
        &self,
        image: &PlatformImage,
        company: BootedPlatforms,
        ground: BootContext<'_>,
    ) -> Result<BootOutcome, CommandError> {
        let nameless = || Diagnostic::new("cannot boot an image that names no platform");
        let platform = image.platform().ok_or_else(nameless)?;
        let temporary = &ground.environment.temporary;
        let directory = TemporaryDir::new(temporary)?;
        let machine = machine_for(&platform)?;
        let program = find_program(machine, ground.environment)?;
        let disk = match UnpackedDisk::unpack(image, directory.path(), ground)? {
            Ok(disk) => disk,
            Err(error) => return Ok(BootOutcome::refused(platform, error.to_string())),
        };
        let firmware = self.choose_firmware(machine, &platform, &disk, &program)?;
        let seed = directory.path().join("seed.img");
        write_file(&seed, &seed::seed_disk())?;
        let console = self.console.as_ref().map(|path| company.console_path(path, &platform));
        let start = MachineStart {
            arguments: self,
            machine,
            program: &program,
            firmware: &firmware,
            disk: &disk,
            seed: &seed,
            directory: directory.path(),
            console: console.as_deref(),
            progress: ground.progress,
        };
        let (accelerator, verdict, seconds) = start.run(&platform)?;
        let (accelerator, firmware) = (Some(accelerator), Some(firmware.name()));
        Ok(BootOutcome { platform, accelerator, firmware, verdict, seconds, console })
    }

    fn choose_firmware(
        &self,
        machine: &Machine,
        platform: &Platform,
        disk: &UnpackedDisk,
        program: &Path,
    ) -> Result<Firmware, Diagnostic> {
        let wants_uefi = match self.firmware {
            FirmwareArgument::Auto => machine.needs_uefi || !disk.has_boot_code,
            FirmwareArgument::Bios if machine.needs_uefi => {
                let message = format!("no machine for {platform} starts with a BIOS");
                return Err(Diagnostic::new(message).help("leave `--firmware` out"));
            }
            FirmwareArgument::Bios => false,
            FirmwareArgument::Uefi => true,
        };
        if !wants_uefi || machine.flashes.is_empty() {
            return Ok(Firmware::BuiltIn(machine.built_in));
        }
        let flash = firmware::find_uefi(machine, program);
        flash.ok_or_else(|| {
            let message = format!("cannot boot {platform}: there is no UEFI for it here");
            Diagnostic::new(message).help(format!("install {}", machine.flash_packages))
        })
    }
}

fn machine_for(platform: &Platform) -> Result<&'static Machine, Diagnostic> {
    machine::find_machine(&platform.architecture).ok_or_else(|| {
        let message = format!("cannot boot {platform}: no virtual machine is known for it");
        Diagnostic::new(message).help(format!("choose one of {}", machine::known_architectures()))
    })
}

/// Everything a virtual machine is started with, except its accelerator.
struct MachineStart<'a> {
    arguments: &'a BootArguments,
    machine: &'a Machine,
    program: &'a Path,
    firmware: &'a Firmware,
    disk: &'a UnpackedDisk,
    seed: &'a Path,
    /// Directory for QEMU's temporary files.
    directory: &'a Path,
    console: Option<&'a Path>,
    progress: &'a ProgressView,
}

impl MachineStart<'_> {
    /// Boots with the selected accelerator, and returns the verdict and the time in seconds.
    fn run(&self, platform: &Platform) -> Result<(Accelerator, BootVerdict, f64), CommandError> {
        match self.arguments.accelerator {
            AcceleratorArgument::Kvm => self.run_on(Accelerator::Kvm, platform),
            AcceleratorArgument::Auto if self.machine.has_kvm() => {
                match self.run_on(Accelerator::Kvm, platform)? {
                    // Nested virtual machines often have a KVM that cannot run everything.
                    (_, verdict, _) if verdict.is_qemu_failure() => {
                        self.run_on(Accelerator::Tcg, platform)
                    }
                    tried => Ok(tried),
                }
            }
            _ => self.run_on(Accelerator::Tcg, platform),
        }
    }

    fn run_on(
        &self,
        accelerator: Accelerator,
        platform: &Platform,
    ) -> Result<(Accelerator, BootVerdict, f64), CommandError> {
        let how = accelerator.name();
        self.progress.report(ProgressEvent::Note(&format!("booting {platform} ({how})")));
        let mut command = self.machine.command(self.program, accelerator, self.arguments.memory);
        command.env("TMPDIR", self.directory);
        self.firmware.add_to(&mut command);
        self.machine.add_disk(&mut command, &self.disk.path, self.disk.format);
        self.machine.add_seed(&mut command, self.seed);
        let wait = ConsoleWait {
            expect: &self.arguments.expect,
            limit: Duration::from_secs(self.arguments.boot_timeout),
            console: self.console,
            progress: self.progress,
        };
        let (verdict, time) = wait.watch(command)?;
        Ok((accelerator, verdict, time.as_secs_f64()))
    }
}
