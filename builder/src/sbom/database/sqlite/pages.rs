//! The *pages* of a database.

use super::super::super::error::FileProblem;
use super::log::{Log, read_log};
use crate::disk::ReadAt;

const MAGIC: &[u8] = b"SQLite format 3\0";

/// Length in bytes of the header, which is at the start of the first page.
pub(super) const HEADER: usize = 100;

/// The pages.
pub(super) struct Pages<'a> {
    file: &'a dyn ReadAt,
    log: Option<(&'a dyn ReadAt, Log)>,
    /// Length of a page in bytes: a power of two from 512 to 65536.
    len: usize,
    /// How many of them are used; the rest is for extensions.
    pub(super) used: usize,
    /// Number of pages of the database and the log together.
    pub(super) count: u64,
}

impl<'a> Pages<'a> {
    /// Reads the header, and the log.
    pub(super) fn open(
        file: &'a dyn ReadAt,
        log: Option<&'a dyn ReadAt>,
    ) -> Result<Self, FileProblem> {
        let damaged = || FileProblem::damaged("it is no database of SQLite");
        let mut header = [0; HEADER];
        if file.len() < HEADER as u64 {
            return Err(damaged());
        }
        file.read_exact_at(&mut header, 0)?;
        let len = match u16::from_be_bytes([header[16], header[17]]) {
            1 => 65536,
            len => usize::from(len),
        };
        let used = len.checked_sub(header[20].into()).filter(|used| *used >= 480);
        if !header.starts_with(MAGIC) || !len.is_power_of_two() || len < 512 {
            return Err(damaged());
        }
        let used = used.ok_or_else(damaged)?;
        let log =
            log.map(|bytes| Ok::<_, FileProblem>((bytes, read_log(bytes, len)?))).transpose()?;
        let in_log = log.as_ref().map_or(0, |(_, log)| log.len());
        let count = file.len() / len as u64 + in_log;
        Ok(Self { file, log, len, used, count })
    }

    /// Fills `space` with the bytes of a page from `at` on; pages count from 1.
    pub(super) fn read_part(
        &self,
        page: u32,
        at: usize,
        space: &mut [u8],
    ) -> Result<(), FileProblem> {
        let damaged = || FileProblem::damaged(format!("it has no page {page}"));
        let index = page.checked_sub(1).ok_or_else(damaged)?;
        if at.checked_add(space.len()).is_none_or(|end| end > self.len) {
            return Err(damaged());
        }
        if let Some((bytes, log)) = &self.log
            && let Some(start) = log.find(page)
        {
            return Ok(bytes.read_exact_at(space, start + at as u64)?);
        }
        let start = u64::from(index) * self.len as u64 + at as u64;
        if start + space.len() as u64 > self.file.len() {
            return Err(damaged());
        }
        Ok(self.file.read_exact_at(space, start)?)
    }

    /// Returns the used bytes of a page.
    pub(super) fn read(&self, page: u32) -> Result<Vec<u8>, FileProblem> {
        let mut bytes = vec![0; self.used];
        self.read_part(page, 0, &mut bytes)?;
        Ok(bytes)
    }
}
