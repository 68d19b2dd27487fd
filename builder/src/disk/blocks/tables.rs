//! The *tables* of a disk: the locations of its blocks in the file. They are read in pages;
//! those that were used last are cached.

use std::io;
use std::sync::Arc;

use super::invalid_data;
use super::recent::RecentBytes;
use crate::disk::read_at::ReadAt;

/// Length in bytes of a page, which is read at once.
const PAGE_LEN: u64 = 16 << 10;

/// Maximum number of cached pages.
const PAGES_MAX: usize = 64;

/// Reads the tables of one file.
pub(in crate::disk) struct TableReader<'a> {
    file: Arc<dyn ReadAt + 'a>,
    /// Pages by their number in the file.
    pages: RecentBytes,
}

impl<'a> TableReader<'a> {
    pub(super) fn new(file: Arc<dyn ReadAt + 'a>) -> Self {
        Self { file, pages: RecentBytes::default() }
    }

    pub(in crate::disk) fn file(&self) -> &(dyn ReadAt + 'a) {
        &*self.file
    }

    /// Returns the bytes of entry `index` of the table that begins at `table`, called `what`.
    pub(in crate::disk) fn read_entry<const LEN: usize>(
        &self,
        what: &str,
        table: u64,
        index: u64,
    ) -> io::Result<[u8; LEN]> {
        let at = index.checked_mul(LEN as u64).and_then(|skip| table.checked_add(skip));
        let end = at.and_then(|at| at.checked_add(LEN as u64));
        let (Some(at), true) = (at, end.is_some_and(|end| end <= self.file.len())) else {
            return Err(invalid_data(format!(
                "entry {index} of the {what} at byte {table} lies outside the file"
            )));
        };
        let mut entry = [0; LEN];
        let mut done = 0;
        while let Some(rest) = entry.get_mut(done..).filter(|rest| !rest.is_empty()) {
            let at = at + done as u64;
            let page = self.read_page(at / PAGE_LEN)?;
            let from = usize::try_from(at % PAGE_LEN).unwrap_or(usize::MAX);
            let found = page.get(from..).unwrap_or_default();
            let count = rest.len().min(found.len());
            if count == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            rest[..count].copy_from_slice(&found[..count]);
            done += count;
        }
        Ok(entry)
    }

    fn read_page(&self, number: u64) -> io::Result<Arc<[u8]>> {
        if let Some(page) = self.pages.get(number) {
            return Ok(page);
        }
        let at = number * PAGE_LEN;
        let len = self.file.len().saturating_sub(at).min(PAGE_LEN);
        let mut page = vec![0; usize::try_from(len).unwrap_or(0)];
        self.file.read_exact_at(&mut page, at)?;
        Ok(self.pages.insert(number, page, PAGES_MAX))
    }
}
