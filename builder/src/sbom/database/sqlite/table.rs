//! The rows of a *table*: a tree of pages.

use super::super::super::error::FileProblem;
use super::number::read_number;
use super::pages::{HEADER, Pages};
use super::row::Row;

/// Kinds of pages: those that lead to others, and those with rows.
const INNER: u8 = 5;
const LEAF: u8 = 13;

/// Lengths in bytes of the heads of both.
const INNER_HEAD: usize = 12;
const LEAF_HEAD: usize = 8;

/// Levels of a tree at most: no database has more (`BTCURSOR_MAX_DEPTH` in SQLite).
const DEPTH_MAX: usize = 20;

fn damaged() -> FileProblem {
    FileProblem::damaged("a table of the database is damaged")
}

/// Passes the rows of the table whose first page has this number.
pub(super) fn each_row(
    pages: &Pages<'_>,
    root: u32,
    each: &mut dyn FnMut(Row<'_>) -> Result<(), FileProblem>,
) -> Result<(), FileProblem> {
    // A tree refers to every page once.
    let mut left = pages.count;
    let mut waiting = vec![vec![root]];
    while let Some(level) = waiting.last_mut() {
        let Some(page) = level.pop() else {
            waiting.pop();
            continue;
        };
        left = left.checked_sub(1).ok_or_else(damaged)?;
        let bytes = pages.read(page)?;
        let head = if page == 1 { HEADER } else { 0 };
        match bytes.get(head) {
            Some(&INNER) if waiting.len() < DEPTH_MAX => {
                let mut children = vec![be_u32(&bytes, head + 8)?];
                for cell in cells(&bytes, head, INNER_HEAD)?.into_iter().rev() {
                    children.push(be_u32(&bytes, cell)?);
                }
                waiting.push(children);
            }
            Some(&LEAF) => {
                for cell in cells(&bytes, head, LEAF_HEAD)? {
                    each(open_row(pages, &bytes, cell)?)?;
                }
            }
            _ => return Err(damaged()),
        }
    }
    Ok(())
}

/// Returns where the cells of a page are.
fn cells(bytes: &[u8], head: usize, head_len: usize) -> Result<Vec<usize>, FileProblem> {
    let count = bytes.get(head + 3..head + 5).ok_or_else(damaged)?;
    let count = usize::from(u16::from_be_bytes([count[0], count[1]]));
    let start = head + head_len;
    let list = bytes.get(start..start + 2 * count).ok_or_else(damaged)?;
    Ok(list.as_chunks::<2>().0.iter().map(|cell| u16::from_be_bytes(*cell).into()).collect())
}

fn be_u32(bytes: &[u8], at: usize) -> Result<u32, FileProblem> {
    let part = bytes.get(at..at.saturating_add(4)).ok_or_else(damaged)?;
    Ok(u32::from_be_bytes([part[0], part[1], part[2], part[3]]))
}

/// Opens the row of a cell: a part is in the page, the rest in others.
fn open_row<'p>(
    pages: &'p Pages<'p>,
    bytes: &'p [u8],
    cell: usize,
) -> Result<Row<'p>, FileProblem> {
    let rest = bytes.get(cell..).ok_or_else(damaged)?;
    let (len, first) = read_number(rest).ok_or_else(damaged)?;
    let rest = rest.get(first..).ok_or_else(damaged)?;
    let (_, second) = read_number(rest).ok_or_else(damaged)?;
    let rest = rest.get(second..).ok_or_else(damaged)?;
    let stored = stored_len(len, pages.used);
    let local = rest.get(..stored).ok_or_else(damaged)?;
    let next = if stored as u64 == len { 0 } else { be_u32(rest, stored)? };
    Ok(Row::new(pages, local, next, len))
}

/// Returns how many bytes of a row are stored in its page (section 1.6 of the specification).
fn stored_len(len: u64, used: usize) -> usize {
    let (max, min) = (used - 35, (used - 12) * 32 / 255 - 23);
    match usize::try_from(len) {
        Ok(len) if len <= max => len,
        _ => {
            let rest = (len - min as u64) % (used as u64 - 4);
            let stored = min + usize::try_from(rest).unwrap_or(0);
            if stored <= max { stored } else { min }
        }
    }
}
