//! A *boot* tries a disk in a virtual machine: QEMU starts it on a snapshot, so that the disk stays as
//! it is, and what the machine says on its serial console is waited for.

mod console;
mod disk;
mod firmware;
mod machine;
mod seed;
mod watch;

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, ValueEnum};
use diskette_builder::oci::image::platform::Platform;
use diskette_builder::oci::image_documents::PlatformImage;
use diskette_builder::oci::images::Images;
use diskette_builder::oci::progress::{Event, Progress as _};
use diskette_builder::recipe::diagnostic::Diagnostic;
use regex::bytes::{Regex, RegexBuilder};
use serde_json::{Value, json};

use self::disk::Disk;
use self::firmware::Firmware;
use self::machine::{Accelerator, Machine, find_program};
use self::watch::{Verdict, Wait};
use crate::environment::Environment;
use crate::error::{CommandError, cannot};
use crate::files::write_file;
use crate::ui::progress::ProgressView;

/// How virtual machines are tried.
#[derive(Debug, Args)]
pub(crate) struct BootArguments {
    /// Boot the disk of each platform with QEMU too, on a snapshot and with a cloud-init seed, until
    /// its serial console shows what is expected; the disk is unpacked to $TMPDIR for the time
    #[arg(long)]
    pub(crate) boot: bool,

    /// What the console has to show, as a regular expression
    #[arg(long, value_name = "REGEX", default_value = "login:", value_parser = parse_expect)]
    #[arg(requires = "boot")]
    expect: Regex,

    /// How long that may take for each platform
    #[arg(long, value_name = "SECONDS", default_value = "300", requires = "boot")]
    #[arg(value_parser = clap::value_parser!(u64).range(1..=86_400))]
    boot_timeout: u64,

    /// Keep what the console shows in FILE; of several platforms in FILE.ARCH each
    #[arg(long, value_name = "FILE", requires = "boot")]
    console: Option<PathBuf>,

    /// Memory of the machine, in MiB
    #[arg(long, value_name = "MIB", default_value = "1024", requires = "boot")]
    #[arg(value_parser = clap::value_parser!(u32).range(64..=1_048_576))]
    memory: u32,

    /// What the machine starts with; auto is UEFI where the disk has nothing for a BIOS to start
    #[arg(long, value_name = "HOW", default_value = "auto", requires = "boot")]
    firmware: FirmwareArgument,

    /// What runs the machine; auto is KVM where it can be used, which is much faster
    #[arg(long, value_name = "HOW", default_value = "auto", requires = "boot")]
    accelerator: AcceleratorArgument,
}

/// What can be given to `--firmware`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum FirmwareArgument {
    /// What the disk is for
    Auto,
    /// As KubeVirt does if nothing is said
    Bios,
    /// As KubeVirt does with `bootloader: { efi: {} }`
    Uefi,
}

/// What can be given to `--accelerator`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum AcceleratorArgument {
    /// KVM where it can be used
    Auto,
    /// The processor of this machine
    Kvm,
    /// QEMU's emulation
    Tcg,
}

fn parse_expect(text: &str) -> Result<Regex, String> {
    let regex = RegexBuilder::new(text).multi_line(true).build();
    regex.map_err(|error| error.to_string())
}

/// How a boot went.
#[derive(Debug)]
pub(crate) struct Boot {
    platform: Platform,
    /// Nothing where it was not tried; so for the next.
    accelerator: Option<Accelerator>,
    firmware: Option<&'static str>,
    verdict: Verdict,
    seconds: f64,
    console: Option<PathBuf>,
}

/// What boots need besides a disk.
#[derive(Clone, Copy)]
pub(crate) struct Ground<'a> {
    pub(crate) images: &'a dyn Images,
    pub(crate) environment: &'a Environment,
    pub(crate) progress: &'a ProgressView,
}

impl BootArguments {
    /// Refuses what cannot be booted here, before anything is read.
    pub(crate) fn check(
        images: &[&PlatformImage],
        environment: &Environment,
    ) -> Result<(), CommandError> {
        for platform in images.iter().filter_map(|image| image.platform()) {
            let machine = machine(&platform)?;
            find_program(machine, environment)?;
        }
        Ok(())
    }

    /// Boots the disk of each image, in turn.
    pub(crate) fn run(
        &self,
        images: &[&PlatformImage],
        ground: Ground<'_>,
    ) -> Result<Vec<Boot>, CommandError> {
        let company = if images.len() > 1 { Company::Several } else { Company::Alone };
        images.iter().map(|&image| self.boot(image, company, ground)).collect()
    }

    fn boot(
        &self,
        image: &PlatformImage,
        company: Company,
        ground: Ground<'_>,
    ) -> Result<Boot, CommandError> {
        let nameless = || Diagnostic::new("cannot boot an image that names no platform");
        let platform = image.platform().ok_or_else(nameless)?;
        let temporary = &ground.environment.temporary;
        let directory = tempfile::TempDir::new_in(temporary)
            .map_err(cannot("make a directory in", temporary.display()))?;
        let machine = machine(&platform)?;
        let program = find_program(machine, ground.environment)?;
        let disk = match Disk::unpack(image, directory.path(), ground)? {
            Ok(disk) => disk,
            Err(error) => return Ok(Boot::refused(platform, error.to_string())),
        };
        let firmware = self.choose_firmware(machine, &platform, &disk, &program)?;
        let seed = directory.path().join("seed.img");
        write_file(&seed, &seed::image())?;
        let console = self.console.as_ref().map(|path| company.path(path, &platform));

        let on = |accelerator: Accelerator| {
            let how = accelerator.name();
            let note = format!("booting {platform} ({how})");
            ground.progress.event(Event::Note(&note));
            let mut command = machine.command(&program, accelerator, self.memory);
            command.env("TMPDIR", directory.path());
            firmware.add_to(&mut command);
            machine.add_disk(&mut command, &disk.path, disk.format);
            machine.add_seed(&mut command, &seed);
            let wait = Wait {
                expect: &self.expect,
                limit: Duration::from_secs(self.boot_timeout),
                console: console.as_deref(),
                progress: ground.progress,
            };
            let (verdict, time) = wait.watch(command)?;
            Ok::<_, CommandError>((accelerator, verdict, time.as_secs_f64()))
        };
        let (accelerator, verdict, seconds) = match self.accelerator {
            AcceleratorArgument::Kvm => on(Accelerator::Kvm)?,
            AcceleratorArgument::Auto if machine.has_kvm() => match on(Accelerator::Kvm)? {
                // A machine in a machine often says that it has KVM and cannot run everything.
                (_, verdict, _) if verdict.is_qemus() => on(Accelerator::Tcg)?,
                tried => tried,
            },
            _ => on(Accelerator::Tcg)?,
        };
        let (accelerator, firmware) = (Some(accelerator), Some(firmware.name()));
        Ok(Boot { platform, accelerator, firmware, verdict, seconds, console })
    }

    fn choose_firmware(
        &self,
        machine: &Machine,
        platform: &Platform,
        disk: &Disk,
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
        let flash = firmware::find(machine, program);
        flash.ok_or_else(|| {
            let message = format!("cannot boot {platform}: there is no UEFI for it here");
            Diagnostic::new(message).help(format!("install {}", machine.flash_packages))
        })
    }
}

/// Whether a platform is the only one that is booted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Company {
    Alone,
    Several,
}

impl Company {
    /// Returns the file that a platform's console goes to.
    fn path(self, path: &Path, platform: &Platform) -> PathBuf {
        if self == Self::Alone {
            return path.into();
        }
        let mut path = path.as_os_str().to_owned();
        path.push(format!(".{}", platform.architecture));
        path.into()
    }
}

fn machine(platform: &Platform) -> Result<&'static Machine, Diagnostic> {
    machine::find(&platform.architecture).ok_or_else(|| {
        let message = format!("cannot boot {platform}: no virtual machine is known for it");
        Diagnostic::new(message).help(format!("choose one of {}", machine::known()))
    })
}

impl Boot {
    fn refused(platform: Platform, why: String) -> Self {
        let verdict = Verdict::Refused(why);
        Self { platform, accelerator: None, firmware: None, verdict, seconds: 0.0, console: None }
    }

    /// Tells whether the console showed what was expected.
    pub(crate) fn is_good(&self) -> bool {
        matches!(self.verdict, Verdict::Seen(_))
    }

    /// Returns it in a few lines for people.
    pub(crate) fn text(&self) -> String {
        let Self { platform, accelerator, firmware, seconds, .. } = self;
        let accelerator = accelerator.map(Accelerator::name).unwrap_or_default();
        let firmware = firmware.unwrap_or_default();
        let how = format!("{accelerator}, {firmware}, {seconds:.1} s");
        let mut text = match &self.verdict {
            Verdict::Seen(line) => return format!("{platform}: boots ({how}): {line}\n"),
            Verdict::Refused(why) => return format!("{platform}: not booted: {why}\n"),
            verdict => format!("{platform}: does not boot ({how}): {}\n", verdict.reason()),
        };
        for line in self.verdict.tail() {
            text.extend(["  | ", line, "\n"]);
        }
        if let Some(path) = &self.console {
            text.extend(["  = the console is in `", &path.display().to_string(), "`\n"]);
        }
        text
    }

    /// Returns it for programs.
    pub(crate) fn json(&self) -> Value {
        let (seen, reason) = match &self.verdict {
            Verdict::Seen(line) => (Some(line), None),
            verdict => (None, Some(verdict.reason())),
        };
        json!({
            "platform": self.platform.to_string(),
            "boots": self.is_good(),
            "seen": seen,
            "reason": reason,
            "accelerator": self.accelerator.map(Accelerator::name),
            "firmware": self.firmware,
            "seconds": (self.seconds * 10.0).round() / 10.0,
            "console": self.console,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn consoles_of_several_platforms_have_a_file_each() {
        let check = |company: Company, expected: &str| {
            let platform = "linux/arm64".parse().unwrap();
            assert_eq!(company.path(Path::new("a/log"), &platform), Path::new(expected));
        };
        check(Company::Alone, "a/log");
        check(Company::Several, "a/log.arm64");
    }
}
