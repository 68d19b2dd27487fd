//! What a disk is *judged* by on its way into an image: a file before anything is built, a stream by
//! its first bytes, before any of them goes on.

use std::io;

use super::{Content, SIZE_MAX, Size, SourceError, SourceErrorKind};
use crate::disk::{self, FlawKind, Format, Info, START_LEN, Start, Weight};
use crate::recipe::SourceRecipe;

/// What to do with a disk that CDI takes and KubeVirt does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CdiOnly {
    /// An error.
    Refuse,
    /// The image is for CDI alone.
    Allow,
}

/// What is expected of a disk.
#[derive(Debug, Clone, Copy)]
pub(super) struct Judge<'a> {
    pub(super) recipe: &'a SourceRecipe,
    pub(super) cdi_only: CdiOnly,
}

impl Judge<'_> {
    /// Fails if nobody could use the disk.
    pub(super) fn check(&self, info: &Info) -> Result<(), SourceErrorKind> {
        if let Format::Packed(packing) = info.format {
            return Err(SourceErrorKind::Packed(packing));
        }
        let is_converted = self.recipe.convert.is_some();
        let heaviest = info.flaws.first().filter(|flaw| match flaw.kind.weight() {
            // What is converted is made for something, though nothing may be in it yet.
            Weight::Fatal => !is_converted || flaw.kind != FlawKind::Blank,
            Weight::CdiOnly => self.cdi_only == CdiOnly::Refuse && !is_converted,
            Weight::Doubtful => false,
        });
        match heaviest {
            Some(flaw) if flaw.kind == FlawKind::Blank && info.file_size == 0 => {
                Err(SourceErrorKind::Empty)
            }
            Some(flaw) => Err(SourceErrorKind::Disk(flaw.clone())),
            None if is_converted => Ok(()),
            None => match disk::misnamed(self.name(), info) {
                Some(flaw) => Err(SourceErrorKind::Disk(flaw)),
                None => Ok(()),
            },
        }
    }

    /// Fails if the first [`START_LEN`] bytes show that nobody could use the disk; fewer are all of it.
    pub(super) fn check_start(&self, start: &[u8]) -> Result<(), SourceErrorKind> {
        let is_whole = start.len() < START_LEN;
        let len = if is_whole { start.len() as u64 } else { SIZE_MAX };
        self.check(&disk::examine(&Start { bytes: start, len })?)
    }

    /// Returns what the disk is called when it is unpacked.
    fn name(&self) -> &str {
        let name = self.recipe.location.file_name();
        match (self.recipe.packing, name.rsplit_once('.')) {
            (Some(packing), Some((stem, ending))) if ending == packing.suffix() => stem,
            _ => name,
        }
    }
}

/// The content of a disk that goes by as a stream.
pub(super) struct Judged<'a> {
    content: Box<dyn Content + 'a>,
    judge: Judge<'a>,
    place: &'a str,
    size: Size,
    /// What was read to be looked at; nothing before the first byte was asked for.
    start: Option<Vec<u8>>,
    /// How much of it went on.
    at: usize,
}

impl<'a> Judged<'a> {
    pub(super) fn new(
        content: Box<dyn Content + 'a>,
        judge: Judge<'a>,
        place: &'a str,
        size: Size,
    ) -> Self {
        Self { content, judge, place, size, start: None, at: 0 }
    }

    /// Returns what is left of the first bytes; looks at them if nobody has yet.
    fn start(&mut self) -> Result<&[u8], SourceError> {
        let start = match self.start.take() {
            Some(start) => start,
            None => self.read_start()?,
        };
        if self.at == start.len() {
            self.at = 0;
            return Ok(self.start.insert(Vec::new()));
        }
        Ok(&self.start.insert(start)[self.at..])
    }

    fn read_start(&mut self) -> Result<Vec<u8>, SourceError> {
        let len = usize::try_from(self.content.size()).unwrap_or(usize::MAX).min(START_LEN);
        let mut start = vec![0; len];
        self.content.read_exact(&mut start)?;
        let judged = disk::examine(&Start { bytes: &start, len: self.content.size() })
            .map_err(SourceErrorKind::from)
            .and_then(|info| self.judge.check(&info));
        match judged {
            Ok(()) => Ok(start),
            // What seems to be missing may be there: its size is only guessed. It is measured then.
            Err(_) if self.size == Size::Guessed => {
                Err(self.error(SourceErrorKind::Size { announced: self.content.size() }))
            }
            Err(kind) => Err(self.error(kind)),
        }
    }

    fn error(&self, kind: SourceErrorKind) -> SourceError {
        SourceError { place: self.place.into(), kind }
    }
}

impl Content for Judged<'_> {
    fn size(&self) -> u64 {
        self.content.size()
    }

    fn read_exact(&mut self, space: &mut [u8]) -> Result<(), SourceError> {
        let start = self.start()?;
        let count = start.len().min(space.len());
        let (first, rest) = space.split_at_mut(count);
        first.copy_from_slice(&start[..count]);
        self.at += count;
        if rest.is_empty() { Ok(()) } else { self.content.read_exact(rest) }
    }

    fn hole(&mut self) -> Result<u64, SourceError> {
        if self.start()?.is_empty() { self.content.hole() } else { Ok(0) }
    }

    fn skip(&mut self, count: u64) {
        self.content.skip(count);
    }

    fn finish(&mut self) -> Result<(), SourceError> {
        self.content.finish()
    }
}

impl From<disk::Flaw> for SourceErrorKind {
    fn from(flaw: disk::Flaw) -> Self {
        Self::Disk(flaw)
    }
}

/// Looks at a disk that can be read in any order.
pub(super) fn look(bytes: &dyn disk::ReadAt, judge: Judge<'_>) -> Result<Info, SourceErrorKind> {
    let info = disk::examine(bytes).map_err(|error| match error.kind() {
        io::ErrorKind::UnexpectedEof => SourceErrorKind::Changed,
        _ => SourceErrorKind::Io(error),
    })?;
    judge.check(&info)?;
    Ok(info)
}
