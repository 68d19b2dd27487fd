//! rpm's database: a header for each package, in a database of SQLite or in rpm's own `ndb`.
//!
//! - `header`: a header, and what is needed of it
//! - `ndb`: the databases of openSUSE

mod header;
mod ndb;

use self::header::read_header;
use super::sqlite::{Database, Row};
use crate::disk::ReadAt;
use crate::disk::file_system::FileTree;
use crate::sbom::error::{FileProblem, InventoryError};
use crate::sbom::inventory::PackageList;

/// Where the database can be; several of them are often links to one.
const DIRECTORIES: [&str; 3] = ["/usr/lib/sysimage/rpm", "/var/lib/rpm", "/usr/share/rpm"];

/// The table with the headers.
const TABLE: &str = "Packages";

/// Adds the packages, and returns the path of the database.
pub(super) fn read_database(
    tree: &FileTree<'_>,
    packages: &mut PackageList,
) -> Result<Vec<String>, InventoryError> {
    for directory in DIRECTORIES {
        for (name, read) in
            [("rpmdb.sqlite", read_sqlite as ReadDatabase), ("Packages.db", read_ndb)]
        {
            let path = format!("{directory}/{name}");
            let wrong = |problem: FileProblem| problem.in_file(&path);
            let Some(file) = tree.open(&path).map_err(|fault| wrong(fault.into()))? else {
                continue;
            };
            let log = tree.open(&format!("{path}-wal")).map_err(|fault| wrong(fault.into()))?;
            let log = log.as_ref().map(|log| log as &dyn ReadAt);
            read(&file, log, packages).map_err(wrong)?;
            return Ok(vec![path]);
        }
    }
    Ok(Vec::new())
}

type ReadDatabase =
    fn(&dyn ReadAt, Option<&dyn ReadAt>, &mut PackageList) -> Result<(), FileProblem>;

/// Adds the packages of a database of SQLite.
pub(in super::super) fn read_sqlite(
    file: &dyn ReadAt,
    log: Option<&dyn ReadAt>,
    packages: &mut PackageList,
) -> Result<(), FileProblem> {
    let found = Database::open(file, log)?.each_row(TABLE, &mut |mut row: Row<'_>| {
        // The number of the package, which is the key of the row, and its header.
        let columns = row.read_columns()?;
        let [number, header, ..] = &columns[..] else {
            return Err(FileProblem::damaged("its table has too few columns"));
        };
        row.skip(number.len)?;
        let len = header.len;
        let mut at = 0;
        read_header(len, packages, &mut |from, space| {
            let skipped = from.checked_sub(at);
            row.skip(skipped.ok_or_else(|| FileProblem::damaged("a header is damaged"))?)?;
            at = from + space.len() as u64;
            row.read(space)
        })
    })?;
    found.ok_or_else(|| FileProblem::damaged("it has no table of packages"))
}

/// Adds the packages of a database of openSUSE.
pub(in super::super) fn read_ndb(
    file: &dyn ReadAt,
    _log: Option<&dyn ReadAt>,
    packages: &mut PackageList,
) -> Result<(), FileProblem> {
    ndb::each_blob(file, &mut |start, len| {
        read_header(len, packages, &mut |from, space| Ok(file.read_exact_at(space, start + from)?))
    })
}
