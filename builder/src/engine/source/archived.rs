//! *Archived* disks: the source is a tar with a disk in it, or an OVA, which is a tar with the
//! description of a machine (DMTF DSP0243, section 5.3).

use std::io::{self, Read, Seek, SeekFrom};

use thiserror::Error;

use super::names::list_names;
use crate::compression::CompressionFormat;
use crate::disk::ovf::{self, Ovf, OvfError};
use crate::disk::{ReadAt, has_disk_extension};
use crate::oci::tar::{TarEntryKind, TarLimits, TarReadError, TarReader};
use crate::recipe::ArchivedDisk;

/// A disk in an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DiskMember {
    /// Name in the archive.
    pub name: String,
    /// Offset of the content in the tar, in bytes.
    pub offset: u64,
    /// Length of the content in bytes.
    pub size: u64,
}

/// Why no disk can be taken out of an archive.
#[derive(Debug, Error)]
pub enum ArchivedError {
    /// The archive cannot be read.
    #[error("{0}")]
    Tar(#[from] TarReadError),
    /// The description of the machine cannot be used.
    #[error("its description: {0}")]
    Ovf(#[from] OvfError),
    /// No file is a disk.
    #[error("there is no disk in the archive")]
    NoDisk,
    /// Several files are disks.
    #[error("the archive has several disks: {}", list_names(.0))]
    Several(Vec<String>),
    /// The requested disk does not exist.
    #[error("the archive has no disk {wanted}; its disks are {}", list_names(.names))]
    Unknown {
        /// Name or number that was requested.
        wanted: String,
        /// Names of the disks.
        names: Vec<String>,
    },
    /// A file of the description is not in the archive.
    #[error("`{0}`, which its description names, is not in the archive")]
    Missing(String),
    /// A disk is split into chunks.
    #[error("the disk `{0}` in it is split into chunks")]
    Chunked(String),
    /// A disk is compressed as a whole.
    #[error("the disk `{0}` in it is compressed with {1}")]
    Compressed(String, CompressionFormat),
}

/// Finds a disk in a tar that is not compressed; contents of other files are not read.
pub fn find_disk_member(
    archive: &dyn ReadAt,
    choice: &ArchivedDisk,
) -> Result<DiskMember, ArchivedError> {
    let tar = TarReader::new(Cursor { bytes: archive, at: 0 }, None, TarLimits::default());
    let member = ArchiveListing::read(tar, TarReader::seek_over)?.choose(choice)?;
    let end = member.offset.saturating_add(member.size);
    if end > archive.len() {
        return Err(TarReadError::Truncated(archive.len()).into());
    }
    Ok(member)
}

/// Finds a disk in a decompressed tar that is read as a stream.
pub(super) fn find_streamed_member<R: Read>(
    tar: TarReader<R>,
    choice: &ArchivedDisk,
) -> Result<DiskMember, ArchivedError> {
    ArchiveListing::read(tar, |_| Ok(()))?.choose(choice)
}

/// The files of an archive.
struct ArchiveListing {
    files: Vec<DiskMember>,
    /// The description of the machine; the first one counts.
    ovf: Option<Ovf>,
}

impl ArchiveListing {
    fn read<R: Read>(
        mut tar: TarReader<R>,
        skip: impl Fn(&mut TarReader<R>) -> Result<(), TarReadError>,
    ) -> Result<Self, ArchivedError> {
        let mut listing = Self { files: Vec::new(), ovf: None };
        while let Some(entry) = tar.next().transpose()? {
            if entry.kind != TarEntryKind::File {
                continue;
            }
            let is_ovf = entry.path.to_ascii_lowercase().ends_with(".ovf");
            if is_ovf && listing.ovf.is_none() {
                if entry.size > ovf::LEN_MAX {
                    return Err(OvfError::TooLong.into());
                }
                let text = tar.read_whole_content()?;
                listing.ovf = Some(Ovf::parse(&String::from_utf8_lossy(&text))?);
            } else {
                skip(&mut tar)?;
            }
            let (name, offset, size) = (entry.path, entry.offset, entry.size);
            listing.files.push(DiskMember { name, offset, size });
        }
        Ok(listing)
    }

    fn choose(self, choice: &ArchivedDisk) -> Result<DiskMember, ArchivedError> {
        let Some(ovf) = &self.ovf else { return self.choose_by_name(choice) };
        let number = match choice {
            ArchivedDisk::Default => Some(0),
            ArchivedDisk::Number(number) => number.checked_sub(1),
            ArchivedDisk::Name(name) => {
                ovf.disks.iter().position(|disk| [&disk.id, &disk.file].contains(&name))
            }
        };
        let disk = number.and_then(|number| ovf.disks.get(number)).ok_or_else(|| {
            let names = ovf.disks.iter().map(|disk| disk.file.clone()).collect();
            ArchivedError::Unknown { wanted: choice.to_string(), names }
        })?;
        let file = disk.file.strip_prefix("./").unwrap_or(&disk.file).to_owned();
        if disk.is_chunked {
            return Err(ArchivedError::Chunked(file));
        }
        if disk.is_gzip {
            return Err(ArchivedError::Compressed(file, CompressionFormat::Gzip));
        }
        let found = self.files.into_iter().find(|member| member.name == file);
        found.ok_or(ArchivedError::Missing(file))
    }

    /// Chooses a disk of an archive without a description: by the ends of names, or the only file.
    fn choose_by_name(self, choice: &ArchivedDisk) -> Result<DiskMember, ArchivedError> {
        let is_visible = |member: &DiskMember| {
            !member.name.rsplit('/').next().unwrap_or_default().starts_with('.') && member.size > 0
        };
        let files: Vec<DiskMember> = self.files.into_iter().filter(is_visible).collect();
        let is_disk = |member: &&DiskMember| {
            let name = CompressionFormat::from_name(&member.name)
                .map_or(&*member.name, |compression| compression.strip_suffix(&member.name));
            has_disk_extension(name)
        };
        let disks: Vec<DiskMember> = files.iter().filter(is_disk).cloned().collect();
        let disks = if disks.is_empty() { files } else { disks };
        let names = || disks.iter().map(|disk| disk.name.clone()).collect();
        let found = match choice {
            ArchivedDisk::Default if disks.len() > 1 => {
                return Err(ArchivedError::Several(names()));
            }
            ArchivedDisk::Default => disks.first(),
            ArchivedDisk::Number(number) => number.checked_sub(1).and_then(|it| disks.get(it)),
            ArchivedDisk::Name(name) => disks.iter().find(|disk| disk.name == *name),
        };
        let found = match found {
            Some(found) => found,
            None if disks.is_empty() => return Err(ArchivedError::NoDisk),
            None => {
                return Err(ArchivedError::Unknown { wanted: choice.to_string(), names: names() });
            }
        };
        match CompressionFormat::from_name(&found.name) {
            Some(format) => Err(ArchivedError::Compressed(found.name.clone(), format)),
            None => Ok(found.clone()),
        }
    }
}

/// Reads bytes from front to back, and skips some.
struct Cursor<'a> {
    bytes: &'a dyn ReadAt,
    at: u64,
}

impl Read for Cursor<'_> {
    fn read(&mut self, space: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.bytes.len().saturating_sub(self.at)).unwrap_or(usize::MAX);
        let count = left.min(space.len());
        self.bytes.read_exact_at(&mut space[..count], self.at)?;
        self.at += count as u64;
        Ok(count)
    }
}

impl Seek for Cursor<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let at = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
            SeekFrom::End(by) => self.bytes.len().checked_add_signed(by),
        };
        self.at = at.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.at)
    }
}
