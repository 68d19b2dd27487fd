//! `diskette extract`.

mod target;

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use diskette_builder::disk::ReadAt;
use diskette_builder::inspect::extract::{ExtractContext, ExtractError, ReusedBytes, SeedUse};
use diskette_builder::oci::image::location::ImageLocation;
use diskette_builder::oci::image::platform::Platform;
use diskette_builder::oci::image_documents::{PlatformImage, read_documents};
use diskette_builder::oci::tar::TarLimits;
use diskette_builder::recipe::diagnostic::Diagnostic;
use indicatif::HumanBytes;

use self::target::{Existing, ExtractTarget, refused_file};
use crate::arguments::credentials::RegistryUse;
use crate::arguments::image_name::parse_source;
use crate::arguments::registry::RegistryArguments;
use crate::environment::Environment;
use crate::error::CommandError;
use crate::files::seed_file::SeedFile;
use crate::images::disk_error::disk_error;
use crate::images::subject::{ImageSubject, choose_platform};
use crate::ui::Ui;
use crate::ui::progress::ProgressMode;

/// Extract the disk from an image.
///
/// Works for images built by any tool, if KubeVirt and CDI find the same disk in them, and for VM
/// artifacts. All layers that are read are checked; the file gets its name when it is complete, and
/// zeros become holes. Prints the file name.
///
/// Of a layer in zstd:chunked only what changed is fetched: what --seed FILE has, or the file that -o FILE --force
/// replaces with a disk from a registry, is copied from there. The registry sees which parts are not fetched.
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

    /// Copy from this file, such as an older disk, what it has of the disk, and fetch only the
    /// rest of a layer in zstd:chunked; can be given several times
    #[arg(long = "seed", value_name = "FILE")]
    seeds: Vec<PathBuf>,

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
    let existing = if arguments.force { Existing::Replace } else { Existing::Keep };
    let target = ExtractTarget::new(arguments.output.as_deref(), existing)?;
    let seeds = arguments.seeds.iter().map(|path| SeedFile::open(path).map(Arc::new));
    let seeds: Vec<Arc<SeedFile>> = seeds.collect::<Result<_, _>>()?;
    let mode = if arguments.quiet { ProgressMode::None } else { arguments.progress };
    let progress = ui.progress(mode)?;
    let uses = RegistryUse::default().reads_from(&arguments.image);
    let registry = arguments.registry.registry(environment, progress.clone(), &uses)?;
    let subject = ImageSubject::find(&arguments.image, &registry)?;
    let documents = read_documents(&*subject.images, subject.root)?;
    let image = choose_platform(&documents, arguments.platform.as_ref(), &arguments.image)?;
    let is_remote = matches!(arguments.image, ImageLocation::Registry(_));
    let all_seeds = all_seeds(&seeds, target.replaced_file().filter(|_| is_remote));
    let context = ExtractContext {
        images: &*subject.images,
        limits: TarLimits::default(),
        disk: arguments.disk.as_deref(),
        seeds: &all_seeds,
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
        print_seed_use(&extracted.seeds, &seeds, ui);
    }
    Ok(ui.print_result(format!("{}\n", path.display()).as_bytes())?)
}

/// Returns all files that may have parts of the disk, each of them once.
fn all_seeds(named: &[Arc<SeedFile>], replaced: Option<SeedFile>) -> Vec<Arc<dyn ReadAt>> {
    let mut all: Vec<Arc<SeedFile>> = Vec::new();
    for seed in named.iter().cloned().chain(replaced.map(Arc::new)) {
        if !all.iter().any(|known| known.is_same(&seed)) {
            all.push(seed);
        }
    }
    all.into_iter().map(|seed| seed as Arc<dyn ReadAt>).collect()
}

fn print_seed_use(seeds: &SeedUse, named: &[Arc<SeedFile>], ui: &Ui) {
    match seeds {
        SeedUse::Reused(ReusedBytes { reused, read, total }) => {
            let (reused, read, total) =
                (HumanBytes(*reused), HumanBytes(*read), HumanBytes(*total));
            ui.print_line(&format!("reused {reused} from seeds, read {read} of {total}"));
        }
        // Nobody expected that the file that is replaced fits.
        SeedUse::Unused(why) if !named.is_empty() || why.is_fault() => {
            ui.print_line(&format!("the layer was read as a whole: {why}"));
        }
        SeedUse::Unused(_) | SeedUse::None => {}
    }
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
        ExtractError::Restart(_) => {
            let diagnostic =
                Diagnostic::new(format!("cannot extract the disk of `{location}`: {error}"));
            diagnostic.help("extract it without `--seed`, or to a file").into()
        }
        error => disk_error(error, "extract", location, image),
    }
}
