//! *Files* are what an image holds besides the disk, for example a kernel. They form a layer of
//! their own, and must not conflict with the disk or with KubeVirt's mounts.

use std::collections::BTreeMap;

use super::content::FileSpec;
use super::located::LocatedText;
use super::paths::check_plain_path;
use super::source::lower_file;
use crate::cluster::contract::placement::{DISK_DIRECTORY_MODE, DISK_FILE_MODE, QEMU_OWNER};
use crate::recipe::diagnostic::{Diagnostic, Span};
use crate::recipe::{LayerEntry, LayerEntryKind, LayerRecipe};

/// Returns an entry for a directory.
pub(super) fn directory_entry(path: &str) -> LayerEntry {
    LayerEntry::new(path, LayerEntryKind::Directory, DISK_DIRECTORY_MODE, QEMU_OWNER)
}

/// Returns an entry for a file.
pub(super) fn file_entry(path: &str, source: crate::recipe::SourceRecipe) -> LayerEntry {
    LayerEntry::new(path, LayerEntryKind::File(source), DISK_FILE_MODE, QEMU_OWNER)
}

/// Returns entries for the directories that a path goes through.
pub(super) fn parent_entries(path: &str) -> impl Iterator<Item = LayerEntry> + use<'_> {
    path.match_indices('/').map(|(end, _)| directory_entry(&path[..end]))
}

/// Returns the layer of the files, parents before children, or `None` if there are no files. `disk`
/// is the path of the disk, if it is not in `/disk`.
pub(super) fn lower_files<'f>(
    files: impl Iterator<Item = &'f FileSpec>,
    disk: Option<&'f LocatedText>,
    problems: &mut Vec<Diagnostic>,
) -> Option<LayerRecipe> {
    let mut claimed: BTreeMap<String, &Span> = BTreeMap::new();
    let disk_path = disk.and_then(|path| check_plain_path(path).ok()).zip(disk);
    claimed.extend(disk_path.map(|(path, disk)| (path.to_owned(), &disk.span)));
    let mut entries: BTreeMap<String, LayerEntry> = BTreeMap::new();
    for spec in files {
        let source = lower_file(&spec.source, problems);
        let path =
            match check_path(&spec.path).and_then(|path| claim_path(path, spec, &mut claimed)) {
                Ok(path) => path,
                Err(problem) => {
                    problems.push(problem);
                    continue;
                }
            };
        entries.extend(parent_entries(path).map(|entry| (entry.path.clone(), entry)));
        entries.extend(source.map(|source| (path.into(), file_entry(path, source))));
    }
    if let Some((path, _)) = disk_path {
        claimed.remove(path);
    }
    if claimed.is_empty() {
        return None;
    }
    let history = claimed.into_keys().collect::<Vec<_>>().join(", ");
    Some(LayerRecipe::of_tar(history, entries.into_values().collect()))
}

/// Returns a file's path in the layer, which is relative.
fn check_path(text: &LocatedText) -> Result<&str, Diagnostic> {
    let path = check_plain_path(text)?;
    // CDI compares the prefix without a slash after it, in CopyRegistryImage.
    if path.starts_with("disk") {
        let problem = Diagnostic::new("only the disk may have a path that begins with `/disk`");
        let help = "CDI imports the first file whose path begins with `disk`; choose another path";
        return Err(problem.at(text.span.clone()).help(help));
    }
    Ok(path)
}

/// Reserves a path for a file; the error is another file at, above or below it.
fn claim_path<'f>(
    path: &'f str,
    spec: &'f FileSpec,
    claimed: &mut BTreeMap<String, &'f Span>,
) -> Result<&'f str, Diagnostic> {
    let wrong = |message: String, other: &Span| {
        let (line, _) = other.line_column();
        Diagnostic::new(message)
            .at(spec.path.span.clone())
            .help(format!("the other one is on line {line}"))
    };
    if let Some(other) = claimed.get(path) {
        return Err(wrong(format!("two files at `/{path}`"), other));
    }
    for (end, _) in path.match_indices('/') {
        if let Some(other) = claimed.get(&path[..end]) {
            let parent = &path[..end];
            return Err(wrong(format!("`/{parent}` is a file; nothing can be below it"), other));
        }
    }
    let below = format!("{path}/");
    if let Some((child, other)) =
        claimed.range(below.clone()..).next().filter(|(p, _)| p.starts_with(&below))
    {
        return Err(wrong(
            format!("`/{path}` must be a directory, since `/{child}` is in it"),
            other,
        ));
    }
    claimed.insert(path.into(), &spec.path.span);
    Ok(path)
}
