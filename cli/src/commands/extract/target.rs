//! The *target* of an extraction: a file, a directory, a device, a pipe or standard output.

use std::io;
use std::path::{Path, PathBuf};

use cap_std::fs::Dir;
use diskette_builder::inspect::extract::{
    DeviceOutput, DiskOutput, ExtractContext, ExtractError, ExtractedDisk, PipeOutput, SparseFile,
    extract_disk,
};
use diskette_builder::oci::image_documents::PlatformImage;
use diskette_builder::oci::new_file::{NewFile, remove_abandoned_files};
use diskette_builder::oci::progress::Progress as _;
use diskette_builder::recipe::diagnostic::Diagnostic;

use crate::error::{CommandError, cannot};
use crate::files::file_name::FileName;
use crate::files::open_dir;
use crate::files::output::{FileOutput, Output, ThroughOutput};
use crate::files::seed_file::SeedFile;
use crate::ui::progress::ProgressView;

/// Where the disk is written.
pub(super) enum ExtractTarget {
    Stdout,
    /// A file in a directory; `name` is `None` for the name of the disk in the image.
    File {
        dir: Dir,
        at: PathBuf,
        name: Option<String>,
        existing: Existing,
    },
    /// A device, a FIFO or a socket.
    Through(ThroughOutput),
}

/// What to do with a file that exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Existing {
    Keep,
    Replace,
}

impl ExtractTarget {
    /// Finds out where a disk goes whose output is `output`.
    pub(super) fn new(output: Option<&Path>, existing: Existing) -> Result<Self, CommandError> {
        let path = output.unwrap_or(Path::new("."));
        if path == Path::new("-") {
            return Ok(Self::Stdout);
        }
        if path.is_dir() {
            let dir = open_dir(path).map_err(cannot("write to", path.display()))?;
            remove_abandoned_files(&dir);
            let at = output.map(Path::to_owned).unwrap_or_default();
            return Ok(Self::File { dir, at, name: None, existing });
        }
        // Checked before the disk is read.
        match Output::find(path)? {
            Output::File(file) if existing == Existing::Keep && file.exists() => {
                Err(refused_file(&exists_error(path)).into())
            }
            Output::File(FileOutput { dir, name }) => {
                Ok(Self::File { dir, at: path.into(), name: Some(name), existing })
            }
            Output::Through(device) if device.is_block_device() && existing == Existing::Keep => {
                let message = format!("`{}` is a device", path.display());
                Err(Diagnostic::new(message).help("overwrite it with `--force`").into())
            }
            Output::Through(through) => Ok(Self::Through(through)),
        }
    }

    /// Writes the disk, and returns the path of the file, if it is one.
    pub(super) fn write(
        &self,
        image: &PlatformImage,
        context: &ExtractContext<'_>,
        progress: &ProgressView,
    ) -> Result<(ExtractedDisk, Option<PathBuf>), ExtractError> {
        let (dir, name) = match self {
            Self::Stdout => {
                let mut output = PipeOutput(io::stdout().lock());
                return Ok((extract_disk(image, &mut output, context)?, None));
            }
            Self::Through(through) => {
                let path = Some(through.path().to_owned());
                return Ok((write_through(through, image, context)?, path));
            }
            Self::File { dir, name, .. } => (dir, name),
        };
        let mut file = NewFile::new(dir).map_err(ExtractError::Output)?;
        let sparse = SparseFile::new(file.as_file_mut());
        let mut output = NamedFile { target: self, sparse };
        let extracted = extract_disk(image, &mut output, context)?;
        // The path is that of the verified disk, which may have begun with another one.
        let name = name.clone().map_or_else(|| disk_file_name(&extracted.path), Ok);
        let name = name.map_err(ExtractError::Output)?;
        if progress.is_cancelled() {
            return Err(ExtractError::Cancelled);
        }
        let path = self.path_of(&name);
        self.publish(file, &name).map_err(ExtractError::Output)?;
        Ok((extracted, Some(path)))
    }

    fn publish(&self, file: NewFile<'_>, name: &str) -> io::Result<()> {
        if matches!(self, Self::File { existing: Existing::Replace, .. }) {
            return file.replace(name);
        }
        file.create(name).map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => exists_error(&self.path_of(name)),
            _ => error,
        })
    }

    /// Fails if the file is named by the image, and the name of a disk with this path is not used, or that of a file
    /// that exists and is to be kept.
    fn check(&self, disk: &str) -> io::Result<()> {
        let Self::File { dir, name: None, existing, .. } = self else { return Ok(()) };
        let name = disk_file_name(disk)?;
        if *existing == Existing::Keep && dir.symlink_metadata(&name).is_ok() {
            return Err(exists_error(&self.path_of(&name)));
        }
        Ok(())
    }

    /// Returns the file that is replaced, if there is one that the user named.
    pub(super) fn replaced_file(&self) -> Option<SeedFile> {
        match self {
            Self::File { dir, name: Some(name), existing: Existing::Replace, .. } => {
                SeedFile::open_in(dir, name)
            }
            _ => None,
        }
    }

    /// Returns the path of the file as the user names it.
    fn path_of(&self, name: &str) -> PathBuf {
        match self {
            Self::File { at, name: None, .. } => at.join(name),
            Self::File { at, .. } => at.clone(),
            Self::Stdout | Self::Through(_) => PathBuf::new(),
        }
    }
}

/// Writes the disk to a device, which is read again to verify it, or to a pipe.
fn write_through(
    through: &ThroughOutput,
    image: &PlatformImage,
    context: &ExtractContext<'_>,
) -> Result<ExtractedDisk, ExtractError> {
    if through.is_block_device() {
        let device = through.open_device().map_err(ExtractError::Output)?;
        return extract_disk(image, &mut DeviceOutput::new(device), context);
    }
    extract_disk(image, &mut PipeOutput(through.open().map_err(ExtractError::Output)?), context)
}

fn exists_error(path: &Path) -> io::Error {
    let text = format!("`{}` already exists", path.display());
    io::Error::new(io::ErrorKind::AlreadyExists, text)
}

/// Returns the name of the file of a disk with this path in the image.
fn disk_file_name(path: &str) -> io::Result<String> {
    let name = path.rsplit('/').next().unwrap_or(path).parse();
    name.map(|name: FileName| name.to_string())
        .map_err(|error| io::Error::new(io::ErrorKind::InvalidFilename, error))
}

/// A file that may get the name of the disk. Only the disk that is complete has one: what begins may be refused, but
/// chooses nothing.
struct NamedFile<'t> {
    target: &'t ExtractTarget,
    sparse: SparseFile<'t>,
}

impl DiskOutput for NamedFile<'_> {
    fn begin(&mut self, path: &str, size: u64) -> io::Result<()> {
        self.target.check(path)?;
        self.sparse.begin(path, size)
    }

    fn write_data(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.sparse.write_data(bytes)
    }

    fn write_zeros(&mut self, len: u64) -> io::Result<()> {
        self.sparse.write_zeros(len)
    }

    fn finish(&mut self) -> io::Result<()> {
        self.sparse.finish()
    }

    fn restart(&mut self) -> io::Result<()> {
        self.sparse.restart()
    }
}

/// Returns the error for a file that is not replaced.
pub(super) fn refused_file(error: &io::Error) -> Diagnostic {
    Diagnostic::new(error.to_string()).help("name another file with `-o`, or use `--force`")
}
