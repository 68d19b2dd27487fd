//! The *tables* of a disk: numbers in its file that say where its blocks lie. They are read in
//! pages, of which those that were used last are kept.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use crate::disk::ReadAt;
use crate::disk::guest::invalid;

/// How much of a table is read at once, in bytes.
const PAGE: u64 = 16 << 10;

/// How many pages are kept.
const PAGES: usize = 64;

/// The numbers of one file.
pub(in crate::disk) struct Tables<'a> {
    file: Arc<dyn ReadAt + 'a>,
    /// By their number in the file; the one used last is in front.
    pages: Mutex<Vec<(u64, Arc<[u8]>)>>,
}

impl<'a> Tables<'a> {
    pub(in crate::disk) fn new(file: Arc<dyn ReadAt + 'a>) -> Self {
        Self { file, pages: Mutex::default() }
    }

    pub(in crate::disk) fn file(&self) -> &(dyn ReadAt + 'a) {
        &*self.file
    }

    /// Returns the bytes of entry `index` of the table that begins at `table`, called `what`.
    pub(in crate::disk) fn entry<const LEN: usize>(
        &self,
        what: &str,
        table: u64,
        index: u64,
    ) -> io::Result<[u8; LEN]> {
        let at = index.checked_mul(LEN as u64).and_then(|skip| table.checked_add(skip));
        let end = at.and_then(|at| at.checked_add(LEN as u64));
        let (Some(at), true) = (at, end.is_some_and(|end| end <= self.file.len())) else {
            return Err(invalid(format!(
                "entry {index} of the {what} at byte {table} lies outside the file"
            )));
        };
        let mut entry = [0; LEN];
        let mut done = 0;
        while let Some(rest) = entry.get_mut(done..).filter(|rest| !rest.is_empty()) {
            let at = at + done as u64;
            let page = self.page(at / PAGE)?;
            let from = usize::try_from(at % PAGE).unwrap_or(usize::MAX);
            let there = page.get(from..).unwrap_or_default();
            let count = rest.len().min(there.len());
            if count == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            rest[..count].copy_from_slice(&there[..count]);
            done += count;
        }
        Ok(entry)
    }

    fn page(&self, number: u64) -> io::Result<Arc<[u8]>> {
        if let Some(page) = self.kept(number) {
            return Ok(page);
        }
        let at = number * PAGE;
        let len = self.file.len().saturating_sub(at).min(PAGE);
        let mut page = vec![0; usize::try_from(len).unwrap_or(0)];
        self.file.read_exact_at(&mut page, at)?;
        let page: Arc<[u8]> = page.into();
        let mut pages = self.pages.lock().unwrap_or_else(PoisonError::into_inner);
        pages.truncate(PAGES - 1);
        pages.insert(0, (number, Arc::clone(&page)));
        Ok(page)
    }

    fn kept(&self, number: u64) -> Option<Arc<[u8]>> {
        let mut pages = self.pages.lock().unwrap_or_else(PoisonError::into_inner);
        let place = pages.iter().position(|(kept, _)| *kept == number)?;
        if let Some(first) = pages.get_mut(..=place) {
            first.rotate_right(1);
        }
        pages.first().map(|(_, page)| Arc::clone(page))
    }
}
