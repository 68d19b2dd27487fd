//! Disks on the command line: `build DISK` builds what `init` would describe, without a spec.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use diskette_builder::disk;
use diskette_builder::recipe::diagnostic::{Diagnostic, SourceText};

use crate::arguments::names::parse_platform;
use crate::disks::text::{SpecText, SpecTextContent, spec_text};
use crate::disks::{FoundDisk, KnownBy};
use crate::error::CommandError;
use crate::files::disk_file::{has_disk_name, is_disk_file};

/// Options for disks that are built without a spec.
#[derive(Debug, Args)]
#[command(next_help_heading = "Disk options")]
pub(super) struct DiskArguments {
    /// Default instance type of virtual machines, e.g. u1.medium [default: u1.medium with a
    /// preference]
    #[arg(long, value_name = "NAME")]
    pub(super) instancetype: Option<String>,

    /// Default preference of virtual machines, e.g. fedora [default: by the file name of the disk]
    #[arg(long, value_name = "NAME")]
    pub(super) preference: Option<String>,

    /// File name of the disk in the image, e.g. disk.qcow2 [default: the name of the file]
    #[arg(long, value_name = "NAME")]
    pub(super) name: Option<String>,
}

impl DiskArguments {
    /// Refuses the options if something else than disks is built.
    pub(super) fn check_unused(&self) -> Result<(), CommandError> {
        let options = [
            ("--instancetype", &self.instancetype),
            ("--preference", &self.preference),
            ("--name", &self.name),
        ];
        match options.into_iter().find(|(_, value)| value.is_some()) {
            Some((option, _)) => {
                let message = format!("`{option}` is for `diskette build DISK`");
                let help = "set it in the spec, or in the Dockerfile with LABEL";
                Err(CommandError::Usage(Diagnostic::new(message).help(help)))
            }
            None => Ok(()),
        }
    }

    /// Refuses options that set labels if an artifact is built.
    pub(super) fn check_artifact(&self) -> Result<(), CommandError> {
        let options = [("--instancetype", &self.instancetype), ("--preference", &self.preference)];
        let Some((option, _)) = options.into_iter().find(|(_, value)| value.is_some()) else {
            return Ok(());
        };
        let message = format!("`{option}` is for images, and this is a disk artifact");
        let help = "leave it out; `diskette manifests vm` takes it";
        Err(CommandError::Usage(Diagnostic::new(message).help(help)))
    }

    /// Returns the spec for disks, and warnings about it.
    pub(super) fn describe(
        &self,
        inputs: &[String],
        platforms: &[String],
        content: SpecTextContent,
    ) -> Result<(Arc<SourceText>, Vec<Diagnostic>), CommandError> {
        let mut disks = Vec::new();
        for input in inputs {
            disks.push(find_disk(input)?);
        }
        if let ([disk], [only]) = (&mut disks[..], platforms) {
            (disk.platform, disk.known_by) = (parse_platform(only)?, KnownBy::User);
        }
        check_platforms(&disks)?;
        let unknown = disks.iter().filter(|disk| disk.known_by == KnownBy::Nothing);
        let warnings = unknown.map(unknown_platform).collect();
        let options = SpecText {
            image: None,
            placeholder: false,
            instancetype: self.instancetype.as_deref(),
            preference: self.preference.as_deref(),
            name: self.name.as_deref(),
            content,
        };
        let text = spec_text(&disks, &options);
        let name = "the spec of the disk".to_owned();
        Ok((Arc::new(SourceText { name, text }), warnings))
    }
}

/// Returns whether the arguments of a build are disks: `DISK` or `ARCH=DISK`.
pub(super) fn are_disks(inputs: &[String]) -> bool {
    let is_disk = |text: &String| {
        let path = split_architecture(text).map_or(text.as_str(), |(_, path)| path);
        if Path::new(path).exists() {
            let is_archive = || disk::archived_disk_name(path).is_some();
            return Path::new(path).is_file() && (is_disk_file(Path::new(path)) || is_archive());
        }
        has_disk_name(path)
    };
    inputs.iter().any(is_disk)
}

/// Splits `ARCH=DISK`, unless the whole text is a file.
fn split_architecture(text: &str) -> Option<(&str, &str)> {
    let (architecture, path) = text.split_once('=')?;
    let is_name = |c: char| c.is_ascii_alphanumeric() || "/_-".contains(c);
    let is_pair = !Path::new(text).exists() && architecture.chars().all(is_name);
    (is_pair && !architecture.is_empty()).then_some((architecture, path))
}

fn find_disk(text: &str) -> Result<FoundDisk, CommandError> {
    let (architecture, path) = match split_architecture(text) {
        Some((architecture, path)) => (Some(architecture), path),
        None => (None, text),
    };
    if path.contains(['\n', '\r']) {
        return Err(Diagnostic::new(format!("`{}` has a line break", path.escape_debug())).into());
    }
    let mut disk = FoundDisk::read(&PathBuf::from(path), path)?;
    if let Some(architecture) = architecture {
        (disk.platform, disk.known_by) = (parse_platform(architecture)?, KnownBy::User);
    }
    Ok(disk)
}

/// Refuses two disks for one platform.
fn check_platforms(disks: &[FoundDisk]) -> Result<(), CommandError> {
    for (number, disk) in disks.iter().enumerate() {
        let mut before = disks.iter().take(number);
        if let Some(other) = before.find(|other| other.platform == disk.platform) {
            let (name, platform) = (&disk.name, &disk.platform);
            let message = format!("`{}` and `{name}` are both for {platform}", other.name);
            let help =
                format!("name the architectures, e.g. `amd64={}` `arm64={name}`", other.name);
            return Err(CommandError::Usage(Diagnostic::new(message).help(help)));
        }
    }
    Ok(())
}

fn unknown_platform(disk: &FoundDisk) -> Diagnostic {
    let (name, platform) = (&disk.name, &disk.platform);
    let message = format!("`{name}` does not show its architecture; {platform} is assumed");
    Diagnostic::new(message).help("name it with `--platform`, e.g. `--platform linux/arm64`")
}
