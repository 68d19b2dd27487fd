//! Opens *bundles*: an archive, or the parts of one.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use diskette_builder::oci::store::{ArchiveFile, ArchiveImages, ArchivePart, PartList};
use diskette_builder::recipe::diagnostic::Diagnostic;

use super::open_archive;
use crate::error::{CommandError, cannot};
use crate::files::{open_file, read_at_most};

/// The longest list of parts that is read, in bytes.
const LIST_MAX: usize = 1 << 20;

/// Opens a bundle for reading: a file, or the parts that a list beside it names.
pub(crate) fn open_bundle(path: &Path) -> Result<ArchiveImages, CommandError> {
    if path.exists() {
        return Ok(open_archive(path)?);
    }
    let list_path = PathBuf::from(PartList::file_name(&path.display().to_string()));
    if !list_path.exists() {
        let (path, list) = (path.display(), list_path.display());
        let message = format!("there is no bundle `{path}`");
        let help = format!("if it was split, its parts are listed in `{list}`, which is missing");
        return Err(Diagnostic::new(message).help(help).into());
    }
    let list = read_list(&list_path)?;
    let file = Arc::new(open_parts(path, list)?);
    let images = ArchiveImages::open_parts(Arc::clone(&file), &path.display().to_string());
    images.map_err(|error| {
        let damaged = file.find_damaged().unwrap_or_default();
        match CommandError::from(error) {
            CommandError::Failed(mut all) => {
                if let Some(last) = all.pop() {
                    all.push(damaged.iter().fold(last, name_damaged));
                }
                CommandError::Failed(all)
            }
            other => other,
        }
    })
}

/// Adds to an error that a part is damaged.
pub(crate) fn name_damaged(error: Diagnostic, part: &String) -> Diagnostic {
    error.help(format!("the part `{part}` is damaged: copy it again"))
}

fn read_list(path: &Path) -> Result<PartList, CommandError> {
    let fail = || cannot("read", path.display());
    let bytes = open_file(path).and_then(|file| read_at_most(file, LIST_MAX)).map_err(fail())?;
    let text = String::from_utf8_lossy(&bytes);
    let list = text.parse::<PartList>().map_err(cannot("use", path.display()))?;
    Ok(list)
}

fn open_parts(path: &Path, list: PartList) -> Result<ArchiveFile, CommandError> {
    let mut parts = Vec::new();
    for listed in list.0 {
        let part = path.with_file_name(&listed.name);
        if !part.exists() {
            let message = format!("the part `{}` of the bundle is missing", part.display());
            let help =
                format!("copy it beside `{}`", PartList::file_name(&path.display().to_string()));
            return Err(Diagnostic::new(message).help(help).into());
        }
        let file = open_file(&part).map_err(cannot("open", part.display()))?;
        parts.push(ArchivePart { file, listed: Some(listed) });
    }
    Ok(ArchiveFile::join(parts).map_err(cannot("read", path.display()))?)
}
