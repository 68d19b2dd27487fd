//! Opens *bundles*: an archive, or the parts of one.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use diskette_builder::oci::store::bundle::find_parts;
use diskette_builder::oci::store::{ArchiveFile, ArchiveImages, ArchivePart, LIST_MAX, PartList};
use diskette_builder::recipe::diagnostic::Diagnostic;

use super::open_archive;
use crate::error::{CommandError, cannot};
use crate::files::{open_dir, open_file, read_at_most};

/// Opens a bundle for reading: a file, or the parts that a list beside it names. If there are both, nothing says which is
/// meant.
pub(crate) fn open_bundle(path: &Path) -> Result<ArchiveImages, CommandError> {
    if path.exists() {
        check_form(path)?;
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

/// Returns the paths of the files of a bundle, as far as they are known.
pub(crate) fn bundle_files(path: &Path) -> Vec<PathBuf> {
    if path.exists() {
        return vec![path.to_owned()];
    }
    let list = PathBuf::from(PartList::file_name(&path.display().to_string()));
    let parts = read_list(&list).unwrap_or_default().0.into_iter();
    let parts = parts.map(|part| path.with_file_name(part.name));
    parts.chain([list.clone()]).collect()
}

/// Fails if there are parts beside a bundle that is one file.
fn check_form(path: &Path) -> Result<(), CommandError> {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    let (Some(name), Ok(dir)) = (
        path.file_name().and_then(|name| name.to_str()),
        open_dir(parent.unwrap_or(Path::new("."))),
    ) else {
        return Ok(());
    };
    let parts = find_parts(&dir, name).map_err(cannot("read", path.display()))?;
    let Some(first) = parts.first() else { return Ok(()) };
    let (path, first) = (path.display(), path.with_file_name(first));
    let message = format!("`{path}` is there as one file and in parts, `{}`", first.display());
    let help = format!(
        "remove the one that is not meant: `{path}`, or its parts and their list `{}`",
        PartList::file_name(&path.to_string())
    );
    Err(Diagnostic::new(message).help(help).into())
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
