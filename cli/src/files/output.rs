//! *Outputs*: the files that the program writes. A regular file is replaced when its new content is
//! complete, and a symbolic link to one stays; devices, FIFOs and sockets are written through.

use std::fs::{File, FileType, Metadata};
use std::io::{self, Write};
use std::os::fd::AsFd as _;
use std::os::unix::fs::FileTypeExt as _;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use cap_std::ambient_authority;
use cap_std::fs::{Dir, OpenOptions, OpenOptionsExt as _};
use diskette_builder::oci::new_file::{NewFile, remove_abandoned_files};
use diskette_builder::recipe::diagnostic::Diagnostic;
use rustix::fs::{Mode, OFlags, fchmod, fcntl_getfl, fcntl_setfl};
use rustix::io::Errno;

use super::open_dir;
use crate::error::cannot;

/// How many links of a path are followed, as on Linux.
const LINKS_MAX: usize = 40;

/// How long a FIFO is waited for that nothing reads.
const READER_WAIT: Duration = Duration::from_secs(5);
const READER_STEP: Duration = Duration::from_millis(20);

/// Where an output goes.
#[derive(Debug)]
pub(crate) enum Output {
    /// A regular file, or none yet.
    File(FileOutput),
    /// A device, a FIFO or a socket, or what a file descriptor of a process refers to.
    Through(ThroughOutput),
}

/// Who may read a file that is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Readers {
    /// Whoever the umask allows.
    Any,
    /// The user alone.
    Owner,
}

/// A regular file in its directory.
#[derive(Debug)]
pub(crate) struct FileOutput {
    pub(crate) dir: Dir,
    pub(crate) name: String,
}

/// What is written through.
#[derive(Debug, Clone)]
pub(crate) struct ThroughOutput {
    path: PathBuf,
    kind: ThroughKind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ThroughKind {
    BlockDevice,
    Fifo,
    Socket,
    /// A character device, or a file descriptor.
    Other,
}

impl Output {
    /// Finds out what a path names. Nothing is opened for writing.
    pub(crate) fn find(path: &Path) -> Result<Self, Diagnostic> {
        Self::look(path).map_err(cannot("write", path.display()))
    }

    fn look(path: &Path) -> io::Result<Self> {
        let mut path = path.to_owned();
        for _ in 0..LINKS_MAX {
            let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
            let parent = parent.unwrap_or(Path::new(".")).to_owned();
            let found = match path.symlink_metadata() {
                Ok(found) => found,
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    return FileOutput::new(&parent, &path).map(Self::File);
                }
                Err(error) => return Err(error),
            };
            if !found.is_symlink() {
                return Self::of(path, &parent, &found);
            }
            if is_process_dir(&parent)? {
                return Ok(Self::Through(ThroughOutput { path, kind: ThroughKind::Other }));
            }
            path = parent.join(path.read_link()?);
        }
        Err(Errno::LOOP.into())
    }

    fn of(path: PathBuf, parent: &Path, found: &Metadata) -> io::Result<Self> {
        match through_kind(found.file_type()) {
            Some(kind) => Ok(Self::Through(ThroughOutput { path, kind })),
            None if found.is_dir() => Err(io::ErrorKind::IsADirectory.into()),
            None => FileOutput::new(parent, &path).map(Self::File),
        }
    }

    /// Writes a whole output.
    pub(crate) fn write(&self, content: &[u8], readers: Readers) -> io::Result<()> {
        match self {
            Self::File(file) => {
                let mut new = NewFile::new(&file.dir)?;
                if readers == Readers::Owner {
                    fchmod(new.as_file(), Mode::RUSR | Mode::WUSR)?;
                }
                new.as_file_mut().write_all(content)?;
                new.as_file().sync_all()?;
                new.replace(&file.name)
            }
            Self::Through(through) => {
                let mut output = through.open()?;
                output.write_all(content)?;
                output.flush()
            }
        }
    }

    /// Checks that a regular file can be written.
    pub(crate) fn check(&self) -> io::Result<()> {
        match self {
            Self::File(file) => NewFile::new(&file.dir).map(drop),
            Self::Through(_) => Ok(()),
        }
    }
}

impl FileOutput {
    fn new(parent: &Path, path: &Path) -> io::Result<Self> {
        let name = path.file_name().and_then(|name| name.to_str());
        let name = name.ok_or_else(|| io::Error::other("not the name of a file"))?.to_owned();
        let dir = open_dir(parent)?;
        remove_abandoned_files(&dir);
        Ok(Self { dir, name })
    }

    /// Writes the file, unless it exists.
    pub(crate) fn create(&self, content: &[u8]) -> io::Result<()> {
        let mut new = NewFile::new(&self.dir)?;
        new.as_file_mut().write_all(content)?;
        new.create(&self.name)
    }

    /// Returns whether the file has this content.
    pub(crate) fn has_content(&self, content: &[u8]) -> bool {
        let len = self.dir.metadata(&self.name).map(|found| found.len());
        len.is_ok_and(|len| len == content.len() as u64)
            && self.dir.read(&self.name).is_ok_and(|old| old == content)
    }

    /// Returns whether the file exists.
    pub(crate) fn exists(&self) -> bool {
        self.dir.symlink_metadata(&self.name).is_ok()
    }
}

impl ThroughOutput {
    /// Returns whether writing destroys what is there.
    pub(crate) fn is_block_device(&self) -> bool {
        self.kind == ThroughKind::BlockDevice
    }

    /// Returns the path.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Opens it for writing. A FIFO is waited for, for a while, until something reads it.
    pub(crate) fn open(&self) -> io::Result<Box<dyn Write + Send>> {
        if self.kind == ThroughKind::Socket {
            return Ok(Box::new(UnixStream::connect(&self.path)?));
        }
        Ok(Box::new(self.open_file()?))
    }

    /// Opens a block device for writing and reading.
    pub(crate) fn open_device(&self) -> io::Result<File> {
        // A device that is mounted is refused.
        let flags = OFlags::EXCL.bits().cast_signed();
        let options = OpenOptions::new().read(true).write(true).custom_flags(flags).clone();
        let file = cap_std::fs::File::open_ambient_with(&self.path, &options, ambient_authority());
        Ok(file?.into_std())
    }

    fn open_file(&self) -> io::Result<File> {
        // A descriptor of this process keeps its position.
        let own = match self.path.file_name().and_then(|name| name.to_str()) {
            Some("1") => Some(io::stdout().as_fd().try_clone_to_owned()?),
            Some("2") => Some(io::stderr().as_fd().try_clone_to_owned()?),
            _ => None,
        };
        if let Some(own) = own.filter(|_| self.kind == ThroughKind::Other && self.is_own()) {
            return Ok(own.into());
        }
        let mut flags = OFlags::NOCTTY;
        flags.set(OFlags::APPEND, self.kind == ThroughKind::Other);
        flags.set(OFlags::NONBLOCK, self.kind == ThroughKind::Fifo);
        let flags = flags.bits().cast_signed();
        let options = OpenOptions::new().write(true).custom_flags(flags).clone();
        let open = || {
            cap_std::fs::File::open_ambient_with(&self.path, &options, ambient_authority())
                .map(cap_std::fs::File::into_std)
        };
        let mut waited = Duration::ZERO;
        let file = loop {
            match open() {
                // The other end of a FIFO is not open yet.
                Err(error) if Errno::from_io_error(&error) == Some(Errno::NXIO) => {
                    if self.kind != ThroughKind::Fifo || waited >= READER_WAIT {
                        return Err(io::Error::other("nothing reads it"));
                    }
                    thread::sleep(READER_STEP);
                    waited += READER_STEP;
                }
                opened => break opened?,
            }
        };
        fcntl_setfl(&file, fcntl_getfl(&file)? - OFlags::NONBLOCK)?;
        Ok(file)
    }

    /// Returns whether the path is a file descriptor of this process.
    fn is_own(&self) -> bool {
        let parent = self.path.parent().map(Path::canonicalize);
        let own = Path::new("/proc/self/fd").canonicalize();
        matches!((parent, own), (Some(Ok(parent)), Ok(own)) if parent == own)
    }
}

fn through_kind(kind: FileType) -> Option<ThroughKind> {
    match kind {
        _ if kind.is_block_device() => Some(ThroughKind::BlockDevice),
        _ if kind.is_fifo() => Some(ThroughKind::Fifo),
        _ if kind.is_socket() => Some(ThroughKind::Socket),
        _ if kind.is_char_device() => Some(ThroughKind::Other),
        _ => None,
    }
}

/// Returns whether a directory is of `/proc`, whose links stand for open files, not for paths.
fn is_process_dir(dir: &Path) -> io::Result<bool> {
    /// `PROC_SUPER_MAGIC` of `linux/magic.h`.
    const PROC: i128 = 0x9fa0;
    let found = rustix::fs::statfs(dir)?;
    Ok(i128::from(found.f_type) == PROC && dir.ends_with("fd"))
}
