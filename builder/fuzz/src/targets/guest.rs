//! Files for the fuzz targets of guests: a good file of which the input changes bits, and that goes
//! on with zeros, so that most offsets lie in it.

use std::io;
use std::sync::Arc;

use diskette_builder::disk::{DiskFormat, ReadAt, examine_disk, guest};

/// Where a piece of a file is, its length, and what is in it by offset.
type Piece<'a> = (u64, usize, &'a [(usize, &'a [u8])]);

/// Pieces of a file, and zeros between them.
pub(super) struct Sparse {
    pub(super) pieces: Vec<(u64, Vec<u8>)>,
    pub(super) len: u64,
}

impl Sparse {
    /// Puts numbers or texts at offsets of pieces of some lengths.
    pub(super) fn new(len: u64, pieces: &[Piece<'_>]) -> Self {
        let piece = |(at, len, parts): &Piece<'_>| {
            let mut bytes = vec![0; *len];
            for &(at, part) in *parts {
                bytes[at..at + part.len()].copy_from_slice(part);
            }
            (*at, bytes)
        };
        Self { pieces: pieces.iter().map(piece).collect(), len }
    }

    /// Changes the bits that are set in the input.
    pub(super) fn change(mut self, input: &[u8]) -> Self {
        let bytes = self.pieces.iter_mut().flat_map(|(_, bytes)| bytes);
        for (byte, change) in bytes.zip(input) {
            *byte ^= change;
        }
        self
    }
}

impl ReadAt for Sparse {
    fn len(&self) -> u64 {
        self.len
    }

    fn read_exact_at(&self, space: &mut [u8], at: u64) -> io::Result<()> {
        let end = at + space.len() as u64;
        assert!(end <= self.len, "read behind the end of the file");
        space.fill(0);
        for (begin, bytes) in &self.pieces {
            let (from, to) = (at.max(*begin), end.min(begin + bytes.len() as u64));
            if from < to {
                let part = &bytes[(from - begin) as usize..(to - begin) as usize];
                space[(from - at) as usize..(to - at) as usize].copy_from_slice(part);
            }
        }
        Ok(())
    }
}

/// Looks at a file, and reads some of the disk in it.
pub(super) fn check(file: &Sparse, format: DiskFormat) {
    let info = examine_disk(file).unwrap();
    let Ok(guest) = guest::open(Arc::new(file), format) else { return };
    assert!(info.format != format || info.virtual_size == guest.len());
    read_some(&*guest);
}

/// Reads some of a disk.
pub(super) fn read_some(guest: &dyn ReadAt) {
    let mut space = vec![0; 96 << 10];
    for at in [0, 3000, guest.len() / 2, guest.len().saturating_sub(70_000)] {
        let len = guest.len().saturating_sub(at).min(space.len() as u64);
        let space = &mut space[..len as usize];
        let _ = guest.read_exact_at(space, at);
        let Ok(extent) = guest.extent(at) else { continue };
        assert!(extent.len <= guest.len().saturating_sub(at));
        assert!(extent.len > 0 || at >= guest.len());
    }
}
