//! *SQLite* databases, as far as the rows of a table need it (<https://www.sqlite.org/fileformat2.html>): tables
//! are trees of pages, and a long row goes on in a chain of pages. Changes that are still in the log count.
//!
//! - `pages`: the pages of the file, some of them as the log has them
//! - `log`: the log of changes (`-wal`)
//! - `table`: the rows of a table
//! - `row`: the bytes of a row, from front to back
//! - `number`: numbers of variable length

mod log;
mod number;
mod pages;
mod row;
mod table;

use super::super::error::FileProblem;
use crate::disk::ReadAt;
use pages::Pages;
pub(super) use row::Row;

/// Length in bytes of the longest description of a table.
const DESCRIPTION_MAX: u64 = 64 << 10;

/// Number of the page with the descriptions of all tables.
const DESCRIPTIONS: u32 = 1;

/// A database.
pub(super) struct Database<'a>(Pages<'a>);

impl<'a> Database<'a> {
    /// Opens a database, with its log if there is one.
    pub(super) fn open(
        file: &'a dyn ReadAt,
        log: Option<&'a dyn ReadAt>,
    ) -> Result<Self, FileProblem> {
        Ok(Self(Pages::open(file, log)?))
    }

    /// Passes the rows of a table; `None` if there is no such table.
    pub(super) fn each_row(
        &self,
        name: &str,
        each: &mut dyn FnMut(Row<'_>) -> Result<(), FileProblem>,
    ) -> Result<Option<()>, FileProblem> {
        let Some(root) = self.find_table(name)? else { return Ok(None) };
        table::each_row(&self.0, root, each).map(Some)
    }

    /// Returns the first page of a table.
    fn find_table(&self, name: &str) -> Result<Option<u32>, FileProblem> {
        let mut found = None;
        table::each_row(&self.0, DESCRIPTIONS, &mut |mut row| {
            // Type, name, name of the table, first page, SQL.
            let columns = row.read_columns()?;
            let [kind, own_name, _, root, ..] = &columns[..] else { return Ok(()) };
            let lens = columns.iter().take(4).map(|column| column.len);
            let len = lens.fold(0, u64::saturating_add);
            if len > DESCRIPTION_MAX {
                return Ok(());
            }
            let mut bytes = vec![0; usize::try_from(len).unwrap_or(0)];
            row.read(&mut bytes)?;
            let part = |from: u64, len: u64| {
                let from = usize::try_from(from).ok()?;
                bytes.get(from..from.checked_add(usize::try_from(len).ok()?)?)
            };
            let is_it = part(0, kind.len) == Some(b"table")
                && part(kind.len, own_name.len) == Some(name.as_bytes());
            let number = part(len - root.len, root.len).unwrap_or_default();
            if is_it && number.len() <= 4 {
                found = Some(number.iter().fold(0, |sum, byte| sum << 8 | u32::from(*byte)));
            }
            Ok(())
        })?;
        Ok(found)
    }
}
