//! The *backing chain* of a disk: its file, the backing file of that, and so on.

use std::path::Path;
use std::sync::Arc;

use super::open;
use crate::disk::qcow2;
use crate::disk::{DiskFiles, DiskFormat, Fault, Flaw, FlawKind, ReadAt, probe};

/// How many files a chain has at most.
const FILES_MAX: usize = 32;

/// A file of a chain.
struct ChainFile<'a> {
    bytes: Arc<dyn ReadAt + 'a>,
    format: DiskFormat,
}

/// Opens a disk together with its backing files, as its virtual machine sees it. The names of backing
/// files are relative to the file that has them (`bdrv_get_full_backing_filename` in QEMU's `block.c`).
pub(crate) fn open_chain<'a>(
    file: Arc<dyn ReadAt + 'a>,
    format: DiskFormat,
    files: &mut dyn DiskFiles<'a>,
) -> Result<Arc<dyn ReadAt + 'a>, Fault> {
    let mut chain = Vec::new();
    let mut next = Some((ChainFile { bytes: file, format }, String::new()));
    while let Some((file, directory)) = next.take() {
        if chain.len() == FILES_MAX {
            let detail = format!("its backing chain has more than {FILES_MAX} files");
            return Err(Fault::new(FlawKind::BackingFile, detail));
        }
        next = open_backing(&file, &directory, files)?;
        chain.push(file);
    }
    let mut disk: Option<Arc<dyn ReadAt + 'a>> = None;
    for file in chain.into_iter().rev() {
        disk = Some(match disk {
            None => Arc::from(open(file.bytes, file.format).map_err(Fault::from)?),
            Some(backing) => Arc::new(qcow2::open_overlay(file.bytes, backing)?),
        });
    }
    disk.ok_or_else(|| Fault::malformed("there is no disk"))
}

/// Opens the backing file of a file, and returns its directory too, relative to that of the first file.
fn open_backing<'a>(
    file: &ChainFile<'a>,
    directory: &str,
    files: &mut dyn DiskFiles<'a>,
) -> Result<Option<(ChainFile<'a>, String)>, Fault> {
    if file.format != DiskFormat::Qcow2 {
        return Ok(None);
    }
    let Some(backing) = qcow2::backing_file(&*file.bytes)? else { return Ok(None) };
    let path = Path::new(directory).join(&backing.name);
    let name = path.to_string_lossy().into_owned();
    let bytes = files.open(&name)?;
    let found = probe::probe_format(&*bytes)?;
    let format = match backing.format.as_deref() {
        // Whatever its content looks like: a virtual machine may have written it.
        Some("raw") => DiskFormat::Raw,
        Some(format) if format != found.qemu_name() => {
            let shown = (name.escape_debug(), format.escape_debug());
            let detail = format!("its file `{}` should be {}, and is {found}", shown.0, shown.1);
            return Err(Flaw::new(FlawKind::Malformed, detail).into());
        }
        _ => found,
    };
    let directory = path.parent().unwrap_or(Path::new("")).to_string_lossy().into_owned();
    Ok(Some((ChainFile { bytes, format }, directory)))
}
