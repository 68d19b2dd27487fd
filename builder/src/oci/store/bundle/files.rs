//! The *files* that there are under the names of a bundle before it is written. Those of an earlier bundle are replaced, in
//! whichever of its two forms it is; a file of anything else is left, and the bundle refused.

use std::collections::BTreeSet;
use std::io::{self, Read as _};

use cap_std::fs::Dir;
use tar::EntryType;

use crate::oci::error::StorageError;
use crate::oci::store::archive_tar::new_header;
use crate::oci::store::part_list::{LIST_MAX, PARTS_MAX, PartList, part_name};

/// The member that a bundle begins with, by which it is known.
pub(super) const FIRST_MEMBER: &str = "blobs/";

/// End of temporary names.
const PARTIAL: &str = ".partial";

/// Returns the name that a file of a bundle has until all are complete.
pub(super) fn temporary_name(name: &str) -> String {
    format!("{name}{PARTIAL}")
}

/// Returns the names of all files that writing the bundle `name` can replace or remove, whether there are such files or not.
pub fn bundle_file_names(name: &str) -> impl Iterator<Item = String> {
    let parts = (0..PARTS_MAX).map(|number| part_name(name, number));
    let whole = [name.to_owned(), PartList::file_name(name), temporary_name(name)];
    whole.into_iter().chain(parts.flat_map(|part| [temporary_name(&part), part]))
}

/// Returns the names of the parts of the bundle `name`: those of its list, and those that a program that was interrupted
/// before it wrote the list has completed. There is none if the bundle is one file.
pub fn find_parts(dir: &Dir, name: &str) -> io::Result<BTreeSet<String>> {
    let list = read_list(dir, name)?.unwrap_or_default();
    let mut found: BTreeSet<String> = list.0.into_iter().map(|part| part.name).collect();
    if has_bundle(dir, &part_name(name, 0))? {
        let names = (0..PARTS_MAX).map(|number| part_name(name, number));
        found.extend(names.take_while(|name| exists(dir, name)));
    }
    Ok(found)
}

/// Removes the parts of an earlier bundle, but for the first `kept`, and their list if none is kept.
pub(super) fn remove_parts(
    dir: &Dir,
    name: &str,
    found: &BTreeSet<String>,
    kept: usize,
) -> io::Result<()> {
    let list = PartList::file_name(name);
    if kept == 0 && read_list(dir, name)?.is_some() {
        remove(dir, &list)?;
    }
    let kept: BTreeSet<String> = (0..kept).map(|number| part_name(name, number)).collect();
    found.difference(&kept).try_for_each(|part| remove(dir, part))
}

/// Removes the earlier bundle that is one file.
pub(super) fn remove_whole(dir: &Dir, name: &str) -> io::Result<()> {
    if has_bundle(dir, name)? { remove(dir, name) } else { Ok(()) }
}

/// Fails if a file that is of no bundle would be replaced. `path` is the path of the bundle in messages; a bundle that is
/// one file replaces whatever has its name, as all outputs do.
pub(super) fn check_files(
    dir: &Dir,
    name: &str,
    path: &str,
    is_split: bool,
) -> Result<(), StorageError> {
    let found = find_foreign(dir, name, is_split).map_err(StorageError::io("read", path))?;
    let Some(found) = found else { return Ok(()) };
    let end = found.strip_prefix(name).unwrap_or_default();
    Err(StorageError::Refused {
        message: format!("`{path}{end}` is there, and no bundle was written to it"),
        help: Some("it would be replaced: move it, or give the bundle another name".into()),
    })
}

fn find_foreign(dir: &Dir, name: &str, is_split: bool) -> io::Result<Option<String>> {
    let is_mine = |name: &str| Ok::<_, io::Error>(is_empty(dir, name) || has_bundle(dir, name)?);
    if !is_split {
        let partial = temporary_name(name);
        return Ok((exists(dir, &partial) && !is_mine(&partial)?).then_some(partial));
    }
    let (first, parts) = (part_name(name, 0), find_parts(dir, name)?);
    let first_partial = temporary_name(&first);
    let is_started = has_bundle(dir, &first)? || has_bundle(dir, &first_partial)?;
    for number in 0..PARTS_MAX {
        let part = part_name(name, number);
        let partial = temporary_name(&part);
        if exists(dir, &part) && !parts.contains(&part) {
            return Ok(Some(part));
        }
        let is_known = if number == 0 { is_mine(&partial)? } else { is_started };
        if exists(dir, &partial) && !is_known {
            return Ok(Some(partial));
        }
    }
    let list = PartList::file_name(name);
    if exists(dir, &list) && read_list(dir, name)?.is_none() {
        return Ok(Some(list));
    }
    Ok((exists(dir, name) && !has_bundle(dir, name)?).then(|| name.to_owned()))
}

/// Reads the list of the parts of the bundle `name`. A file of checksums of something else, for example of the bundle as
/// one file, is none.
fn read_list(dir: &Dir, name: &str) -> io::Result<Option<PartList>> {
    let path = PartList::file_name(name);
    let bytes = read_start(dir, &path, LIST_MAX)?;
    let list = std::str::from_utf8(&bytes).ok().and_then(|text| text.parse::<PartList>().ok());
    Ok(list.filter(|list| list.is_of(name)))
}

/// Returns whether a file begins as a bundle does.
fn has_bundle(dir: &Dir, name: &str) -> io::Result<bool> {
    let start = new_header(FIRST_MEMBER, EntryType::Directory, 0)?;
    let start = start.as_bytes();
    let found = read_start(dir, name, start.len())?;
    Ok(!found.is_empty() && start.starts_with(&found))
}

/// Reads the beginning of a regular file; of anything else there is none.
fn read_start(dir: &Dir, name: &str, max: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    if dir.metadata(name).is_ok_and(|found| found.is_file()) {
        dir.open(name)?.take(max as u64).read_to_end(&mut bytes)?;
    }
    Ok(bytes)
}

fn is_empty(dir: &Dir, name: &str) -> bool {
    dir.metadata(name).is_ok_and(|found| found.is_file() && found.len() == 0)
}

fn exists(dir: &Dir, name: &str) -> bool {
    dir.symlink_metadata(name).is_ok()
}

fn remove(dir: &Dir, name: &str) -> io::Result<()> {
    match dir.remove_file(name) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}
