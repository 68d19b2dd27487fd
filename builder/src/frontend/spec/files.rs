//! *Files* are what an image holds besides the disk, for example a kernel. They make a layer of
//! their own, and must not get in the way of the disk or of what KubeVirt mounts.

use std::collections::BTreeMap;

use super::located::Text;
use super::source::{check_name, file};
use super::types::FileSpec;
use crate::cluster::contract::placement::{DISK_DIRECTORY_MODE, DISK_FILE_MODE, QEMU_OWNER};
use crate::cluster::contract::placement_conflict;
use crate::recipe::diagnostic::{Diagnostic, Span};
use crate::recipe::{LayerEntry, LayerEntryKind, LayerRecipe};

/// Returns an entry for a directory.
pub(super) fn directory(path: &str) -> LayerEntry {
    LayerEntry {
        path: path.into(),
        kind: LayerEntryKind::Directory,
        mode: DISK_DIRECTORY_MODE,
        owner: QEMU_OWNER,
    }
}

/// Returns an entry for a file.
pub(super) fn regular(path: &str, source: crate::recipe::SourceRecipe) -> LayerEntry {
    LayerEntry {
        path: path.into(),
        kind: LayerEntryKind::File(source),
        mode: DISK_FILE_MODE,
        owner: QEMU_OWNER,
    }
}

/// Returns the layer of the files, parents before children, or nothing if there are none.
pub(super) fn layer<'f>(
    files: impl Iterator<Item = &'f FileSpec>,
    problems: &mut Vec<Diagnostic>,
) -> Option<LayerRecipe> {
    let mut places: BTreeMap<String, &Span> = BTreeMap::new();
    let mut entries: BTreeMap<String, LayerEntry> = BTreeMap::new();
    for spec in files {
        let source = file(&spec.source, problems);
        let path = match check_path(&spec.path).and_then(|path| claim(path, spec, &mut places)) {
            Ok(path) => path,
            Err(problem) => {
                problems.push(problem);
                continue;
            }
        };
        for (end, _) in path.match_indices('/') {
            entries.insert(path[..end].into(), directory(&path[..end]));
        }
        entries.extend(source.map(|source| (path.into(), regular(path, source))));
    }
    if places.is_empty() {
        return None;
    }
    let history = places.into_keys().collect::<Vec<_>>().join(", ");
    Some(LayerRecipe { history, entries: entries.into_values().collect() })
}

/// Returns a file's path as it stands in the layer: relative.
fn check_path(text: &Text) -> Result<&str, Diagnostic> {
    let written = text.value.as_str();
    let wrong = |message: String| Diagnostic::new(message).at(text.span.clone());
    let Some(path) = written.strip_prefix('/') else {
        let problem = wrong(format!("`{}` is not an absolute path", written.escape_debug()));
        return Err(problem.help(format!("begin it with a slash: `/{}`", written.escape_debug())));
    };
    for part in path.split('/') {
        if let Err(reason) = check_name(part) {
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
    // The prefix is compared as CDI does it, in CopyRegistryImage, without a slash after it.
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

/// Takes a path for a file, unless it or one above or below it is taken.
fn claim<'f>(
    path: &'f str,
    spec: &'f FileSpec,
    places: &mut BTreeMap<String, &'f Span>,
) -> Result<&'f str, Diagnostic> {
    let wrong = |message: String, other: &Span| {
        let (line, _) = other.line_column();
        Diagnostic::new(message)
            .at(spec.path.span.clone())
            .help(format!("the other one is on line {line}"))
    };
    if let Some(other) = places.get(path) {
        return Err(wrong(format!("two files at `/{path}`"), other));
    }
    for (end, _) in path.match_indices('/') {
        if let Some(other) = places.get(&path[..end]) {
            let parent = &path[..end];
            return Err(wrong(format!("`/{parent}` is a file; nothing can stand below it"), other));
        }
    }
    let below = format!("{path}/");
    if let Some((child, other)) =
        places.range(below.clone()..).next().filter(|(p, _)| p.starts_with(&below))
    {
        return Err(wrong(
            format!("`/{path}` must be a directory, for `/{child}` stands in it"),
            other,
        ));
    }
    places.insert(path.into(), &spec.path.span);
    Ok(path)
}
