//! The *copier*: `copier SRC DIR` copies a tree into a directory, as `cp -r SRC DIR` does, in
//! images `FROM scratch`, which have no `cp`. Symbolic links are copied as links. Modes are kept
//! whatever the umask, owners are not, so that any user can run it. Existing files are replaced, so
//! that it can run twice.

use std::ffi::OsString;
use std::fmt::Display;
use std::fs::{self, FileType, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Permissions that the owner needs to create files in a directory.
const FILL: u32 = 0o700;

/// Permission bits that are copied: set-id and sticky bits mean nothing under another owner.
const PERMISSIONS: u32 = 0o777;

fn main() -> ExitCode {
    match run(std::env::args_os().skip(1).collect()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // If standard error is closed the exit status remains.
            let _said = writeln!(io::stderr(), "copier: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Returns a function that turns an error of the system into a message with the act and the path.
fn cannot<E: Display>(act: &str, path: &Path) -> impl FnOnce(E) -> String {
    move |problem| format!("cannot {act} `{}`: {problem}", path.display())
}

fn run(arguments: Vec<OsString>) -> Result<(), String> {
    let Ok([source, directory]) = <[OsString; 2]>::try_from(arguments) else {
        return Err("say `copier SRC DIR`".into());
    };
    let (source, directory) = (Path::new(&source), Path::new(&directory));
    let inside = fs::canonicalize(directory).map_err(cannot("copy into", directory))?;
    if !inside.is_dir() {
        return Err(cannot("copy into", directory)("it is not a directory"));
    }
    let is_directory = fs::symlink_metadata(source).map_err(cannot("read", source))?.is_dir();
    let real = fs::canonicalize(source);
    if is_directory && real.is_ok_and(|real| inside.starts_with(real)) {
        return Err(cannot("copy", source)("it would be copied into itself"));
    }
    let Some(name) = source.file_name() else {
        return Err(cannot("copy", source)("it has no name of its own"));
    };
    copy(source, &directory.join(name))
}

/// A step of a copy.
enum Task {
    Copy(PathBuf, PathBuf),
    /// Sets the final mode of a directory whose entries are copied.
    Close(PathBuf, u32),
}

/// Copies a file or a tree from one path to another.
fn copy(source: &Path, target: &Path) -> Result<(), String> {
    let mut tasks = vec![Task::Copy(source.to_owned(), target.to_owned())];
    while let Some(task) = tasks.pop() {
        match task {
            Task::Copy(source, target) => {
                let metadata = fs::symlink_metadata(&source).map_err(cannot("read", &source))?;
                if metadata.is_dir() {
                    open_directory(&target)?;
                    let mode = metadata.permissions().mode() & PERMISSIONS;
                    tasks.push(Task::Close(target.clone(), mode));
                    for entry in fs::read_dir(&source).map_err(cannot("read", &source))? {
                        let name = entry.map_err(cannot("read", &source))?.file_name();
                        tasks.push(Task::Copy(source.join(&name), target.join(&name)));
                    }
                } else {
                    copy_leaf(&source, metadata.file_type(), &target)?;
                }
            }
            Task::Close(directory, mode) => close_directory(&directory, mode)?,
        }
    }
    Ok(())
}

/// Makes a directory that files can be created in, or gives an existing one that mode.
fn open_directory(path: &Path) -> Result<(), String> {
    match fs::symlink_metadata(path) {
        Ok(there) if there.is_dir() => {
            // A user who does not own the directory may have access nevertheless; if not, the first
            // file in it fails.
            let mode = there.permissions().mode() | FILL;
            return owned(fs::set_permissions(path, Permissions::from_mode(mode)))
                .map_err(cannot("open", path));
        }
        Ok(_) => fs::remove_file(path).map_err(cannot("replace", path))?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(cannot("make", path)(error)),
    }
    fs::DirBuilder::new().mode(FILL).create(path).map_err(cannot("make", path))
}

fn close_directory(path: &Path, mode: u32) -> Result<(), String> {
    owned(fs::set_permissions(path, Permissions::from_mode(mode)))
        .map_err(cannot("set the mode of", path))
}

/// Ignores that the mode of another user's file cannot be changed.
fn owned(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Ok(()),
        result => result,
    }
}

/// Copies a file or a symbolic link.
fn copy_leaf(source: &Path, kind: FileType, target: &Path) -> Result<(), String> {
    if !kind.is_file() && !kind.is_symlink() {
        return Err(cannot("copy", source)("it is neither a file, a directory nor a link"));
    }
    // An existing file is not written to: it may be read-only, or a link to somewhere else.
    match fs::remove_file(target) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(cannot("replace", target)(error));
        }
        _ => {}
    }
    if kind.is_symlink() {
        let leads_to = fs::read_link(source).map_err(cannot("read", source))?;
        return symlink(leads_to, target).map_err(cannot("make", target));
    }
    // Not `fs::copy`, so that errors name the file that they are about.
    let mut from = fs::File::open(source).map_err(cannot("read", source))?;
    let mut to = fs::File::create_new(target).map_err(cannot("make", target))?;
    io::copy(&mut from, &mut to).map_err(cannot("write", target))?;
    let mode = from.metadata().map_err(cannot("read", source))?.permissions().mode() & PERMISSIONS;
    to.set_permissions(Permissions::from_mode(mode)).map_err(cannot("write", target))
}
