//! Opens the inside of this wing for the targets in `builder/fuzz`.

use super::database::{read_ndb, read_sqlite};
use super::error::FileProblem;
use super::inventory::PackageList;
use crate::disk::ReadAt;

/// Returns how many packages a database of rpm has: with a log it is one of `SQLite`, else of openSUSE.
pub(crate) fn count_rpm_packages(
    file: &dyn ReadAt,
    log: Option<&dyn ReadAt>,
) -> Result<usize, String> {
    let mut packages = PackageList::default();
    let read = match log {
        Some(_) => read_sqlite(file, log, &mut packages),
        None => read_ndb(file, log, &mut packages),
    };
    match read {
        Ok(()) => Ok(packages.finish().len()),
        Err(FileProblem::Io(error)) => Err(error.to_string()),
        Err(FileProblem::Damaged(problem)) => Err(problem),
    }
}
