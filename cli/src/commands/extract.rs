//! `diskette extract`.

use std::io;
use std::path::{Path, PathBuf};

use cap_std::fs::Dir;
use clap::Args;
use diskette_builder::inspect::extract::{
    DeviceOutput, DiskOutput, ExtractContext, ExtractError, ExtractedDisk, PipeOutput, SparseFile,
    extract_disk,
};
use diskette_builder::oci::image::location::ImageLocation;
use diskette_builder::oci::image::platform::Platform;
use diskette_builder::oci::image_documents::{PlatformImage, read_documents};
use diskette_builder::oci::new_file::{NewFile, remove_abandoned_files};
use diskette_builder::oci::progress::Progress as _;
use diskette_builder::oci::tar::TarLimits;
use diskette_builder::recipe::diagnostic::Diagnostic;
use indicatif::HumanBytes;

use crate::arguments::credentials::RegistryUse;
use crate::arguments::image_name::parse_source;
use crate::arguments::registry::RegistryArguments;
use crate::environment::Environment;
use crate::error::{CommandError, cannot};
use crate::files::file_name::FileName;
use crate::files::open_dir;
use crate::files::output::{FileOutput, Output, ThroughOutput};
use crate::images::disk_error::disk_error;
use crate::images::subject::{ImageSubject, choose_platform};
use crate::ui::Ui;
use crate::ui::progress::{ProgressMode, ProgressView};

/// Extract the disk from an image.
///
/// Works for images built by any tool, if KubeVirt and CDI find the same disk in them, and for VM
/// artifacts. All layers that are read are checked; the file gets its name when it is complete, and
/// zeros become holes. Prints the file name.
#[derive(Debug, Args)]
pub(crate) struct ExtractArguments {
    /// The image: quay.io/me/fedora:42, a layout's directory, oci:DIR:TAG, or an archive
    #[arg(value_name = "IMAGE", value_parser = parse_source)]
    image: ImageLocation,

    /// The disk of this platform, e.g. linux/arm64 [default: this machine's, if there are several]
    #[arg(long)]
    platform: Option<Platform>,

    /// The disk of an artifact, by the name of its volume or file [default: its only disk]
    #[arg(long, value_name = "NAME")]
    disk: Option<String>,

    /// Output file or directory, or - for standard output, which is valid only if
    /// the exit status is 0 [default: the disk's name in the image]
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,

    /// Replace an existing file
    #[arg(long, short_alias = 'f')]
    force: bool,

    /// Show no progress
    #[arg(short, long)]
    quiet: bool,

    /// Progress output; auto shows bars on a terminal, else plain lines
    #[arg(long, value_name = "HOW", default_value = "auto")]
    progress: ProgressMode,

    #[command(flatten)]
    registry: RegistryArguments,
}

pub(crate) fn run(
    arguments: &ExtractArguments,
    environment: &Environment,
    ui: &Ui,
) -> Result<(), CommandError> {
    let target = ExtractTarget::new(arguments)?;
    let mode = if arguments.quiet { ProgressMode::None } else { arguments.progress };
    let progress = ui.progress(mode)?;
    let uses = RegistryUse::default().reads_from(&arguments.image);
    let registry = arguments.registry.registry(environment, progress.clone(), &uses)?;
    let subject = ImageSubject::find(&arguments.image, &registry)?;
    let documents = read_documents(&*subject.images, subject.root)?;
    let image = choose_platform(&documents, arguments.platform.as_ref(), &arguments.image)?;
    let context = ExtractContext {
        images: &*subject.images,
        limits: TarLimits::default(),
        disk: arguments.disk.as_deref(),
        progress: &*progress,
    };
    let result = target.write(image, &context, &progress);
    progress.end();
    let (extracted, path) =
        result.map_err(|error| extract_error(error, &arguments.image.to_string(), image))?;
    let Some(path) = path else { return Ok(()) };
    if mode != ProgressMode::None {
        let platform = image.platform().map_or_else(String::new, |name| format!(" of {name}"));
        let (disk, size) = (extracted.path.escape_debug(), HumanBytes(extracted.size));
        ui.print_line(&format!("{disk}{}, {size}", platform.escape_debug()));
    }
    Ok(ui.print_result(format!("{}\n", path.display()).as_bytes())?)
}

/// Where the disk is written.
enum ExtractTarget {
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
enum Existing {
    Keep,
    Replace,
}

impl ExtractTarget {
    fn new(arguments: &ExtractArguments) -> Result<Self, CommandError> {
        let existing = if arguments.force { Existing::Replace } else { Existing::Keep };
        let path = arguments.output.as_deref().unwrap_or(Path::new("."));
        if path == Path::new("-") {
            return Ok(Self::Stdout);
        }
        if path.is_dir() {
            let dir = open_dir(path).map_err(cannot("write to", path.display()))?;
            remove_abandoned_files(&dir);
            let at = arguments.output.clone().unwrap_or_default();
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
    fn write(
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
        let mut output = NamedFile { target: self, sparse, name: name.clone() };
        let extracted = extract_disk(image, &mut output, context)?;
        let name = output.name.unwrap_or_default();
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

    /// Fails if a file that is named by the image exists and is to be kept.
    fn check(&self, name: &str) -> io::Result<()> {
        let Self::File { dir, existing, .. } = self else { return Ok(()) };
        if *existing == Existing::Keep && dir.symlink_metadata(name).is_ok() {
            return Err(exists_error(&self.path_of(name)));
        }
        Ok(())
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

/// A file whose name may become known only when the disk is found.
struct NamedFile<'t> {
    target: &'t ExtractTarget,
    sparse: SparseFile<'t>,
    name: Option<String>,
}

impl DiskOutput for NamedFile<'_> {
    fn begin(&mut self, path: &str, size: u64) -> io::Result<()> {
        if self.name.is_none() {
            let name = path.rsplit('/').next().unwrap_or(path).parse::<FileName>();
            let name =
                name.map_err(|error| io::Error::new(io::ErrorKind::InvalidFilename, error))?;
            self.target.check(name.as_str())?;
            self.name = Some(name.to_string());
        }
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
}

fn refused_file(error: &io::Error) -> Diagnostic {
    Diagnostic::new(error.to_string()).help("name another file with `-o`, or use `--force`")
}

fn extract_error(error: ExtractError, location: &str, image: &PlatformImage) -> CommandError {
    match error {
        ExtractError::Output(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            refused_file(&error).into()
        }
        ExtractError::Output(error) if error.kind() == io::ErrorKind::InvalidFilename => {
            let diagnostic = Diagnostic::new(format!("the disk's name in the image {error}"));
            diagnostic.help("name the file with `-o FILE`").into()
        }
        error => disk_error(error, "extract", location, image),
    }
}
