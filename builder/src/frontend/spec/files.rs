//! *Files* are what an image holds besides the disk, for example a kernel. They form a layer of their
//! own, and must not conflict with the disk or with KubeVirt's mounts.

use std::collections::BTreeMap;

use super::located::LocatedText;
use super::source::{check_file_name, lower_file};
use super::types::FileSpec;
use crate::cluster::contract::placement::{DISK_DIRECTORY_MODE, DISK_FILE_MODE, QEMU_OWNER};
use crate::cluster::contract::placement_conflict;
use crate::recipe::diagnostic::{Diagnostic, Span};
use crate::recipe::{LayerEntry, LayerEntryKind, LayerRecipe};

/// Returns an entry for a directory.
pub(super) fn directory_entry(path: &str) -> LayerEntry {
    LayerEntry {
        path: path.into(),
        kind: LayerEntryKind::Directory,
        mode: DISK_DIRECTORY_MODE,
        owner: QEMU_OWNER,
    }
}

/// Returns an entry for a file.
pub(super) fn file_entry(path: &str, source: crate::recipe::SourceRecipe) -> LayerEntry {
    LayerEntry {
        path: path.into(),
        kind: LayerEntryKind::File(source),
        mode: DISK_FILE_MODE,
        owner: QEMU_OWNER,
    }
}

/// Returns the layer of the files, parents before children, or `None` if there are no files.
pub(super) fn lower_files<'f>(
    files: impl Iterator<Item = &'f FileSpec>,
    problems: &mut Vec<Diagnostic>,
) -> Option<LayerRecipe> {
    let mut claimed: BTreeMap<String, &Span> = BTreeMap::new();
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
        for (end, _) in path.match_indices('/') {
            entries.insert(path[..end].into(), directory_entry(&path[..end]));
        }
        entries.extend(source.map(|source| (path.into(), file_entry(path, source))));
    }
    if claimed.is_empty() {
        return None;
    }
    let history = claimed.into_keys().collect::<Vec<_>>().join(", ");
    Some(LayerRecipe { history, entries: entries.into_values().collect() })
}

/// Returns a file's path in the layer, which is relative.
fn check_path(text: &LocatedText) -> Result<&str, Diagnostic> {
    let written = text.value.as_str();
    let wrong = |message: String| Diagnostic::new(message).at(text.span.clone());
    let Some(path) = written.strip_prefix('/') else {
        let problem = wrong(format!("`{}` is not an absolute path", written.escape_debug()));
        return Err(problem.help(format!("begin it with a slash: `/{}`", written.escape_debug())));
    };
    for part in path.split('/') {
        if let Err(reason) = check_file_name(part) {
            let written = written.escape_debug();
            let problem = match part {
                "" | "." | ".." => wrong(format!("`{written}` is not a plain path of a file")),
                _ => wrong(format!("`{}` is not a file name: {reason}", part.escape_debug())),
            };
            return Err(problem.help(
                "write it like `/boot/vmlinuz`: no `.`, no `..`, no slash doubled or at the end",
            ));
        }
    }
    // CDI compares the prefix without a slash after it, in CopyRegistryImage.
    if path.starts_with("disk") {
        return Err(wrong("only the disk may stand at a path that begins with `/disk`".into())
            .help(
                "CDI imports the first file whose path begins with `disk`; choose another path",
            ));
    }
    if let Some(reason) = placement_conflict(path) {
        return Err(wrong(format!("no file may stand at `{written}`"))
            .help(format!("{reason}; choose another path")));
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
            return Err(wrong(format!("`/{parent}` is a file; nothing can stand below it"), other));
        }
    }
    let below = format!("{path}/");
    if let Some((child, other)) =
        claimed.range(below.clone()..).next().filter(|(p, _)| p.starts_with(&below))
    {
        return Err(wrong(
            format!("`/{path}` must be a directory, for `/{child}` stands in it"),
            other,
        ));
    }
    claimed.insert(path.into(), &spec.path.span);
    Ok(path)
}
