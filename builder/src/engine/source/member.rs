//! *Members* as sources: files in an archive. All members of an archive that a layer has are read
//! from one stream, which is read once if they come in the order of the archive. What it has
//! delivered is checked when the last of them is finished.

use std::io::{self, ErrorKind, Read};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::stream::{Raw, Shared};
use super::{Content, Identity, Opener, Source, SourceError, SourceErrorKind};
use crate::compression::CompressionFormat;
use crate::compression::decode;
use crate::oci::image::digest::Digest;
use crate::oci::image::place::Place;
use crate::oci::images::Places;
use crate::recipe::{Checksum, TarMember, TarOrigin};

/// An archive that was looked at.
#[derive(Debug)]
pub(super) struct OpenArchive<'a> {
    origin: Origin<'a>,
    state: Mutex<State<'a>>,
}

enum Origin<'a> {
    File(Box<Source<'a>>),
    Layer { places: &'a dyn Places, place: &'a Place, digest: Digest, size: u64 },
}

#[derive(Debug, Default)]
struct State<'a> {
    /// How many contents there are that are not finished.
    users: usize,
    stream: Option<Stream<'a>>,
}

/// An archive that is being read.
struct Stream<'a> {
    raw: Shared<'a>,
    tar: Box<dyn Read + Send + 'a>,
    packing: Option<CompressionFormat>,
    /// How many bytes of the unpacked tar were read.
    at: u64,
}

impl<'a> OpenArchive<'a> {
    pub(super) fn new(
        archive: &'a TarOrigin,
        opener: &mut Opener<'a>,
    ) -> Result<Self, SourceErrorKind> {
        let origin = match archive {
            TarOrigin::File(recipe) => {
                let source = Source::open(recipe, opener).map_err(|error| error.kind)?;
                Origin::File(Box::new(source))
            }
            TarOrigin::Layer { place, digest, size } => {
                Origin::Layer { places: opener.places, place, digest: *digest, size: *size }
            }
        };
        Ok(Self { origin, state: Mutex::default() })
    }

    pub(super) fn identity(&self) -> Option<Identity> {
        match &self.origin {
            Origin::File(source) => source.identity(),
            Origin::Layer { digest, .. } => Some(Identity::of(*digest)),
        }
    }

    fn checksum(&self) -> Option<Checksum> {
        match &self.origin {
            Origin::File(source) => source.checksum.clone(),
            Origin::Layer { digest, .. } => Some(Checksum::Sha256(digest.hex())),
        }
    }

    fn state(&self) -> MutexGuard<'_, State<'a>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn stream(&self) -> Result<Stream<'a>, SourceErrorKind> {
        let raw = match &self.origin {
            Origin::File(source) => source.raw()?,
            Origin::Layer { places, place, digest, size } => {
                let blob = places.images(place)?.into_blob(*digest, *size)?;
                Raw::blob(blob, *size)
            }
        };
        let raw = Shared::new(raw, self.checksum().as_ref());
        let (packing, tar) = decode::sniff(raw.clone())?;
        Ok(Stream { raw, tar, packing, at: 0 })
    }

    /// Fills `space` with the bytes from `at` on.
    fn read(&self, space: &mut [u8], at: u64) -> Result<(), SourceErrorKind> {
        let mut state = self.state();
        if let Some(stream) = state.stream.take_if(|stream| stream.at > at) {
            self.check(&stream)?;
        }
        let stream = match &mut state.stream {
            Some(stream) => stream,
            none => none.insert(self.stream()?),
        };
        stream.read(space, at).map_err(|error| match (error.kind(), stream.packing) {
            (
                ErrorKind::UnexpectedEof
                | ErrorKind::InvalidData
                | ErrorKind::InvalidInput
                | ErrorKind::Other,
                Some(packing),
            ) => SourceErrorKind::Damaged(packing, error),
            _ => SourceErrorKind::Io(error),
        })
    }

    /// Reads what is left, and fails if it was not what it should be.
    fn check(&self, stream: &Stream<'_>) -> Result<(), SourceErrorKind> {
        stream.raw.check(self.checksum().as_ref())
    }

    fn finish(&self) -> Result<(), SourceErrorKind> {
        match self.leave() {
            Some(stream) => self.check(&stream),
            None => Ok(()),
        }
    }

    /// One content less; returns the stream if it was the last.
    fn leave(&self) -> Option<Stream<'a>> {
        let mut state = self.state();
        state.users = state.users.saturating_sub(1);
        if state.users == 0 { state.stream.take() } else { None }
    }
}

impl Stream<'_> {
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
pub(super) struct MemberContent<'s, 'a> {
    archive: &'s OpenArchive<'a>,
    place: &'s str,
    member: &'s TarMember,
    at: u64,
    state: Use,
}

#[derive(PartialEq, Eq)]
enum Use {
    Reading,
    Finished,
}

impl<'s, 'a> MemberContent<'s, 'a> {
    pub(super) fn new(archive: &'s OpenArchive<'a>, member: &'s TarMember, place: &'s str) -> Self {
        archive.state().users += 1;
        Self { archive, place, member, at: 0, state: Use::Reading }
    }

    fn error(&self, kind: SourceErrorKind) -> SourceError {
        SourceError { place: self.place.into(), kind }
    }
}

impl Content for MemberContent<'_, '_> {
    fn size(&self) -> u64 {
        self.member.size
    }

    fn read_exact(&mut self, space: &mut [u8]) -> Result<(), SourceError> {
        let at = self.member.offset.saturating_add(self.at);
        self.archive.read(space, at).map_err(|kind| self.error(kind))?;
        self.at += space.len() as u64;
        Ok(())
    }

    fn hole(&mut self) -> Result<u64, SourceError> {
        Ok(0)
    }

    fn skip(&mut self, _count: u64) {}

    fn finish(&mut self) -> Result<(), SourceError> {
        self.state = Use::Finished;
        self.archive.finish().map_err(|kind| self.error(kind))
    }
}

impl Drop for MemberContent<'_, '_> {
    /// An attempt that failed leaves its stream; the next begins anew.
    fn drop(&mut self) {
        if self.state == Use::Reading {
            drop(self.archive.leave());
        }
    }
}

/// Archives by what recipes call them; those of one layer are few.
pub(super) type Archives<'a> = Vec<(&'a Arc<TarOrigin>, Arc<OpenArchive<'a>>)>;

impl std::fmt::Debug for Origin<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File(source) => source.fmt(f),
            Self::Layer { digest, .. } => digest.fmt(f),
        }
    }
}

impl std::fmt::Debug for Stream<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Stream").field("at", &self.at).finish_non_exhaustive()
    }
}
