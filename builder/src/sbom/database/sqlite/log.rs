//! The *log* of a database (`-wal`): pages as they were written last. Those behind the last commit do not count,
//! and neither do those of an earlier use of the file, which have other salts.

use std::collections::BTreeMap;

use super::super::super::error::FileProblem;
use crate::disk::ReadAt;
use crate::disk::bytes::be32;

/// Magics without the bit for the byte order of checksums.
const MAGIC: u32 = 0x377f_0682;

/// Lengths in bytes of the header, and of the head of a page.
const HEADER: usize = 32;
const HEAD: usize = 24;

/// How many pages of a log are read; SQLite begins anew after a thousand.
const FRAMES_MAX: u64 = 1 << 16;

/// Where the pages of a log are, by their numbers: offsets in bytes.
pub(super) struct Log(BTreeMap<u32, u64>);

impl Log {
    /// Returns the offset of a page in the log, if it is there.
    pub(super) fn find(&self, page: u32) -> Option<u64> {
        self.0.get(&page).copied()
    }

    /// Returns the number of pages.
    pub(super) fn len(&self) -> u64 {
        self.0.len() as u64
    }
}

/// Reads the log of a database with pages of a length in bytes.
pub(super) fn read_log(bytes: &dyn ReadAt, page_len: usize) -> Result<Log, FileProblem> {
    let mut pages = BTreeMap::new();
    if bytes.len() < HEADER as u64 {
        return Ok(Log(pages));
    }
    let mut header = [0; HEADER];
    bytes.read_exact_at(&mut header, 0)?;
    if be32(&header, 0) & !1 != MAGIC || be32(&header, 8) as usize != page_len {
        return Ok(Log(pages));
    }
    let frame = (HEAD + page_len) as u64;
    let frames = (bytes.len() - HEADER as u64) / frame;
    if frames > FRAMES_MAX {
        return Err(FileProblem::damaged(format!("its log has {frames} pages")));
    }
    let mut uncommitted = Vec::new();
    for at in (0..frames).map(|number| HEADER as u64 + number * frame) {
        let mut head = [0; HEAD];
        bytes.read_exact_at(&mut head, at)?;
        if head[8..16] != header[16..24] {
            break;
        }
        uncommitted.push((be32(&head, 0), at + HEAD as u64));
        // The last page of a commit has the length of the database.
        if be32(&head, 4) != 0 {
            pages.extend(uncommitted.drain(..));
        }
    }
    Ok(Log(pages))
}
