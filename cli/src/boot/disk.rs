//! The *disk* of an image as a file for QEMU, in a temporary directory.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cap_std::ambient_authority;
use diskette_builder::disk::examine_disk;
use diskette_builder::disk::guest::{self, GuestError};
use diskette_builder::inspect::extract::{ExtractContext, ExtractError, SparseFile, extract_disk};
use diskette_builder::oci::image_documents::PlatformImage;
use diskette_builder::oci::tar::TarLimits;

use super::BootContext;
use crate::error::{CommandError, cannot};
use crate::files::disk_file::DiskFile;

/// A disk that was extracted to a file.
#[derive(Debug)]
pub(super) struct UnpackedDisk {
    pub(super) path: PathBuf,
    /// QEMU's name of the format.
    pub(super) format: &'static str,
    /// Whether the first sector has code for a BIOS.
    pub(super) has_boot_code: bool,
}

impl UnpackedDisk {
    /// Extracts the disk of an image to a directory; zeros become holes. A disk that refers to
    /// other files is refused, since QEMU would open them on this machine.
    pub(super) fn unpack(
        image: &PlatformImage,
        directory: &Path,
        ground: BootContext<'_>,
    ) -> Result<Result<Self, GuestError>, CommandError> {
        let path = directory.join("disk");
        let file = cap_std::fs::File::create_ambient(&path, ambient_authority());
        let mut file = file.map_err(cannot("write", path.display()))?;
        let BootContext { images, progress, .. } = ground;
        let limits = TarLimits::default();
        let context = ExtractContext { images, limits, disk: None, seeds: &[], progress };
        match extract_disk(image, &mut SparseFile::new(&mut file), &context) {
            Ok(_) => drop(file),
            Err(ExtractError::Cancelled) => return Err(CommandError::Interrupted),
            Err(error) => return Err(cannot("unpack the disk to", path.display())(error).into()),
        }
        let looked = examine_file(&path).map_err(cannot("read", path.display()))?;
        Ok(looked.map(|(format, has_boot_code)| Self { path, format, has_boot_code }))
    }
}

/// Returns the format, and whether the first sector of the guest has boot code.
fn examine_file(path: &Path) -> io::Result<Result<(&'static str, bool), GuestError>> {
    let bytes = Arc::new(DiskFile::open(path)?);
    let format = examine_disk(&*bytes)?.format;
    let guest = match guest::open(bytes, format) {
        Ok(guest) => guest,
        Err(error) => return Ok(Err(error)),
    };
    let mut sector = [0; 512];
    // A disk that is shorter than a sector has no code.
    drop(guest.read_exact_at(&mut sector, 0));
    Ok(Ok((format.qemu_name(), has_boot_code(&sector))))
}

fn has_boot_code(sector: &[u8; 512]) -> bool {
    // The partition table and the signature are not code.
    sector.ends_with(&[0x55, 0xaa]) && sector.iter().take(440).any(|&byte| byte != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bios_starts_code_and_not_tables() {
        let check = |bytes: &[(usize, u8)], expected: bool| {
            let mut sector = [0; 512];
            for &(at, byte) in bytes {
                sector[at] = byte;
            }
            assert_eq!(has_boot_code(&sector), expected, "{bytes:?}");
        };
        check(&[], false);
        check(&[(0, 0xeb)], false);
        check(&[(0, 0xeb), (510, 0x55), (511, 0xaa)], true);
        // The protective MBR of a GPT, and a disk signature.
        check(&[(440, 1), (450, 0xee), (510, 0x55), (511, 0xaa)], false);
    }
}
