//! The *databases* of package managers.
//!
//! - `dpkg`, `apk`: texts, one paragraph for each package
//! - `rpm`: a database of headers; `sqlite`: the databases that it is in
//! - `lines`: the lines of a text
//! - `unread`: what is named and not read

mod apk;
mod dpkg;
mod lines;
mod rpm;
mod sqlite;
mod unread;

pub(super) use rpm::{read_ndb, read_sqlite};
pub(super) use unread::list_unread;

use super::error::InventoryError;
use super::inventory::PackageList;
use crate::disk::file_system::FileTree;

/// Reads the databases of a system into `packages`, and returns their paths.
pub(super) fn read_databases(
    tree: &FileTree<'_>,
    packages: &mut PackageList,
) -> Result<Vec<String>, InventoryError> {
    let mut paths = Vec::new();
    for read in [dpkg::read_database, apk::read_database, rpm::read_database] {
        paths.extend(read(tree, packages)?);
    }
    Ok(paths)
}
