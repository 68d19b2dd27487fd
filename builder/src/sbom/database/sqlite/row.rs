//! A *row*, which is read from front to back: the types of its columns, then their values.

use super::super::super::error::FileProblem;
use super::number::read_number;
use super::pages::Pages;

/// Length in bytes of the longest list of types that is read.
const TYPES_MAX: u64 = 1024;

/// Length in bytes of the number of the next page, in front of a page of a chain.
const NEXT: usize = 4;

/// A column of a row.
#[derive(Debug, Clone, Copy)]
pub(in super::super) struct Column {
    /// Length of its value in bytes.
    pub(in super::super) len: u64,
}

/// A row.
pub(in super::super) struct Row<'p> {
    pages: &'p Pages<'p>,
    /// What is left in the page of the row.
    local: &'p [u8],
    /// The page that the rest begins or goes on in, how many of its bytes were read, and the one behind it.
    page: Option<(u32, usize, u32)>,
    next: u32,
    /// How many bytes are left.
    left: u64,
}

impl<'p> Row<'p> {
    /// Returns a row of a length in bytes, of which a part is `local`, and the rest begins in the page `next`.
    pub(super) fn new(pages: &'p Pages<'p>, local: &'p [u8], next: u32, len: u64) -> Self {
        Self { pages, local, page: None, next, left: len }
    }

    /// Reads the types of the columns, at the beginning.
    pub(in super::super) fn read_columns(&mut self) -> Result<Vec<Column>, FileProblem> {
        let damaged = || FileProblem::damaged("a row of the database is damaged");
        let mut start = [0; 9];
        let start_len = usize::try_from(self.left).unwrap_or(usize::MAX).min(start.len());
        // The list is in the page of the row, which has more than its length.
        let known = self.local.get(..start_len.min(self.local.len())).unwrap_or_default();
        start[..known.len()].copy_from_slice(known);
        let (len, own) = read_number(&start[..known.len()]).ok_or_else(damaged)?;
        let rest = len.checked_sub(own as u64).filter(|_| len <= TYPES_MAX).ok_or_else(damaged)?;
        self.skip(own as u64)?;
        let mut types = vec![0; usize::try_from(rest).unwrap_or(0)];
        self.read(&mut types)?;
        let (mut types, mut columns) = (&types[..], Vec::new());
        while !types.is_empty() {
            let (kind, len) = read_number(types).ok_or_else(damaged)?;
            columns.push(Column { len: value_len(kind) });
            types = &types[len..];
        }
        Ok(columns)
    }

    /// Fills `space` with the next bytes.
    pub(in super::super) fn read(&mut self, mut space: &mut [u8]) -> Result<(), FileProblem> {
        self.count(space.len() as u64)?;
        while !space.is_empty() {
            let available = self.available()?;
            let (part, rest) = space.split_at_mut(available.min(space.len()));
            match &mut self.page {
                None => {
                    let (now, later) = self.local.split_at(part.len());
                    part.copy_from_slice(now);
                    self.local = later;
                }
                Some((page, at, _)) => {
                    self.pages.read_part(*page, *at, part)?;
                    *at += part.len();
                }
            }
            space = rest;
        }
        Ok(())
    }

    /// Skips the next bytes.
    pub(in super::super) fn skip(&mut self, len: u64) -> Result<(), FileProblem> {
        self.count(len)?;
        let mut left = len;
        while left > 0 {
            let available = self.available()?;
            let part = usize::try_from(left).unwrap_or(usize::MAX).min(available);
            match &mut self.page {
                None => self.local = self.local.get(part..).unwrap_or_default(),
                Some((_, at, _)) => *at += part,
            }
            left -= part as u64;
        }
        Ok(())
    }

    fn count(&mut self, len: u64) -> Result<(), FileProblem> {
        let cut = || FileProblem::damaged("a row of the database is too short");
        self.left = self.left.checked_sub(len).ok_or_else(cut)?;
        Ok(())
    }

    /// Returns how many bytes can be read at once, at least one; turns to the next page where it has to. A chain
    /// that leads to itself ends with the row.
    fn available(&mut self) -> Result<usize, FileProblem> {
        let used = self.pages.used;
        match self.page {
            None if !self.local.is_empty() => return Ok(self.local.len()),
            Some((_, at, _)) if at < used => return Ok(used - at),
            Some((_, _, next)) => self.next = next,
            None => {}
        }
        let mut next = [0; NEXT];
        self.pages.read_part(self.next, 0, &mut next)?;
        self.page = Some((self.next, NEXT, u32::from_be_bytes(next)));
        Ok(used - NEXT)
    }
}

/// Returns the length of a value by its type (section 2.1 of the specification).
fn value_len(kind: u64) -> u64 {
    match kind {
        0 | 8..=11 => 0,
        1..=4 => kind,
        5 => 6,
        6 | 7 => 8,
        _ => (kind - 12) / 2,
    }
}
