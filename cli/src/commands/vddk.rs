//! `diskette vddk`.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;

use cap_std::fs::Dir;
use clap::Args;
use diskette_builder::attestation::attach::AttestationForm;
use diskette_builder::attestation::provenance::BuildParameters;
use diskette_builder::engine::assemble::{BuildSources, PlatformTags};
use diskette_builder::engine::source::{CdiOnlyPolicy, FileNaming, UnverifiedPolicy};
use diskette_builder::frontend::dockerfile::base::{
    BaseError, BaseLoader, BaseLock, BaseResolver, LockEnforcement, PullPolicy,
};
use diskette_builder::frontend::vddk::{self, VddkArchive, VddkBase, VddkBaseImage, VddkRequest};
use diskette_builder::oci::image::format::ImageFormat;
use diskette_builder::oci::image::location::ImageLocation;
use diskette_builder::oci::image::reference::Reference;
use diskette_builder::oci::image::time::Timestamp;
use diskette_builder::oci::tar::TarLimits;
use diskette_builder::recipe::diagnostic::Diagnostic;
use diskette_builder::registry::client::{PublishedNames, RegistryClient};

use crate::arguments::attest::AttestArguments;
use crate::arguments::credentials::{PairCredentials, RegistryUse};
use crate::arguments::image_name::parse_source;
use crate::arguments::names::parse_name;
use crate::arguments::output::{BuildOutput, BuildOutputs, ImageFields, parse_output};
use crate::arguments::registry::RegistryArguments;
use crate::arguments::reports::BuildReports;
use crate::arguments::signing::SigningArguments;
use crate::arguments::trusted_keys::GateArguments;
use crate::assembly::{Assembly, creation_time, missing_output, open_cache};
use crate::environment::Environment;
use crate::error::CommandError;
use crate::files::dependencies::ReadFiles;
use crate::files::spec_files::SpecFiles;
use crate::images::opener::LocationOpener;
use crate::ui::Ui;
use crate::ui::progress::{ProgressMode, ProgressView};

/// The copier, which replaces `cp` in images without a base; empty if this program was built for
/// another architecture than kits have. See build.rs.
const COPIER: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/copier"));

/// Make an image of VMware's disk library (VDDK) for CDI and Forklift.
///
/// Reads VMware's archive as it was downloaded, without unpacking it to disk, and checks that it
/// has the library and that any user can read it. The result is written to standard output,
/// messages to standard error. VMware's licence forbids distributing the library: push the image
/// where only you can pull it.
#[derive(Debug, Args)]
pub(crate) struct VddkArguments {
    /// VMware's archive as it was downloaded, VMware-vix-disklib-*.tar.gz
    #[arg(value_name = "ARCHIVE")]
    archive: PathBuf,

    /// Name of the image; may be repeated
    #[arg(short, long, value_name = "REF")]
    tag: Vec<String>,

    /// Destination: oci:DIR[:TAG] or a path for a layout, oci-archive:FILE or - (standard output)
    /// for an archive, a reference for a registry; a layout keeps the images it has
    #[arg(short, long, value_name = "DEST", value_parser = parse_output)]
    output: Vec<BuildOutput>,

    /// Push the image to the registries in its names
    #[arg(long, requires = "tag")]
    push: bool,

    /// Base image, which must have a cp: a name or oci:DIR:TAG; or scratch for none, with a
    /// small replacement for cp -r
    #[arg(
        long,
        value_name = "IMAGE",
        default_value = "registry.access.redhat.com/ubi9/ubi-minimal:latest"
    )]
    base: BaseArgument,

    /// Number of compression threads; does not change the result [default: one per CPU]
    #[arg(short, long, value_name = "N")]
    jobs: Option<NonZeroUsize>,

    /// Do not use the cache
    #[arg(long)]
    no_cache: bool,

    /// Print only the digest, without progress
    #[arg(short, long)]
    quiet: bool,

    /// Progress output; auto shows bars on a terminal, else plain lines
    #[arg(long, value_name = "HOW", default_value = "auto")]
    progress: ProgressMode,

    #[command(flatten)]
    reports: BuildReports,

    #[command(flatten)]
    attest: AttestArguments,

    #[command(flatten)]
    signing: SigningArguments,

    #[command(flatten)]
    gate: GateArguments,

    #[command(flatten)]
    pair: PairCredentials,

    #[command(flatten)]
    registry: RegistryArguments,
}

/// A value of `--base`.
#[derive(Debug, Clone, PartialEq, Eq)]
enum BaseArgument {
    Scratch,
    Image(ImageLocation),
}

impl FromStr for BaseArgument {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "scratch" { Ok(Self::Scratch) } else { parse_source(text).map(Self::Image) }
    }
}

pub(crate) fn run(
    arguments: &VddkArguments,
    environment: &Environment,
    ui: &Ui,
) -> Result<(), CommandError> {
    if arguments.output.is_empty() && !arguments.push {
        return Err(missing_output());
    }
    arguments.check_outputs()?;
    arguments.reports.check_files()?;
    let created = creation_time(environment, None, None)?;
    let names = arguments.tag.iter().map(|name| parse_name(name));
    let mut names = names.collect::<Result<Vec<_>, _>>()?;
    names.extend(arguments.outputs().names().cloned());
    let signing = arguments.signing.read(environment)?;
    let files = SpecFiles { base: PathBuf::new(), reads: ReadFiles::default() };
    let download = VddkArchive::read(&arguments.archive, &files)?;

    let mode = if arguments.quiet { ProgressMode::None } else { arguments.progress };
    let progress = ui.progress(mode)?;
    let client = arguments.registry.http_client(environment, &(progress.clone() as _))?;
    let uses = arguments.registry_use(&names);
    let registry = arguments.registry.registry(environment, progress.clone(), &uses)?;
    let required = arguments.gate.read(environment)?;
    let opener = LocationOpener::new(&registry, None, PathBuf::new());
    let opener = opener.with_required(required.as_ref());
    let seen = if arguments.no_cache { None } else { open_cache(environment, "bases", ui) };
    let ground = load_ground(&arguments.base, &opener, seen.as_ref(), &progress)?;
    note_left_out(download.left_out(), ui);
    warn_of_licence(&names, ui);
    let mut recipes = [vddk::build_recipe(VddkRequest { names, archive: download, base: ground })];
    recipes[0].attest = arguments.attest.kinds();
    ui.warn(arguments.attest.unused_times([]).as_slice());
    let sources = BuildSources {
        inputs: &files,
        client: &client,
        unverified: UnverifiedPolicy::Refuse,
        cdi_only: CdiOnlyPolicy::Refuse,
        spool: None,
        base_images: &opener,
    };
    let is_pushed = arguments.is_pushed();
    let push = is_pushed.then_some(&registry);
    let mut assembly = arguments.assembly(&progress, push, created);
    assembly.signing = signing.as_ref();
    assembly.run(&recipes, &sources, environment, ui)
}

impl VddkArguments {
    /// Returns whether the image is pushed, by `--push` or to a registry that `-o` names.
    fn is_pushed(&self) -> bool {
        self.push || self.outputs().is_pushed()
    }

    fn outputs(&self) -> BuildOutputs<'_> {
        BuildOutputs(&self.output)
    }

    /// Refuses outputs that cannot be written together, or that say how the image is made.
    fn check_outputs(&self) -> Result<(), CommandError> {
        self.outputs().check()?;
        if self.output.iter().all(|output| output.image == ImageFields::default()) {
            return Ok(());
        }
        let message = "the fields of `-o` that say how an image is made are for `diskette build`";
        Err(CommandError::Usage(Diagnostic::new(message).help("leave them out")))
    }

    /// Returns the images that are read and written.
    fn registry_use(&self, names: &[Reference]) -> RegistryUse<'_> {
        let uses = RegistryUse::default().pair(&self.pair);
        let uses = uses.writes(names.iter().filter(|_| self.is_pushed()));
        match &self.base {
            BaseArgument::Scratch => uses,
            BaseArgument::Image(location) => uses.reads_from(location),
        }
    }

    fn assembly<'a>(
        &'a self,
        progress: &'a ProgressView,
        push: Option<&'a RegistryClient>,
        created: Timestamp,
    ) -> Assembly<'a> {
        Assembly {
            progress,
            push,
            names: PublishedNames::Tags,
            output: self.outputs().local(),
            engine: None,
            parameters: BuildParameters::default(),
            file_naming: FileNaming::LastParts,
            attest_form: AttestationForm::Attached,
            attest_times: self.attest.has_times(),
            signing: None,
            format: ImageFormat::Oci,
            jobs: self.jobs,
            no_cache: self.no_cache,
            created,
            platform_tags: PlatformTags::None,
            reports: &self.reports,
            quiet: self.quiet,
        }
    }
}

/// Loads the base image, if there is one.
fn load_ground(
    base: &BaseArgument,
    opener: &LocationOpener<'_>,
    cache: Option<&Dir>,
    progress: &ProgressView,
) -> Result<VddkBase, CommandError> {
    let location = match base {
        BaseArgument::Scratch => return Ok(VddkBase::Scratch(copier_content(COPIER)?)),
        BaseArgument::Image(location) => location,
    };
    let resolver = BaseResolver::new(BaseLock::default(), PullPolicy::Always, LockEnforcement::No);
    let limits = TarLimits::default();
    let bases = BaseLoader { opener, cache, resolver: &resolver, limits, progress };
    let image = bases
        .load(location, &vddk::kit_platform())
        .map_err(|error| base_error(location, &error))?;
    Ok(VddkBase::Image(Box::new(VddkBaseImage::new(image, location)?)))
}

fn base_error(location: &ImageLocation, error: &BaseError) -> CommandError {
    let message = format!("cannot use the base `{location}`: {error}");
    let diagnostic = Diagnostic::new(message).temporary(error.is_temporary());
    let help = match error {
        BaseError::Cancelled => return CommandError::Interrupted,
        BaseError::Platform(_) => Some("VMware has the library for no other platform".into()),
        error => error.help(),
    };
    let offline = match error {
        BaseError::Storage(_) => Some("without network, use `--base scratch`".to_owned()),
        _ => None,
    };
    help.into_iter().chain(offline).fold(diagnostic, Diagnostic::help).into()
}

fn copier_content(program: &[u8]) -> Result<Arc<[u8]>, Diagnostic> {
    if program.is_empty() {
        let message = "this diskette was built without a copier for linux/amd64";
        let help = "with `--base`, name an image that has a `cp`";
        return Err(Diagnostic::new(message).help(help));
    }
    Ok(program.into())
}

/// Prints a note about the files that are left out.
fn note_left_out(paths: &[String], ui: &Ui) {
    let Some(first) = paths.first() else { return };
    let more = match paths.len() - 1 {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    ui.print_note(&format!("left out `{first}`{more}: metadata that macOS adds to archives"));
}

/// Warns of VMware's licence if images are pushed. The program cannot know who may pull them.
fn warn_of_licence(names: &[Reference], ui: &Ui) {
    for name in names.iter().filter(|name| vddk::may_be_public(name)) {
        let warning = Diagnostic::new(format!("`{name}` may be public"));
        let help = "VMware's licence forbids distributing VDDK: make the repository private";
        ui.warn(&[warning.help(help)]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bases_parse() {
        let check = |text: &str, expected: Result<BaseArgument, &str>| {
            assert_eq!(text.parse(), expected.map_err(str::to_owned), "{text}");
        };
        check("scratch", Ok(BaseArgument::Scratch));
        check("oci:a:b", Ok(BaseArgument::Image(ImageLocation::layout("a", Some("b")))));
        check("./a", Ok(BaseArgument::Image(ImageLocation::layout("./a", None))));
    }

    #[test]
    fn without_a_copier_there_must_be_a_base() {
        assert_eq!(
            copier_content(&[]).unwrap_err().message,
            "this diskette was built without a copier for linux/amd64"
        );
        assert!(copier_content(COPIER).is_ok() || !cfg!(target_arch = "x86_64"));
    }
}
