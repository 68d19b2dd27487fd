//! *Members* as sources: files in an archive. All members that a layer has of an archive are read
//! from one stream, which is read once if the members are in the order of the archive. Its bytes
//! are checked when the last member is finished.

use std::io::{self, ErrorKind, Read};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::archived::{DiskMember, MemberPart, find_streamed_member};
use super::blob::ImageBlob;
use super::content::SizeOrigin;
use super::file::OpenedFile;
use super::http::DownloadSource;
use super::identity::SourceIdentity;
use super::judge::{DiskJudge, JudgedContent};
use super::raw::{RawStream, SharedStream};
use super::stream::is_damage;
use super::{ContentError, SourceContent, SourceError, SourceErrorKind};
use cap_std::fs::Dir;

use crate::compression::CompressionFormat;
use crate::compression::decode;
use crate::disk::DiskInfo;
use crate::oci::tar::{self, TarEntry, TarLimits, TarReader};
use crate::recipe::{ArchivedDisk, Checksum};

/// Length of a tar header in bytes.
const START_LEN: u64 = 512;

/// A file in an archive.
#[derive(Debug)]
pub(super) struct MemberSource<'a> {
    /// Its parts in the tar, in ascending order.
    pub(super) parts: Vec<MemberPart>,
    pub(super) archive: Arc<OpenArchive<'a>>,
    /// Judges a disk by its first bytes.
    pub(super) judge: Option<DiskJudge<'a>>,
    /// What the disk is, if it was examined.
    pub(super) disk: Option<DiskInfo>,
}

impl<'a> MemberSource<'a> {
    /// Returns the file of the archive, if it is one.
    pub(super) fn file(&self) -> Option<&OpenedFile<'a>> {
        self.archive.bytes.file()
    }

    pub(super) fn identity(&self) -> Option<SourceIdentity> {
        let archive = Box::new(self.archive.identity()?);
        let parts = self.parts.iter().map(|part| (part.offset, part.size)).collect();
        Some(SourceIdentity::Member { archive, parts })
    }

    /// Opens the file as a stream of its bytes as they are stored.
    pub(super) fn stream<'s>(&'s self, location: &'s str) -> RawStream<'s> {
        let content = MemberContent::new(&self.archive, &self.parts, location);
        RawStream::from_reader(Box::new(MemberReader(content)))
    }

    pub(super) fn content<'s>(&'s self, location: &'s str) -> Box<dyn SourceContent + 's> {
        let content = Box::new(MemberContent::new(&self.archive, &self.parts, location));
        match self.judge {
            Some(judge) => {
                Box::new(JudgedContent::new(content, judge, location, SizeOrigin::Known))
            }
            None => content,
        }
    }
}

/// Where the bytes of an archive come from.
pub(super) enum ArchiveBytes<'a> {
    File { file: OpenedFile<'a>, checksum: Option<Checksum> },
    Download { download: DownloadSource<'a>, checksum: Option<Checksum> },
    Layer(ImageBlob<'a>),
}

impl<'a> ArchiveBytes<'a> {
    /// Returns the file that the archive is, if it is one.
    fn file(&self) -> Option<&OpenedFile<'a>> {
        match self {
            Self::File { file, .. } => Some(file),
            Self::Download { .. } | Self::Layer(_) => None,
        }
    }

    fn identity(&self) -> Option<SourceIdentity> {
        match self {
            Self::File { file, .. } => Some(SourceIdentity::File(file.identity.clone())),
            Self::Download { checksum, .. } => checksum.clone().map(SourceIdentity::Checksum),
            Self::Layer(blob) => Some(blob.identity(None)),
        }
    }

    fn checksum(&self) -> Option<Checksum> {
        match self {
            Self::File { checksum, .. } | Self::Download { checksum, .. } => checksum.clone(),
            Self::Layer(blob) => Some(blob.checksum()),
        }
    }

    fn open_stream(&self) -> Result<RawStream<'a>, SourceErrorKind> {
        Ok(match self {
            Self::File { file, .. } => RawStream::from_file(file)?,
            Self::Download { download, .. } => RawStream::from_download(download.start()?),
            Self::Layer(blob) => blob.stream()?,
        })
    }
}

/// An archive that was opened.
#[derive(Debug)]
pub(super) struct OpenArchive<'a> {
    bytes: ArchiveBytes<'a>,
    state: Mutex<ArchiveState<'a>>,
}

#[derive(Debug, Default)]
struct ArchiveState<'a> {
    /// Number of contents that are not finished.
    unfinished: usize,
    stream: Option<ArchiveStream<'a>>,
}

/// An archive that is being read.
struct ArchiveStream<'a> {
    raw: SharedStream<'a>,
    tar: Box<dyn Read + Send + 'a>,
    compression: Option<CompressionFormat>,
    /// How many bytes of the decompressed tar were read.
    at: u64,
}

impl<'a> OpenArchive<'a> {
    pub(super) fn new(bytes: ArchiveBytes<'a>) -> Self {
        Self { bytes, state: Mutex::default() }
    }

    fn identity(&self) -> Option<SourceIdentity> {
        self.bytes.identity()
    }

    fn lock_state(&self) -> MutexGuard<'_, ArchiveState<'a>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn open_stream(&self) -> Result<ArchiveStream<'a>, SourceErrorKind> {
        let raw = SharedStream::new(self.bytes.open_stream()?, self.bytes.checksum().as_ref());
        let (compression, tar) = decode::detect_and_decompress(raw.clone())?;
        Ok(ArchiveStream { raw, tar, compression, at: 0 })
    }

    /// Returns the entries of the archive, none if it is not a tar. All of its bytes are checked.
    pub(super) fn list(&self, limits: TarLimits) -> Result<Option<Vec<TarEntry>>, SourceErrorKind> {
        let ArchiveStream { raw, mut tar, compression, .. } = self.open_stream()?;
        let mut start = Vec::new();
        let read = tar.by_ref().take(START_LEN).read_to_end(&mut start);
        let listed = (read.is_ok() && tar::is_tar_start(&start)).then(|| {
            let whole = io::Cursor::new(start).chain(tar);
            let mut tar = TarReader::new(whole, compression, limits);
            let entries = tar.by_ref().collect::<Result<Vec<_>, _>>();
            entries.and_then(|entries| tar.drain().map(|_| entries))
        });
        // Bytes that are the wrong ones are reported rather than a malformed tar.
        raw.check_rest(self.bytes.checksum().as_ref())?;
        Ok(listed.transpose()?)
    }

    /// Finds a disk. All bytes of the archive are checked.
    pub(super) fn find_disk(&self, choice: &ArchivedDisk) -> Result<DiskMember, SourceErrorKind> {
        let ArchiveStream { raw, tar, compression, .. } = self.open_stream()?;
        let tar = TarReader::new(tar, compression, TarLimits::default());
        let found = find_streamed_member(tar, choice);
        raw.check_rest(self.bytes.checksum().as_ref())?;
        Ok(found?)
    }

    /// Unpacks the archive into a directory. All of its bytes are checked.
    pub(super) fn unpack(&self, dir: &Dir) -> Result<(), SourceErrorKind> {
        let ArchiveStream { raw, tar, compression, .. } = self.open_stream()?;
        let unpacked =
            tar::unpack_members(TarReader::new(tar, compression, TarLimits::default()), dir);
        raw.check_rest(self.bytes.checksum().as_ref())?;
        Ok(unpacked?)
    }

    /// Fills `space` with the bytes from `at` on.
    fn read(&self, space: &mut [u8], at: u64) -> Result<(), SourceErrorKind> {
        let mut state = self.lock_state();
        if let Some(stream) = state.stream.take_if(|stream| stream.at > at) {
            self.check_stream(&stream)?;
        }
        let stream = match &mut state.stream {
            Some(stream) => stream,
            none => none.insert(self.open_stream()?),
        };
        stream.read(space, at).map_err(|error| match stream.compression {
            Some(compression) if is_damage(&error) => SourceErrorKind::Damaged(compression, error),
            _ => SourceErrorKind::Io(error),
        })
    }

    /// Reads the rest, and fails if the checksum of the archive is wrong.
    fn check_stream(&self, stream: &ArchiveStream<'_>) -> Result<(), SourceErrorKind> {
        stream.raw.check_rest(self.bytes.checksum().as_ref())
    }

    fn finish(&self) -> Result<(), SourceErrorKind> {
        match self.release() {
            Some(stream) => self.check_stream(&stream),
            None => Ok(()),
        }
    }

    /// Counts a content as finished; returns the stream if it was the last content.
    fn release(&self) -> Option<ArchiveStream<'a>> {
        let mut state = self.lock_state();
        state.unfinished = state.unfinished.saturating_sub(1);
        if state.unfinished == 0 { state.stream.take() } else { None }
    }
}

impl ArchiveStream<'_> {
    fn read(&mut self, space: &mut [u8], at: u64) -> io::Result<()> {
        let left = at - self.at;
        let passed = io::copy(&mut self.tar.by_ref().take(left), &mut io::sink())?;
        self.at += passed;
        if passed < left {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        self.tar.read_exact(space)?;
        self.at += space.len() as u64;
        Ok(())
    }
}

/// The content of a member.
struct MemberContent<'s, 'a> {
    archive: &'s OpenArchive<'a>,
    location: &'s str,
    parts: &'s [MemberPart],
    size: u64,
    at: u64,
    state: MemberState,
}

#[derive(PartialEq, Eq)]
enum MemberState {
    Reading,
    Finished,
}

impl<'s, 'a> MemberContent<'s, 'a> {
    fn new(archive: &'s OpenArchive<'a>, parts: &'s [MemberPart], location: &'s str) -> Self {
        archive.lock_state().unfinished += 1;
        let size = parts.iter().map(|part| part.size).fold(0, u64::saturating_add);
        Self { archive, location, parts, size, at: 0, state: MemberState::Reading }
    }

    /// Fills `space` with the bytes from the current position on, which are there.
    fn read_part(&mut self, mut space: &mut [u8]) -> Result<(), SourceErrorKind> {
        let mut begin = 0;
        for part in self.parts {
            if space.is_empty() {
                break;
            }
            // The position is in this part or behind it.
            let skipped = self.at - begin;
            begin = begin.saturating_add(part.size);
            if skipped >= part.size {
                continue;
            }
            let left = usize::try_from(part.size - skipped).unwrap_or(usize::MAX);
            let (now, later) = space.split_at_mut(left.min(space.len()));
            self.archive.read(now, part.offset.saturating_add(skipped))?;
            self.at += now.len() as u64;
            space = later;
        }
        Ok(())
    }

    fn error(&self, kind: SourceErrorKind) -> SourceError {
        SourceError { location: self.location.into(), kind }
    }
}

impl SourceContent for MemberContent<'_, '_> {
    fn size(&self) -> u64 {
        self.size
    }

    fn read_exact(&mut self, space: &mut [u8]) -> Result<(), ContentError> {
        Ok(self.read_part(space).map_err(|kind| self.error(kind))?)
    }

    fn hole_len(&mut self) -> Result<u64, ContentError> {
        Ok(0)
    }

    fn skip_hole(&mut self, _count: u64) {}

    fn finish(&mut self) -> Result<(), ContentError> {
        self.state = MemberState::Finished;
        self.archive.finish().map_err(|kind| self.error(kind))?;
        Ok(())
    }
}

/// The bytes of a member as a stream; the archive is checked at their end.
struct MemberReader<'s, 'a>(MemberContent<'s, 'a>);

impl Read for MemberReader<'_, '_> {
    fn read(&mut self, space: &mut [u8]) -> io::Result<usize> {
        let content = &mut self.0;
        let left = usize::try_from(content.size - content.at).unwrap_or(usize::MAX);
        let count = left.min(space.len());
        if count > 0 {
            content.read_part(&mut space[..count]).map_err(io::Error::other)?;
        } else if left == 0 && content.state == MemberState::Reading {
            content.state = MemberState::Finished;
            content.archive.finish().map_err(io::Error::other)?;
        }
        Ok(count)
    }
}

impl Drop for MemberContent<'_, '_> {
    /// Releases the stream of an attempt that failed; the next attempt starts a new one.
    fn drop(&mut self) {
        if self.state == MemberState::Reading {
            drop(self.archive.release());
        }
    }
}

impl std::fmt::Debug for ArchiveBytes<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File { file, .. } => file.fmt(f),
            Self::Download { download, .. } => download.fmt(f),
            Self::Layer(blob) => blob.fmt(f),
        }
    }
}

impl std::fmt::Debug for ArchiveStream<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ArchiveStream").field("at", &self.at).finish_non_exhaustive()
    }
}
