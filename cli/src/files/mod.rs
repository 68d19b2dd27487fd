//! The one place where paths that the user named become open files and directories. What the user
//! names is opened with the user's own authority; everything the library does with it stays
//! inside what was opened here.

pub(crate) mod context_dir;
pub(crate) mod dependencies;
pub(crate) mod disk_file;
pub(crate) mod spec_files;

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;
use std::sync::Arc;

use cap_std::ambient_authority;
use cap_std::fs::{Dir, OpenOptions, OpenOptionsExt as _};
use diskette_builder::net::secret::Secret;
use diskette_builder::recipe::diagnostic::{Diagnostic, SourceText};

use crate::error::cannot;

/// No spec is anywhere near as long, in bytes; a disk named by mistake is not read into memory.
const SPEC_MAX: u64 = 4 << 20;

/// Reads a spec, from standard input where its path is `-`.
pub(crate) fn read_spec(path: &Path) -> Result<Arc<SourceText>, Diagnostic> {
    let (name, text) = if path == Path::new("-") {
        ("<stdin>".to_owned(), read_text(io::stdin().lock()))
    } else {
        let file = cap_std::fs::File::open_ambient(path, ambient_authority());
        (path.display().to_string(), file.and_then(read_text))
    };
    let text = text.map_err(|error| {
        let diagnostic = cannot("read", &name)(&error);
        if error.kind() == io::ErrorKind::NotFound {
            return diagnostic
                .help("write a `diskette.yaml` or a `Dockerfile`, or name another file with `-f`");
        }
        diagnostic
    })?;
    Ok(Arc::new(SourceText { name, text }))
}

/// Reads a text, if there is such a file.
pub(crate) fn read_if_there(path: &Path) -> Result<Option<Arc<SourceText>>, Diagnostic> {
    let name = path.display().to_string();
    let file = cap_std::fs::File::open_ambient(path, ambient_authority());
    match file.and_then(read_text) {
        Ok(text) => Ok(Some(Arc::new(SourceText { name, text }))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(cannot("read", name)(error)),
    }
}

fn read_text(file: impl Read) -> io::Result<String> {
    let mut bytes = Vec::new();
    file.take(SPEC_MAX + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > SPEC_MAX {
        return Err(io::Error::other("too long, is it a disk?"));
    }
    String::from_utf8(bytes).map_err(|_| io::Error::other("not UTF-8 text, is it a disk?"))
}

/// Reads at most one byte more than `max`, so that who looks at it sees that it is too long.
pub(crate) fn read_most(file: impl Read, max: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.take(max as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Reads one line that is a secret, from standard input where the path is `-`.
pub(crate) fn read_secret(path: &Path) -> Result<Secret, Diagnostic> {
    let text = if path == Path::new("-") {
        read_text(io::stdin().lock())
    } else {
        cap_std::fs::File::open_ambient(path, ambient_authority()).and_then(read_text)
    };
    let text = text.map_err(cannot("read", path.display()))?;
    Ok(Secret::new(text.trim_end_matches(['\n', '\r'])))
}

/// Opens a directory, making it and those above it if they are not there.
pub(crate) fn ensure_dir(path: &Path) -> Result<Dir, Diagnostic> {
    Dir::create_ambient_dir_all(path, ambient_authority())
        .and_then(|()| open_dir(path))
        .map_err(cannot("make the directory", path.display()))
}

pub(crate) fn open_dir(path: &Path) -> io::Result<Dir> {
    Dir::open_ambient_dir(path, ambient_authority())
}

/// Opens a file for reading. A pipe without a writer would be waited for without end.
pub(crate) fn open_file(path: &Path) -> io::Result<File> {
    let flags = rustix::fs::OFlags::NONBLOCK.bits().cast_signed();
    let options = OpenOptions::new().read(true).custom_flags(flags).clone();
    Ok(cap_std::fs::File::open_ambient_with(path, &options, ambient_authority())?.into_std())
}

/// Opens the directory that a file is in, and returns it with the file's name.
pub(crate) fn open_parent(path: &Path) -> Result<(Dir, String), Diagnostic> {
    let name = path.file_name().and_then(|name| name.to_str());
    let name = name.ok_or_else(|| cannot("write", path.display())("not the name of a file"))?;
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    let dir =
        open_dir(parent.unwrap_or(Path::new("."))).map_err(cannot("write", path.display()))?;
    Ok((dir, name.to_owned()))
}

/// Writes a file so that it is there whole or not at all; one that has the content already is not
/// touched.
pub(crate) fn write_file(path: &Path, content: &[u8]) -> Result<(), Diagnostic> {
    let (dir, name) = open_parent(path)?;
    if dir.read(&name).is_ok_and(|old| old == content) {
        return Ok(());
    }
    let write = || {
        let mut file = cap_tempfile::TempFile::new(&dir)?;
        file.write_all(content)?;
        file.replace(&name)
    };
    write().map_err(cannot("write", path.display()))
}
