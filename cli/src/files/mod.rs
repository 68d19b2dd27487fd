//! *Files*: the only place where paths that the user named are opened. They are opened with the
//! user's authority; the library works only inside the files and directories that were opened here.

pub(crate) mod context_dir;
mod context_git;
pub(crate) mod context_source;
pub(crate) mod dependencies;
pub(crate) mod disk_file;
pub(crate) mod file_name;
pub(crate) mod output;
pub(crate) mod seed_file;
pub(crate) mod spec_files;
pub(crate) mod temporary_dir;

use std::fs::{File, Permissions};
use std::io::{self, Read};
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::Path;
use std::sync::Arc;

use cap_std::ambient_authority;
use cap_std::fs::{Dir, MetadataExt as _, OpenOptions, OpenOptionsExt as _};
use diskette_builder::net::secret::Secret;
use diskette_builder::recipe::diagnostic::{Diagnostic, SourceText};
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};

use self::output::{Output, Readers};
use crate::error::cannot;

/// Maximum length of a spec in bytes, so that a disk named by mistake is not read into memory.
const SPEC_MAX: u64 = 4 << 20;

/// Reads a spec, from standard input if the path is `-`.
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

/// Reads a text, if the file exists.
pub(crate) fn read_if_exists(path: &Path) -> Result<Option<Arc<SourceText>>, Diagnostic> {
    let name = path.display().to_string();
    let file = cap_std::fs::File::open_ambient(path, ambient_authority());
    match file.and_then(read_text) {
        Ok(text) => Ok(Some(Arc::new(SourceText { name, text }))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(cannot("read", name)(error)),
    }
}

/// Reads a text, if the file exists. It is looked for by its usual name in a directory that may come
/// from elsewhere, so a link does not lead out of that directory.
pub(crate) fn read_implied(path: &Path) -> Result<Option<Arc<SourceText>>, Diagnostic> {
    let name = path.display().to_string();
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    let read = || {
        let dir = open_dir(parent.unwrap_or(Path::new(".")))?;
        let file = open_file_in(&dir, Path::new(path.file_name().unwrap_or_default()))?;
        if !file.metadata()?.is_file() {
            return Err(io::Error::other("not a regular file"));
        }
        read_text(file)
    };
    match read() {
        Ok(text) => Ok(Some(Arc::new(SourceText { name, text }))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        // The system gives no such error without a number.
        Err(error)
            if error.kind() == io::ErrorKind::PermissionDenied
                && error.raw_os_error().is_none() =>
        {
            Err(cannot("read", name)("it is a link that leads out of its directory")
                .help("name the file itself with `-f` or `--ignorefile`, or copy it there"))
        }
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

/// Reads at most `max + 1` bytes, so that the caller can detect a longer input.
pub(crate) fn read_at_most(file: impl Read, max: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.take(max as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Reads a secret from one line, from standard input if the path is `-`.
pub(crate) fn read_secret(path: &Path) -> Result<Secret, Diagnostic> {
    let text = if path == Path::new("-") {
        read_text(io::stdin().lock())
    } else {
        cap_std::fs::File::open_ambient(path, ambient_authority()).and_then(read_text)
    };
    let text = text.map_err(cannot("read", path.display()))?;
    Ok(Secret::new(text.trim_end_matches(['\n', '\r'])))
}

/// Opens a directory, and creates it and its parents if they do not exist.
pub(crate) fn ensure_dir(path: &Path) -> Result<Dir, Diagnostic> {
    make_dirs(path, 0o777)
        .and_then(|()| open_dir(path))
        .map_err(cannot("make the directory", path.display()))
}

/// Creates a directory and its parents as far as they do not exist, with these permissions, and writes
/// their names to disk.
pub(crate) fn make_dirs(path: &Path, mode: u32) -> io::Result<()> {
    let missing =
        path.ancestors().take_while(|path| !path.as_os_str().is_empty() && !path.exists());
    let missing: Vec<&Path> = missing.collect();
    std::fs::DirBuilder::new().recursive(true).mode(mode).create(path)?;
    for made in missing.into_iter().rev() {
        let parent = made.parent().filter(|parent| !parent.as_os_str().is_empty());
        cap_std::fs::File::open_ambient(parent.unwrap_or(Path::new(".")), ambient_authority())?
            .sync_all()?;
    }
    Ok(())
}

/// Opens a directory that only the user may look into, and creates it and its parents if they do not
/// exist. One that belongs to another user is refused.
pub(crate) fn ensure_private_dir(path: &Path) -> Result<Dir, Diagnostic> {
    let make = || {
        make_dirs(path, 0o700)?;
        let dir = open_dir(path)?;
        let metadata = dir.dir_metadata()?;
        if metadata.uid() != rustix::process::geteuid().as_raw() {
            return Err(io::Error::other("it belongs to another user"));
        }
        if metadata.mode() & 0o777 != 0o700 {
            std::fs::set_permissions(path, Permissions::from_mode(0o700))?;
        }
        Ok(dir)
    };
    make().map_err(cannot("make the directory", path.display()))
}

pub(crate) fn open_dir(path: &Path) -> io::Result<Dir> {
    Dir::open_ambient_dir(path, ambient_authority())
}

/// Opens a file of a directory for reading; links do not lead out of the directory.
pub(crate) fn open_file_in(dir: &Dir, path: &Path) -> io::Result<File> {
    let flags = OFlags::NONBLOCK.bits().cast_signed();
    let options = OpenOptions::new().read(true).custom_flags(flags).clone();
    Ok(dir.open_with(path, &options)?.into_std())
}

/// Opens a file for reading. Opening a pipe without a writer does not block; reading one waits for its
/// writer.
pub(crate) fn open_file(path: &Path) -> io::Result<File> {
    let flags = OFlags::NONBLOCK.bits().cast_signed();
    let options = OpenOptions::new().read(true).custom_flags(flags).clone();
    let file =
        cap_std::fs::File::open_ambient_with(path, &options, ambient_authority())?.into_std();
    fcntl_setfl(&file, fcntl_getfl(&file)? - OFlags::NONBLOCK)?;
    Ok(file)
}

/// Writes a file completely or not at all. A file with the same content is not touched.
pub(crate) fn write_file(path: &Path, content: &[u8]) -> Result<(), Diagnostic> {
    let output = Output::find(path)?;
    if matches!(&output, Output::File(file) if file.has_content(content)) {
        return Ok(());
    }
    output.write(content, Readers::Any).map_err(cannot("write", path.display()))
}

/// Writes a file that does not exist yet, even if another program creates it meanwhile. The error has the
/// kind `AlreadyExists` if it exists.
pub(crate) fn write_new_file(path: &Path, content: &[u8]) -> io::Result<()> {
    match Output::find(path).map_err(|problem| io::Error::other(problem.message))? {
        Output::File(file) => file.create(content),
        through @ Output::Through(_) => through.write(content, Readers::Any),
    }
}

/// Checks that a file can be written. `-`, which is standard output elsewhere, is none.
pub(crate) fn check_output(path: &Path) -> Result<(), Diagnostic> {
    if path == Path::new("-") {
        let help = "standard output is `/dev/stdout`; a file that is called so is `./-`";
        return Err(Diagnostic::new("`-` is no name of a file that can be written").help(help));
    }
    Output::find(path)?.check().map_err(cannot("write", path.display()))
}
