//! *Archived* disks: the source is a tar with a disk in it, or an OVA, which is a tar with the
//! description of a machine (DMTF DSP0243, section 5.3).

use std::collections::HashMap;
use std::io::{self, Read, Seek, SeekFrom};
use std::sync::Arc;

use thiserror::Error;

use super::names::list_names;
use crate::compression::CompressionFormat;
use crate::disk::ovf::{self, Ovf, OvfDisk, OvfError};
use crate::disk::{ReadAt, byte_ranges, has_disk_extension};
use crate::oci::tar::{TarEntryKind, TarLimits, TarReadError, TarReader};
use crate::recipe::ArchivedDisk;

/// Files that say what is built of a context.
const CONTEXT_FILES: [&str; 3] = ["diskette.yaml", "Containerfile", "Dockerfile"];

/// A disk in an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DiskMember {
    /// Name in the archive.
    pub name: String,
    /// The parts of the content in the tar, in ascending order.
    pub parts: Vec<MemberPart>,
    /// Compression of the content.
    pub compression: Option<CompressionFormat>,
}

/// A part of a tar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MemberPart {
    /// Offset in the decompressed tar in bytes.
    pub offset: u64,
    /// Length in bytes.
    pub size: u64,
}

impl DiskMember {
    /// Returns the stored bytes of the disk, which are compressed if it is; `archive` is the tar.
    pub fn bytes<'a>(&self, archive: &Arc<dyn ReadAt + 'a>) -> impl ReadAt + use<'a> {
        let parts: Vec<_> = self.parts.iter().map(|part| (part.offset, part.size)).collect();
        byte_ranges(archive, &parts)
    }
}

/// A file in an archive.
#[derive(Debug, Clone)]
struct ArchivedFile {
    name: String,
    part: MemberPart,
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
    /// A file has another length than its description says.
    #[error("`{name}` has {found} bytes, and its description says {declared}")]
    Length {
        /// Name of the file, or of the chunk.
        name: String,
        /// Length in bytes.
        found: u64,
        /// Length in the description.
        declared: u64,
    },
    /// It is no OVA.
    #[error("it has no description of a machine")]
    NoDescription,
    /// It is a build context.
    #[error("the archive is a build context: it has `{0}`")]
    Context(&'static str),
    /// The chunks of a disk are not in their order.
    #[error("the chunks of `{0}` are not in their order")]
    Order(String),
}

/// Finds a disk in a tar that is not compressed; contents of other files are not read.
pub fn find_disk_member(
    archive: &dyn ReadAt,
    choice: &ArchivedDisk,
) -> Result<DiskMember, ArchivedError> {
    let tar = TarReader::new(Cursor { bytes: archive, at: 0 }, None, TarLimits::default());
    let member = ArchiveListing::read(tar, TarReader::seek_over)?.choose(choice)?;
    let ends = member.parts.iter().map(|part| part.offset.saturating_add(part.size));
    if ends.max().is_some_and(|end| end > archive.len()) {
        return Err(TarReadError::Truncated(archive.len()).into());
    }
    Ok(member)
}

/// Returns the description of the machine in an OVA that is not compressed.
pub fn read_description(archive: &dyn ReadAt) -> Result<Ovf, ArchivedError> {
    let tar = TarReader::new(Cursor { bytes: archive, at: 0 }, None, TarLimits::default());
    let listing = ArchiveListing::read(tar, TarReader::seek_over)?;
    listing.ovf.ok_or(ArchivedError::NoDescription)
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
    files: Vec<ArchivedFile>,
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
            let part = MemberPart { offset: entry.offset, size: entry.size };
            listing.files.push(ArchivedFile { name: entry.path, part });
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
        let name = disk.file.strip_prefix("./").unwrap_or(&disk.file).to_owned();
        let parts = self.find_parts(&name, disk)?;
        let found = parts.iter().map(|part| part.size).fold(0, u64::saturating_add);
        if let Some(declared) = disk.size.filter(|declared| *declared != found) {
            return Err(ArchivedError::Length { name, found, declared });
        }
        let compression = disk.is_gzip.then_some(CompressionFormat::Gzip);
        Ok(DiskMember { name, parts, compression })
    }

    /// Returns the parts of a disk that is one file, or chunks of the same length but the last, which
    /// have numbers of nine digits behind its name (DMTF DSP0243, section 7.1).
    fn find_parts(&self, name: &str, disk: &OvfDisk) -> Result<Vec<MemberPart>, ArchivedError> {
        let missing = |name: &str| ArchivedError::Missing(name.to_owned());
        let Some(chunk_size) = disk.chunk_size else {
            let file = self.files.iter().find(|file| file.name == name);
            return Ok(vec![file.ok_or_else(|| missing(name))?.part]);
        };
        let files: HashMap<&str, MemberPart> =
            self.files.iter().rev().map(|file| (&*file.name, file.part)).collect();
        let names = (0..).map(|number: usize| format!("{name}.{number:09}"));
        let chunks = names.map_while(|name| Some((*files.get(&*name)?, name)));
        let chunks: Vec<(MemberPart, String)> = chunks.collect();
        let (_, all_but_last) =
            chunks.split_last().ok_or_else(|| missing(&format!("{name}.000000000")))?;
        if let Some((part, name)) = all_but_last.iter().find(|(part, _)| part.size != chunk_size) {
            let (name, found) = (name.clone(), part.size);
            return Err(ArchivedError::Length { name, found, declared: chunk_size });
        }
        if !chunks.is_sorted_by_key(|(part, _)| part.offset) {
            return Err(ArchivedError::Order(name.to_owned()));
        }
        Ok(chunks.into_iter().map(|(part, _)| part).collect())
    }

    /// Chooses a disk of an archive without a description: by the ends of names, or the only file.
    fn choose_by_name(self, choice: &ArchivedDisk) -> Result<DiskMember, ArchivedError> {
        let is_visible = |file: &ArchivedFile| {
            !file.name.rsplit('/').next().unwrap_or_default().starts_with('.') && file.part.size > 0
        };
        let files: Vec<ArchivedFile> = self.files.into_iter().filter(is_visible).collect();
        let context =
            CONTEXT_FILES.into_iter().find(|it| files.iter().any(|file| file.name == *it));
        if let Some(name) = context.filter(|_| *choice == ArchivedDisk::Default) {
            return Err(ArchivedError::Context(name));
        }
        let is_disk = |file: &&ArchivedFile| {
            let name = CompressionFormat::from_name(&file.name)
                .map_or(&*file.name, |compression| compression.strip_suffix(&file.name));
            has_disk_extension(name)
        };
        let disks: Vec<ArchivedFile> = files.iter().filter(is_disk).cloned().collect();
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
        // As with files, the name tells.
        let compression = CompressionFormat::from_name(&found.name);
        Ok(DiskMember { name: found.name.clone(), parts: vec![found.part], compression })
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
