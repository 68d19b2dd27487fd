//! *Context directories*: directories of this machine as build contexts.

use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use cap_std::ambient_authority;
use cap_std::fs::{Dir, MetadataExt as _, OpenOptions, OpenOptionsExt as _};
use diskette_builder::frontend::dockerfile::context::{
    BuildContext, ContextEntry, ContextEntryKind, ContextError, ContextListing,
    ContextListingBuilder, FileIdentity,
};
use diskette_builder::frontend::dockerfile::pattern::IgnoreFile;
use diskette_builder::recipe::SpecialKind;
use walkdir::{DirEntry, WalkDir};

#[cfg(test)]
mod tests;
mod xattrs;

/// A directory that COPY and ADD take their files from.
#[derive(Debug)]
pub(crate) struct ContextDir {
    path: PathBuf,
    /// The same directory, opened: files are opened below it, whatever the links in it point to
    /// later.
    dir: Dir,
    ignore: IgnoreFile,
    listing: OnceLock<Result<ContextListing, ContextError>>,
}

impl ContextDir {
    /// Opens a directory; it is listed at the first use of the listing.
    pub(crate) fn open(path: &Path, ignore: IgnoreFile) -> io::Result<Self> {
        let dir = Dir::open_ambient_dir(path, ambient_authority())?;
        Ok(Self { path: path.into(), dir, ignore, listing: OnceLock::new() })
    }

    /// Returns the path of the directory.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    fn list(&self) -> Result<ContextListing, ContextError> {
        let root = self.dir.dir_metadata().map_err(|error| unreadable(Path::new("."), error))?;
        let mut builder = ContextListingBuilder::new(self.ignore.clone(), root.mode() & 0o7777);
        let mut walk = WalkDir::new(&self.path).min_depth(1).sort_by_file_name().into_iter();
        while let Some(entry) = walk.next() {
            let below = match entry {
                Ok(entry) => self.visit(&entry, &mut builder)?,
                Err(error) => self.pass_over(error)?,
            };
            if below == WalkBelow::Skip {
                walk.skip_current_dir();
            }
        }
        Ok(builder.finish())
    }

    fn visit(
        &self,
        entry: &DirEntry,
        builder: &mut ContextListingBuilder,
    ) -> Result<WalkBelow, ContextError> {
        let path = self.relative(entry.path());
        let Some(name) = path.to_str() else {
            if !self.ignore.is_ignored(&path.to_string_lossy()) {
                return Err(ContextError::NotUtf8 { path: path.into() });
            }
            return Ok(skip(entry));
        };
        if !self.ignore.is_ignored(name) {
            builder.add(name.into(), read_entry(entry, name)?);
        } else if entry.file_type().is_dir()
            && !self.ignore.is_ignored_whole(name)
            && let Ok(found) = read_entry(entry, name)
        {
            builder.add_ignored_directory(name.into(), found);
        } else {
            return Ok(skip(entry));
        }
        Ok(WalkBelow::Visit)
    }

    /// Ignores the error of a path that the ignore file excludes.
    fn pass_over(&self, error: walkdir::Error) -> Result<WalkBelow, ContextError> {
        let path = self.relative(error.path().unwrap_or(Path::new(""))).to_owned();
        if self.ignore.is_ignored(&path.to_string_lossy()) {
            return Ok(WalkBelow::Visit);
        }
        Err(unreadable(&path, io_error(error)))
    }

    fn relative<'p>(&self, path: &'p Path) -> &'p Path {
        path.strip_prefix(&self.path).unwrap_or(path)
    }
}

impl BuildContext for ContextDir {
    fn listing(&self) -> Result<&ContextListing, &ContextError> {
        self.listing.get_or_init(|| self.list()).as_ref()
    }

    fn open(&self, path: &Path) -> io::Result<File> {
        let found = self.listing().ok().zip(path.to_str());
        let found = found.and_then(|(listing, path)| listing.get(path));
        let Some(ContextEntryKind::File { identity, .. }) = found.map(|found| &found.kind) else {
            return Err(io::Error::other("not a regular file of the build context"));
        };
        // A pipe that replaced the file would block.
        let flags = rustix::fs::OFlags::NONBLOCK.bits().cast_signed();
        let options = OpenOptions::new().read(true).custom_flags(flags).clone();
        let file = self.dir.open_with(path, &options)?.into_std();
        let metadata = file.metadata()?;
        if !metadata.is_file() || identify(&metadata) != *identity {
            return Err(io::Error::other("replaced since the build context was listed"));
        }
        Ok(file)
    }
}

/// Whether a walk visits what is below an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum WalkBelow {
    Visit,
    Skip,
}

fn skip(entry: &DirEntry) -> WalkBelow {
    if entry.file_type().is_dir() { WalkBelow::Skip } else { WalkBelow::Visit }
}

fn read_entry(entry: &DirEntry, path: &str) -> Result<ContextEntry, ContextError> {
    let metadata =
        entry.metadata().map_err(|error| unreadable(Path::new(path), io_error(error)))?;
    let kind = if metadata.is_dir() {
        ContextEntryKind::Directory
    } else if metadata.is_file() {
        ContextEntryKind::File { size: metadata.len(), identity: identify(&metadata) }
    } else if metadata.is_symlink() {
        ContextEntryKind::Symlink(read_link(entry, path)?)
    } else if metadata.file_type().is_socket() {
        ContextEntryKind::Socket
    } else {
        ContextEntryKind::Special(special_kind(&metadata))
    };
    let xattrs =
        xattrs::read_xattrs(entry.path()).map_err(|error| unreadable(Path::new(path), error))?;
    Ok(ContextEntry { kind, mode: metadata.mode() & 0o7777, xattrs })
}

fn special_kind(metadata: &Metadata) -> SpecialKind {
    let (major, minor) = (rustix::fs::major(metadata.rdev()), rustix::fs::minor(metadata.rdev()));
    let file_type = metadata.file_type();
    if file_type.is_char_device() {
        SpecialKind::Character { major, minor }
    } else if file_type.is_block_device() {
        SpecialKind::Block { major, minor }
    } else {
        SpecialKind::Fifo
    }
}

fn read_link(entry: &DirEntry, path: &str) -> Result<String, ContextError> {
    let target = entry.path().read_link();
    let target = target.map_err(|error| unreadable(Path::new(path), error))?.into_os_string();
    target
        .into_string()
        .map_err(|target| ContextError::TargetNotUtf8 { link: path.into(), target: target.into() })
}

fn identify(metadata: &Metadata) -> FileIdentity {
    FileIdentity { device: metadata.dev(), inode: metadata.ino() }
}

/// Returns the system's error. A walk that follows no links has no others.
fn io_error(error: walkdir::Error) -> io::Error {
    error.into_io_error().unwrap_or_else(|| io::ErrorKind::Other.into())
}

fn unreadable(path: &Path, error: io::Error) -> ContextError {
    let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
    ContextError::Read { path: path.display().to_string(), error }
}
