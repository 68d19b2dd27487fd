//! *Unpacking* a disk from the layer that it is in.

use std::io::{self, Read, Seek as _, SeekFrom, Write as _};

use cap_std::fs::File;
use diskette_builder::archive::{Kind, Limits, Members};
use diskette_builder::progress::Progress as _;
use diskette_builder::survey::Blob;
use diskette_builder::unpacked::{Expected, Unpacked};

use super::Ground;

/// What is read at a time; a piece of zeros becomes a hole. In bytes.
const PIECE: usize = 64 << 10;

/// Unpacks the file with a path, if the layer has it, and checks the layer.
pub(super) fn unpack(
    layer: &Blob,
    path: &str,
    file: &mut File,
    ground: Ground<'_>,
) -> io::Result<Found> {
    let Blob { digest, size, .. } = *layer;
    let blob = ground.images.blob(digest, size, 0).map_err(io::Error::other)?;
    let expected = Expected { digest, size, progress: ground.progress, number: None };
    let unpacked = Unpacked::new(blob, expected)?;
    let packing = unpacked.packing();
    let mut members = Members::new(unpacked, packing, Limits::default());
    while let Some(member) = members.next() {
        let member = member.map_err(io::Error::other)?;
        if ground.progress.is_cancelled() {
            return Err(io::ErrorKind::Interrupted.into());
        }
        if member.path == path && member.kind == Kind::File {
            copy(&mut members, member.size, file)?;
            members.into_inner().finish().map_err(io::Error::other)?;
            return Ok(Found::Yes);
        }
    }
    Ok(Found::No)
}

/// Whether a layer has the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Found {
    Yes,
    No,
}

/// Copies the content of the member that came last, which has `size` bytes.
fn copy<R: Read>(members: &mut Members<R>, size: u64, file: &mut File) -> io::Result<()> {
    let mut len = 0;
    while len < size {
        let piece = members.start(PIECE).map_err(io::Error::other)?;
        if piece.is_empty() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if piece.iter().any(|&byte| byte != 0) {
            file.seek(SeekFrom::Start(len))?;
            file.write_all(&piece)?;
        }
        len += piece.len() as u64;
    }
    file.set_len(len)
}
