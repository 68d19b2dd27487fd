//! VMware's *archive* as a local file, which is read once from front to back.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use super::content::CONTENT_START;
use super::error::VddkKitError;
use super::kit::VddkKit;
use crate::engine::source::InputFiles;
use crate::oci::hashing::HashingReader;
use crate::oci::tar::{self, TarReadError};
use crate::recipe::diagnostic::Diagnostic;
use crate::recipe::{Checksum, InputFile, SourceLocation, SourceRecipe, SourceRole};

/// Several times the figures of VMware's archives, so that a hostile one takes a few MiB at most.
const LIMITS: tar::TarLimits = tar::TarLimits {
    entries: 10_000,
    path: 1024,
    names: 4 << 20,
    pax: 1 << 20,
    decompressed: 16 << 30,
};

/// Help for an archive that does not hold a kit.
const WRONG_ARCHIVE_HELP: &str = "give VMware's own archive, VMware-vix-disklib-*.x86_64.tar.gz";

/// Help for an archive that was packed again.
const LOST_LINKS_HELP: &str =
    "it was packed again where symbolic links do not survive: on Windows, or by a zip tool";

/// VMware's archive, and the kit in it.
#[derive(Debug)]
pub struct VddkArchive {
    pub(super) source: SourceRecipe,
    pub(super) kit: VddkKit,
}

impl VddkArchive {
    /// Reads an archive. Its checksum goes into the recipe, so that the build fails if the file has
    /// changed since.
    pub fn read(path: &Path, inputs: &dyn InputFiles) -> Result<Self, Diagnostic> {
        let path_shown = path.display();
        let file = inputs.open(&InputFile::new(path)).and_then(require_regular_file);
        let file =
            file.map_err(|error| Diagnostic::new(format!("cannot read `{path_shown}`: {error}")))?;
        let (kit, checksum) = read_kit(file).map_err(|error| {
            let problem = Diagnostic::new(format!("cannot use `{path_shown}`: {error}"));
            match error {
                VddkKitError::Archive(TarReadError::Read(_)) => problem,
                VddkKitError::Archive(
                    TarReadError::Truncated(_) | TarReadError::Decompress(..),
                ) => problem.help("was the download cut off?"),
                VddkKitError::LostLink { .. } => {
                    problem.help(LOST_LINKS_HELP).help(WRONG_ARCHIVE_HELP)
                }
                _ => problem.help(WRONG_ARCHIVE_HELP),
            }
        })?;
        let source = SourceRecipe {
            checksum: Some(checksum),
            ..SourceRecipe::new(SourceLocation::path(path), SourceRole::File)
        };
        Ok(Self { source, kit })
    }

    /// Returns the paths in the kit of files that are left out: metadata of macOS.
    pub fn left_out(&self) -> &[String] {
        &self.kit.left_out
    }

    /// Returns the version in the archive's name, e.g. `8.0.1-21562716` for
    /// `VMware-vix-disklib-8.0.1-21562716.x86_64.tar.gz`.
    pub(crate) fn find_version(&self) -> Option<&str> {
        version(self.source.location.file_name())
    }
}

fn require_regular_file(file: File) -> io::Result<File> {
    if file.metadata()?.is_file() { Ok(file) } else { Err(io::Error::other("not a regular file")) }
}

/// Returns the kit in an archive, and the checksum of the archive.
fn read_kit(file: impl Read + Send) -> Result<(VddkKit, Checksum), VddkKitError> {
    let mut file = HashingReader::new(file);
    let mut members = tar::read_entries(&mut file, LIMITS)?;
    let kit = VddkKit::from_members(std::iter::from_fn(|| {
        let entry = members.next()?;
        Some(entry.and_then(|entry| Ok((entry, members.read_content_start(CONTENT_START)?))))
    }))?;
    // The trailer of the compression is behind the end of the tar.
    members.drain()?;
    drop(members);
    io::copy(&mut file, &mut io::sink()).map_err(TarReadError::Read)?;
    Ok((kit, Checksum::Sha256(file.digest().to_hex())))
}

fn version(name: &str) -> Option<&str> {
    let (_, rest) = name.split_once("vix-disklib-")?;
    let end =
        rest.find(|c: char| !c.is_ascii_digit() && c != '.' && c != '-').unwrap_or(rest.len());
    let version = rest[..end].trim_end_matches(['.', '-']);
    version.starts_with(|c: char| c.is_ascii_digit()).then_some(version)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_off_names() {
        let check = |name: &str, expected: Option<&str>| {
            assert_eq!(version(name), expected, "{name}");
        };
        check("VMware-vix-disklib-8.0.1-21562716.x86_64.tar.gz", Some("8.0.1-21562716"));
        check("VMware--vix-disklib-8.0.1-21562716.x86_64.tar.gz", Some("8.0.1-21562716"));
        check("VMware-vix-disklib-8.0.3.tar", Some("8.0.3"));
        check("VMware-vix-disklib-7", Some("7"));
        check("VMware-vix-disklib-.tar", None);
        check("VMware-vix-disklib-x86.tar", None);
        check("vddk.tar.gz", None);
    }
}
