//! The *files* of a layout. A layout is untrusted: they must be regular files, not links, and a
//! document is read no further than documents are long.

use std::io::{self, Read};

use cap_std::fs::{Dir, File, OpenOptions, OpenOptionsExt as _};

use crate::oci::image::json::DOCUMENT_LEN_MAX;

/// Opens a regular file. Opening a pipe without a writer does not block.
pub(super) fn open_file(dir: &Dir, name: &str) -> io::Result<File> {
    let flags = (rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK).bits();
    let options = OpenOptions::new().read(true).custom_flags(flags.cast_signed()).clone();
    let file = dir.open_with(name, &options)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("not a regular file"));
    }
    Ok(file)
}

/// Reads a file that has a document.
pub(super) fn read_document_file(dir: &Dir, name: &str) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    open_file(dir, name)?.take(DOCUMENT_LEN_MAX + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > DOCUMENT_LEN_MAX {
        return Err(io::Error::other("too long for a document"));
    }
    Ok(bytes)
}
