//! A *download* is VMware's archive as it lies on this machine, looked at once from front to back.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use super::kit::{VddkKit, VddkKitError};
use crate::engine::source::InputFiles;
use crate::oci::hashing::HashingReader;
use crate::oci::tar::{self, TarReadError};
use crate::recipe::diagnostic::Diagnostic;
use crate::recipe::{Checksum, InputFile, SourceLocation, SourceRecipe, SourceRole};

/// Several times what VMware's archives have, so that a hostile one takes no more than a few MiB.
const LIMITS: tar::TarLimits = tar::TarLimits {
    entries: 10_000,
    path: 1024,
    names: 4 << 20,
    pax: 1 << 20,
    decompressed: 16 << 30,
};

/// What to do about an archive that is not what it should be.
const HELP: &str = "give VMware's own archive, VMware-vix-disklib-*.x86_64.tar.gz";

/// VMware's archive, and the kit that was found in it.
#[derive(Debug)]
pub struct VddkDownload {
    pub(super) source: SourceRecipe,
    pub(super) kit: VddkKit,
}

impl VddkDownload {
    /// Reads an archive. Its checksum goes into the recipe: what is read again for the image is what
    /// was looked at.
    pub fn read(path: &Path, inputs: &dyn InputFiles) -> Result<Self, Diagnostic> {
        let place = path.display();
        let file = inputs.open(&InputFile::new(path)).and_then(regular);
        let file =
            file.map_err(|error| Diagnostic::new(format!("cannot read `{place}`: {error}")))?;
        let (kit, checksum) = kit(file).map_err(|error| {
            let problem = Diagnostic::new(format!("cannot use `{place}`: {error}"));
            match error {
                VddkKitError::Archive(TarReadError::Read(_)) => problem,
                VddkKitError::Archive(
                    TarReadError::Truncated(_) | TarReadError::Decompress(..),
                ) => problem.help("was the download cut off?"),
                _ => problem.help(HELP),
            }
        })?;
        let source = SourceRecipe {
            checksum: Some(checksum),
            ..SourceRecipe::new(SourceLocation::path(path), SourceRole::File)
        };
        Ok(Self { source, kit })
    }

    /// Returns the version that VMware's names of archives tell, e.g. `8.0.1-21562716` of
    /// `VMware-vix-disklib-8.0.1-21562716.x86_64.tar.gz`.
    pub(crate) fn version(&self) -> Option<&str> {
        version(self.source.location.file_name())
    }
}

fn regular(file: File) -> io::Result<File> {
    if file.metadata()?.is_file() { Ok(file) } else { Err(io::Error::other("not a regular file")) }
}

/// Returns the kit in an archive, and the checksum of the archive.
fn kit(file: impl Read + Send) -> Result<(VddkKit, Checksum), VddkKitError> {
    let mut file = HashingReader::new(file);
    let mut members = tar::read_entries(&mut file, LIMITS)?;
    let kit = VddkKit::read(&mut members)?;
    // Behind the tar is what tells whether its packing is whole.
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
