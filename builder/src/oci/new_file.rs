//! *New files* appear in a directory when they are complete. They have no name until then; where the
//! file system or a missing `/proc` does not allow that, they have a temporary name. A new file is
//! locked as long as it is written, so that what an interrupted program left behind is recognized: it
//! has a temporary name and no lock.

use std::ffi::OsStr;
use std::io;
use std::os::fd::AsRawFd as _;

use cap_std::fs::{Dir, File};
use rustix::fs::{
    AtFlags, CWD, FlockOperation, Mode, OFlags, RenameFlags, flock, fstat, linkat, openat,
    renameat, renameat_with, stat, statat, unlinkat,
};
use rustix::io::Errno;

/// Start and end of temporary names.
const PREFIX: &str = ".diskette-";
const SUFFIX: &str = ".tmp";

/// How many temporary names are tried.
const ATTEMPTS: usize = 16;

/// A file that is being written. It is removed if it is dropped before it gets its name.
#[derive(Debug)]
pub struct NewFile<'d> {
    dir: &'d Dir,
    file: File,
    /// Its temporary name, if it has one.
    temporary: Option<String>,
}

impl<'d> NewFile<'d> {
    /// Starts a file in a directory.
    pub fn new(dir: &'d Dir) -> io::Result<Self> {
        if let Some(file) = open_unnamed(dir)? {
            return Ok(Self { dir, file, temporary: None });
        }
        Self::new_named(dir)
    }

    /// Starts a file with a temporary name.
    fn new_named(dir: &'d Dir) -> io::Result<Self> {
        let flags = OFlags::CREATE | OFlags::EXCL | OFlags::RDWR | OFlags::CLOEXEC;
        for _ in 0..ATTEMPTS {
            let name = temporary_name();
            match openat(dir, &name, flags, mode()) {
                Ok(file) => {
                    let file = File::from_std(file.into());
                    let new = Self { dir, file, temporary: Some(name) };
                    lock(&new.file);
                    // Another program may have removed it before it was locked.
                    if fstat(&new.file)?.st_nlink > 0 {
                        return Ok(new);
                    }
                }
                Err(Errno::EXIST) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(Errno::EXIST.into())
    }

    /// Returns the file.
    pub fn as_file(&self) -> &File {
        &self.file
    }

    /// Returns the file for writing.
    pub fn as_file_mut(&mut self) -> &mut File {
        &mut self.file
    }

    /// Gives the file its name, and replaces a file that has it.
    pub fn replace(mut self, name: &str) -> io::Result<()> {
        if self.temporary.is_none() {
            self.temporary = Some(self.link_temporary()?);
        }
        if let Some(temporary) = &self.temporary {
            renameat(self.dir, temporary, self.dir, name)?;
        }
        self.temporary = None;
        Ok(())
    }

    /// Gives the file its name, and fails if a file has it, even one created meanwhile.
    pub fn create(mut self, name: &str) -> io::Result<()> {
        let Some(temporary) = &self.temporary else { return Ok(link(&self.file, self.dir, name)?) };
        match renameat_with(self.dir, temporary, self.dir, name, RenameFlags::NOREPLACE) {
            Ok(()) => {
                self.temporary = None;
                Ok(())
            }
            // Not all file systems know this; a hard link replaces nothing either.
            Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => {
                Ok(linkat(self.dir, temporary, self.dir, name, AtFlags::empty())?)
            }
            Err(error) => Err(error.into()),
        }
    }

    fn link_temporary(&self) -> io::Result<String> {
        for _ in 0..ATTEMPTS {
            let name = temporary_name();
            match link(&self.file, self.dir, &name) {
                Ok(()) => return Ok(name),
                Err(Errno::EXIST) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(Errno::EXIST.into())
    }
}

impl Drop for NewFile<'_> {
    fn drop(&mut self) {
        if let Some(temporary) = self.temporary.take() {
            // Without success, the next program removes it.
            unlinkat(self.dir, temporary, AtFlags::empty()).unwrap_or_default();
        }
    }
}

/// Opens a file without a name; none where it could not get a name later.
fn open_unnamed(dir: &Dir) -> io::Result<Option<File>> {
    let file = match openat(dir, ".", OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC, mode()) {
        Ok(file) => File::from_std(file.into()),
        // What cannot be done at all fails with a temporary name too.
        Err(_) => return Ok(None),
    };
    lock(&file);
    let (shown, itself) = (stat(proc_path(&file)), fstat(&file)?);
    let is_linkable =
        shown.is_ok_and(|shown| (shown.st_dev, shown.st_ino) == (itself.st_dev, itself.st_ino));
    Ok(is_linkable.then_some(file))
}

/// Gives a file without a name a name.
fn link(file: &File, dir: &Dir, name: &str) -> Result<(), Errno> {
    linkat(CWD, proc_path(file), dir, name, AtFlags::SYMLINK_FOLLOW)
}

fn proc_path(file: &File) -> String {
    format!("/proc/self/fd/{}", file.as_raw_fd())
}

/// Locks a file as one that is written. Where files cannot be locked, none is taken for abandoned.
fn lock(file: &File) {
    flock(file, FlockOperation::LockExclusive).unwrap_or_default();
}

/// Returns the permissions of a new file, which the umask reduces.
fn mode() -> Mode {
    Mode::from_raw_mode(0o666)
}

fn temporary_name() -> String {
    format!("{PREFIX}{:032x}{SUFFIX}", fastrand::u128(..))
}

/// Returns whether a name is one that new files have before they are complete.
pub(crate) fn is_temporary_name(name: &OsStr) -> bool {
    let middle = name.to_str().and_then(|name| name.strip_prefix(PREFIX)?.strip_suffix(SUFFIX));
    middle.is_some_and(|text| text.len() == 32 && text.bytes().all(|b| b.is_ascii_hexdigit()))
}

/// Removes the files that interrupted programs left behind in a directory. Errors are ignored: the
/// files do no harm.
pub fn remove_abandoned_files(dir: &Dir) {
    let Ok(entries) = dir.entries() else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        if is_temporary_name(&name) && is_abandoned(dir, &name) {
            unlinkat(dir, &name, AtFlags::empty()).unwrap_or_default();
        }
    }
}

/// Returns whether nothing has a temporary file open for writing.
fn is_abandoned(dir: &Dir, name: &OsStr) -> bool {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let Ok(file) = openat(dir, name, flags, Mode::empty()) else { return false };
    let is_locked = || flock(&file, FlockOperation::NonBlockingLockExclusive).is_ok();
    // It may have got its name meanwhile, and another file this one.
    let is_same = || {
        let (named, opened) =
            (statat(dir, name, AtFlags::SYMLINK_NOFOLLOW).ok()?, fstat(&file).ok()?);
        Some((named.st_dev, named.st_ino) == (opened.st_dev, opened.st_ino))
    };
    is_locked() && is_same().unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use cap_std::ambient_authority;

    use super::*;

    fn names(dir: &Dir) -> Vec<String> {
        let names = dir.entries().unwrap().map(|entry| entry.unwrap().file_name());
        let mut names: Vec<String> = names.map(|name| name.into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn files_get_their_names_when_they_are_complete() {
        let temporary = tempfile::tempdir().unwrap();
        let dir = Dir::open_ambient_dir(temporary.path(), ambient_authority()).unwrap();
        for (start, hidden) in [(NewFile::new as fn(_) -> _, 0), (NewFile::new_named, 1)] {
            let begin = |text: &str| {
                let mut file: NewFile<'_> = start(&dir).unwrap();
                file.as_file_mut().write_all(text.as_bytes()).unwrap();
                file
            };
            let dropped = begin("dropped");
            assert_eq!(names(&dir).len(), hidden);
            drop(dropped);
            begin("one").replace("a").unwrap();
            let refused = begin("two").create("a").unwrap_err();
            assert_eq!(refused.kind(), io::ErrorKind::AlreadyExists);
            assert_eq!(dir.read_to_string("a").unwrap(), "one");
            begin("three").replace("a").unwrap();
            begin("four").create("b").unwrap();
            assert_eq!(dir.read_to_string("a").unwrap(), "three");
            assert_eq!(names(&dir), ["a", "b"]);
            dir.remove_file("a").unwrap();
            dir.remove_file("b").unwrap();
        }
    }

    #[test]
    fn what_was_left_behind_is_removed() {
        let temporary = tempfile::tempdir().unwrap();
        let dir = Dir::open_ambient_dir(temporary.path(), ambient_authority()).unwrap();
        let written = NewFile::new_named(&dir).unwrap();
        dir.write(temporary_name(), "abandoned").unwrap();
        dir.write(".diskette-notes.tmp", "of the user").unwrap();
        dir.symlink("nowhere", temporary_name()).unwrap();
        assert_eq!(names(&dir).len(), 4);
        remove_abandoned_files(&dir);
        assert_eq!(names(&dir).len(), 3);
        assert!(dir.exists(written.temporary.as_ref().unwrap()));
        assert!(dir.exists(".diskette-notes.tmp"));
    }
}
