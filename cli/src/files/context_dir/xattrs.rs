//! Reads the *extended attributes* of a file.

use std::ffi::CStr;
use std::io;
use std::path::Path;

use diskette_builder::oci::tar::ExtendedAttributes;
use rustix::fs::{lgetxattr, llistxattr};
use rustix::io::{Errno, Result};

/// Returns the extended attributes of a file that belong into an image. A file system without any
/// is no error.
pub(super) fn read_xattrs(path: &Path) -> io::Result<ExtendedAttributes> {
    let mut found = ExtendedAttributes::default();
    let names = match read_all(|space| llistxattr(path, space)) {
        Err(Errno::NOTSUP) => return Ok(found),
        names => names?,
    };
    let names = names.split_inclusive(|byte| *byte == 0);
    for name in names.filter_map(|name| CStr::from_bytes_with_nul(name).ok()) {
        let Ok(text) = name.to_str() else { continue };
        if !ExtendedAttributes::is_kept(text) {
            continue;
        }
        match read_all(|space| lgetxattr(path, name, space)) {
            // It was removed meanwhile.
            Err(Errno::NODATA) => {}
            value => found.insert(text, &value?),
        }
    }
    Ok(found)
}

/// Maximum length of a value, and of the list of all names, in bytes (`linux/limits.h`).
const LEN_MAX: usize = 64 * 1024;

/// Calls `read` with enough space.
fn read_all(read: impl Fn(&mut [u8]) -> Result<usize>) -> Result<Vec<u8>> {
    let mut space = vec![0; 256];
    loop {
        match read(&mut space) {
            Err(Errno::RANGE) if space.len() < LEN_MAX => space = vec![0; LEN_MAX],
            len => {
                space.truncate(len?);
                return Ok(space);
            }
        }
    }
}
