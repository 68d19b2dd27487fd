//! Contents that are read as a stream: decompressed, checked against a checksum, or downloaded.

use std::io::{self, ErrorKind, Read};
use std::ops::ControlFlow;

use super::checksum::ChecksumHash;
use super::content::SizeOrigin;
use super::judge::{DiskJudge, JudgedContent};
use super::raw::{RawStream, SharedStream, download_error};
use super::{ContentError, SIZE_MAX, SourceContent, SourceError, SourceErrorKind};
use crate::compression::CompressionFormat;
use crate::compression::decode;
use crate::disk::START_LEN;
use crate::oci::hashing::HashingReader;
use crate::recipe::{Checksum, SourceRole};

/// How much is decompressed at a time to measure a content, in bytes.
const STEP: usize = 256 * 1024;

/// What a stream is checked for, and what is known of its content.
#[derive(Debug, Default)]
pub(super) struct StreamChecks<'a> {
    /// Checksum of the bytes as they come.
    pub(super) checksum: Option<Checksum>,
    /// Checksum of the decompressed content.
    pub(super) decompressed: Option<Checksum>,
    /// Judges a disk by its first bytes.
    pub(super) judge: Option<DiskJudge<'a>>,
    /// Size of the content in bytes as it is declared elsewhere, which need not be right for one that is compressed.
    pub(super) declared: Option<u64>,
    /// Size of the content in bytes, if it was measured.
    pub(super) measured: Option<u64>,
}

impl StreamChecks<'_> {
    /// Returns the content of a stream; a disk in it is judged when it is read.
    pub(super) fn content<'s>(
        &'s self,
        raw: RawStream<'s>,
        compression: Option<CompressionFormat>,
        location: &'s str,
    ) -> Result<Box<dyn SourceContent + 's>, ContentError> {
        let content = StreamContent::new(raw, compression, self, location)?;
        let origin = content.origin;
        Ok(match self.judge {
            Some(judge) => Box::new(JudgedContent::new(Box::new(content), judge, location, origin)),
            None => Box::new(content),
        })
    }

    /// Reads a stream to its end to measure the content. `progress` can cancel it. A disk that breaks
    /// a rule is refused at its beginning, however much would follow.
    pub(super) fn measure(
        &mut self,
        raw: RawStream<'_>,
        compression: Option<CompressionFormat>,
        progress: &dyn Fn(u64) -> ControlFlow<()>,
    ) -> Result<ControlFlow<()>, SourceErrorKind> {
        let raw = SharedStream::new(raw, None);
        let mut content = decode::decompress(raw, compression)?;
        let failed = |error: io::Error| read_error(error, compression);
        let mut start = Vec::new();
        content.by_ref().take(START_LEN as u64).read_to_end(&mut start).map_err(failed)?;
        if let Some(judge) = self.judge {
            judge.check_start(&start)?;
        }
        let mut size = start.len() as u64;
        let mut space = vec![0; STEP];
        while size <= SIZE_MAX {
            if progress(0).is_break() {
                return Ok(ControlFlow::Break(()));
            }
            match content.read(&mut space) {
                Ok(0) => {
                    self.measured = Some(size);
                    return Ok(ControlFlow::Continue(()));
                }
                Ok(count) => size += count as u64,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(failed(error)),
            }
        }
        Err(SourceErrorKind::TooLong)
    }
}

/// The content of a stream.
pub(super) struct StreamContent<'a> {
    raw: SharedStream<'a>,
    content: HashingReader<Box<dyn Read + Send + 'a>, ChecksumHash>,
    compression: Option<CompressionFormat>,
    size: u64,
    origin: SizeOrigin,
    role: SourceRole,
    checksum: Option<Checksum>,
    decompressed: Option<Checksum>,
    location: &'a str,
}

impl<'a> StreamContent<'a> {
    pub(super) fn new(
        raw: RawStream<'a>,
        compression: Option<CompressionFormat>,
        checks: &StreamChecks<'_>,
        location: &'a str,
    ) -> Result<Self, ContentError> {
        let (size, origin) = match (checks.measured, compression) {
            (Some(size), _) => (Some(size), SizeOrigin::Known),
            (None, None) => (checks.declared.or(raw.len()), SizeOrigin::Known),
            (None, Some(compression)) => {
                let declared = || declared_size(&raw, compression);
                (checks.declared.or_else(declared), SizeOrigin::Declared)
            }
        };
        let size = size.ok_or(ContentError::Unmeasured)?;
        let error = |kind| SourceError { location: location.into(), kind };
        if size > SIZE_MAX {
            return Err(error(SourceErrorKind::TooLong).into());
        }
        let raw = SharedStream::new(raw, checks.checksum.as_ref());
        let content =
            decode::decompress(raw.clone(), compression).map_err(|it| error(it.into()))?;
        let hash = ChecksumHash::new(checks.decompressed.as_ref());
        Ok(Self {
            raw,
            content: HashingReader::with_hash(content, hash),
            compression,
            size,
            origin,
            role: if checks.judge.is_some() { SourceRole::Disk } else { SourceRole::File },
            checksum: checks.checksum.clone(),
            decompressed: checks.decompressed.clone(),
            location,
        })
    }

    fn error(&self, kind: SourceErrorKind) -> ContentError {
        SourceError { location: self.location.into(), kind }.into()
    }

    /// Returns the error of a content that is shorter or longer than its size.
    fn size_error(&self) -> ContentError {
        match self.origin {
            SizeOrigin::Declared => ContentError::Unmeasured,
            SizeOrigin::Known => match self.raw.check_unchanged() {
                Err(changed) => self.error(changed),
                Ok(()) => self.error(SourceErrorKind::Size { announced: self.size }),
            },
        }
    }

    fn read_error(&self, error: io::Error) -> ContentError {
        match error.kind() {
            ErrorKind::UnexpectedEof => self.size_error(),
            _ => self.error(read_error(error, self.compression)),
        }
    }

    fn check_content(&mut self) -> Result<(), SourceErrorKind> {
        self.raw.check_rest(self.checksum.as_ref())?;
        match self.decompressed.as_ref().zip(self.content.hash_mut().finish()) {
            Some((expected, found)) if *expected != found => {
                return Err(SourceErrorKind::DecompressedChecksum {
                    expected: expected.clone(),
                    found,
                });
            }
            _ => {}
        }
        // Only now is it known that there is nothing to decompress or download.
        if self.role == SourceRole::Disk && self.size == 0 {
            return Err(SourceErrorKind::Empty);
        }
        Ok(())
    }
}

/// Returns the size that a compressed stream declares, if it does.
fn declared_size(raw: &RawStream<'_>, compression: CompressionFormat) -> Option<u64> {
    decode::size_hint(compression, raw.len()?, &|space, at| raw.read_at(space, at))
}

impl SourceContent for StreamContent<'_> {
    fn size(&self) -> u64 {
        self.size
    }

    fn read_exact(&mut self, space: &mut [u8]) -> Result<(), ContentError> {
        self.content.read_exact(space).map_err(|error| self.read_error(error))
    }

    fn hole_len(&mut self) -> Result<u64, ContentError> {
        Ok(0)
    }

    fn skip_hole(&mut self, _count: u64) {}

    fn finish(&mut self) -> Result<(), ContentError> {
        let more = self.content.read(&mut [0]).map_err(|error| self.read_error(error))?;
        if more > 0 {
            return Err(self.size_error());
        }
        self.check_content().map_err(|kind| self.error(kind))
    }
}

/// Reads to the end and fails if the bytes do not have the checksum.
pub(super) fn check_checksum(
    raw: RawStream<'_>,
    checksum: &Checksum,
) -> Result<(), SourceErrorKind> {
    SharedStream::new(raw, Some(checksum)).check_rest(Some(checksum))
}

/// Returns what went wrong in the user's terms: decoders report bad data in many ways.
fn read_error(error: io::Error, compression: Option<CompressionFormat>) -> SourceErrorKind {
    match (download_error(error), compression) {
        (SourceErrorKind::Io(error), Some(compression)) if is_damage(&error) => {
            SourceErrorKind::Damaged(compression, error)
        }
        (error, _) => error,
    }
}

/// Returns whether a decoder reports bad data.
pub(super) fn is_damage(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::UnexpectedEof
            | ErrorKind::InvalidData
            | ErrorKind::InvalidInput
            | ErrorKind::Other
    )
}
