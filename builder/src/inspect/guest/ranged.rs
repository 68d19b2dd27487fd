//! A *ranged* blob: one that is read in parts. What was read last is kept, and more is read at a time where
//! one part follows the other.

use std::collections::VecDeque;
use std::io::{self, Read};
use std::sync::{Arc, Mutex, PoisonError};

use super::Traffic;
use crate::disk::ReadAt;
use crate::oci::image::descriptor::Descriptor;
use crate::oci::images::Images;

/// Length in bytes of the parts that are kept. A request costs about as much as some of them.
const PART: u64 = 64 << 10;

/// How many parts are kept, and how many are requested together at most.
const KEPT: usize = 160;
const TOGETHER_MAX: u64 = 32;

/// A blob.
pub(super) struct RangedBlob<'a> {
    images: &'a dyn Images,
    blob: &'a Descriptor,
    traffic: Traffic,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Parts by their number, the oldest first.
    kept: VecDeque<(u64, Arc<[u8]>)>,
    /// The part behind the last request, and how many parts that had.
    next: u64,
    together: u64,
}

impl<'a> RangedBlob<'a> {
    /// Returns a blob, of which nothing is read yet. What is read is counted in `traffic`.
    pub(super) fn new(images: &'a dyn Images, blob: &'a Descriptor, traffic: Traffic) -> Self {
        Self { images, blob, traffic, state: Mutex::default() }
    }

    fn part(&self, number: u64) -> io::Result<Arc<[u8]>> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, bytes)) = state.kept.iter().find(|(known, _)| *known == number) {
            return Ok(Arc::clone(bytes));
        }
        let follows = state.next == number && number > 0;
        let together = if follows { (state.together * 2).min(TOGETHER_MAX) } else { 1 };
        let start = number * PART;
        let end = (start + together * PART).min(self.blob.size);
        let bytes = self.request(start, end)?;
        (state.next, state.together) = (number + together, together);
        let mut first = None;
        for (number, part) in (number..).zip(bytes.chunks(usize::try_from(PART).unwrap_or(1))) {
            let part: Arc<[u8]> = part.into();
            first.get_or_insert_with(|| Arc::clone(&part));
            state.kept.push_back((number, part));
        }
        let excess = state.kept.len().saturating_sub(KEPT);
        state.kept.drain(..excess);
        first.ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
    }

    fn request(&self, start: u64, end: u64) -> io::Result<Vec<u8>> {
        let blob = self.blob;
        let reader = self.images.open_blob_part(blob.digest, blob.size, start..end);
        let mut bytes = Vec::new();
        reader.map_err(io::Error::other)?.take(end - start).read_to_end(&mut bytes)?;
        self.traffic.count(bytes.len() as u64);
        if bytes.len() as u64 == end - start { Ok(bytes) } else { Err(shorter()) }
    }
}

/// Returns the error for a blob that has fewer bytes than its manifest says.
fn shorter() -> io::Error {
    io::Error::other("the blob is shorter than its manifest says")
}

impl ReadAt for RangedBlob<'_> {
    fn len(&self) -> u64 {
        self.blob.size
    }

    fn read_exact_at(&self, mut space: &mut [u8], mut at: u64) -> io::Result<()> {
        if at.checked_add(space.len() as u64).is_none_or(|end| end > self.blob.size) {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        while !space.is_empty() {
            let part = self.part(at / PART)?;
            let skip = usize::try_from(at % PART).unwrap_or(0);
            let available = part.get(skip..).filter(|it| !it.is_empty()).ok_or_else(shorter)?;
            let count = available.len().min(space.len());
            let (now, later) = space.split_at_mut(count);
            now.copy_from_slice(&available[..count]);
            (space, at) = (later, at + count as u64);
        }
        Ok(())
    }
}
