//! `diskette index`.

use clap::{Args, Subcommand};
use diskette_builder::oci::copy::CopyContext;
use diskette_builder::oci::image::location::{ImageLocation, LocalImage, StoreKind};
use diskette_builder::oci::image::ref_name::RefName;
use diskette_builder::oci::image::reference::Reference;
use diskette_builder::oci::image::tag::Tag;
use diskette_builder::oci::join::{IndexSource, JoinError, JoinedIndex};
use diskette_builder::oci::sink::Sink;
use diskette_builder::recipe::diagnostic::Diagnostic;

use crate::arguments::credentials::{PairCredentials, RegistryUse};
use crate::arguments::destination::{open_for_writing, open_sink};
use crate::arguments::image_name::{parse_source, parse_target};
use crate::arguments::key_value::KeyValue;
use crate::arguments::referrers::ReferrersSelection;
use crate::arguments::registry::RegistryArguments;
use crate::arguments::signing::SigningArguments;
use crate::arguments::transfer::TransferArguments;
use crate::environment::Environment;
use crate::error::CommandError;
use crate::images::subject::ImageSubject;
use crate::transfer::{self, split_local_name};
use crate::ui::Ui;

/// Work on indexes, which name an image for each platform.
#[derive(Debug, Args)]
pub(crate) struct IndexArguments {
    #[command(subcommand)]
    command: IndexCommand,
}

#[derive(Debug, Subcommand)]
enum IndexCommand {
    Create(Box<CreateArguments>),
}

/// Combine images of different platforms into one index, for example after a build on a machine of
/// each architecture.
///
/// The images are copied, or mounted, to the repository or layout of the index, and listed in the
/// order given. Two images for one platform are an error.
#[derive(Debug, Args)]
struct CreateArguments {
    /// The name of the index: quay.io/me/fedora:42, or oci:DIR:TAG
    #[arg(value_name = "REF", value_parser = parse_target)]
    destination: ImageLocation,

    /// The images: by tag or digest, in registries, layouts or archives
    #[arg(value_name = "SOURCE", required = true, value_parser = parse_source)]
    sources: Vec<ImageLocation>,

    /// Keep the images that the existing index has for other platforms
    #[arg(long)]
    append: bool,

    /// Another tag for the index in the same repository; may be repeated
    #[arg(long = "add-tag", alias = "tag", short_alias = 't', value_name = "TAG")]
    tag: Vec<Tag>,

    /// Set an annotation of the index; may be repeated
    #[arg(long, value_name = "K=V")]
    annotation: Vec<KeyValue>,

    /// Print the index, and copy nothing
    #[arg(long)]
    dry_run: bool,

    #[command(flatten)]
    attached: ReferrersSelection,

    #[command(flatten)]
    show: TransferArguments,

    #[command(flatten)]
    signing: SigningArguments,

    #[command(flatten)]
    pair: PairCredentials,

    #[command(flatten)]
    registry: RegistryArguments,
}

pub(crate) fn run(
    arguments: &IndexArguments,
    environment: &Environment,
    ui: &Ui,
) -> Result<(), CommandError> {
    let IndexCommand::Create(arguments) = &arguments.command;
    let (names, tag) = arguments.names()?;
    let signing = arguments.signing.read(environment)?;
    signing.as_ref().map_or(Ok(()), |key| key.check_names(&names))?;
    let progress = arguments.show.progress(ui)?;
    let uses = RegistryUse::default().pair(&arguments.pair).writes_to(&arguments.destination);
    let uses = arguments.sources.iter().fold(uses, RegistryUse::reads_from);
    let registry = arguments.registry.registry(environment, progress.clone(), &uses)?;
    let find = |location: &ImageLocation| {
        ImageSubject::find(location, &registry).map(|it| (location.to_string(), it))
    };
    let sources = arguments.sources.iter().map(find).collect::<Result<Vec<_>, _>>()?;
    let old = if arguments.append { Some(find(&arguments.destination)?) } else { None };
    let parts: Vec<IndexSource<'_>> = sources.iter().map(index_source).collect();
    let old = old.as_ref().map(index_source);
    let annotations =
        arguments.annotation.iter().map(|pair| (pair.key.clone(), pair.value.clone()));
    let joined = JoinedIndex::compose(old.as_ref(), &parts, &annotations.collect())?;
    if arguments.dry_run {
        progress.end();
        return Ok(ui.print_result(&[&joined.index.bytes[..], b"\n"].concat())?);
    }
    let opened = open_for_writing(&arguments.destination, environment)?;
    let sink = open_sink(opened.as_ref(), &registry, arguments.show.jobs())?;
    let signed = signing.as_ref().map(|key| key.sign_in(&*sink));
    let sink = signed.as_ref().map_or(&*sink as &dyn Sink, |signed| signed);
    let Some(first) = parts.first() else { return Ok(()) };
    let context = CopyContext {
        images: first.images,
        sink,
        names: &names,
        local: None,
        tag: tag.as_ref(),
        attachments: &arguments.attached.referrers,
        jobs: arguments.show.jobs(),
        progress: &*progress,
    };
    let published = joined.publish(&parts, &context);
    progress.end();
    published?;
    transfer::print_summary(&registry, &arguments.show, ui);
    arguments.show.print_result(&names, &joined.index, ui)
}

fn index_source<'a>((name, subject): &'a (String, ImageSubject<'_>)) -> IndexSource<'a> {
    IndexSource { name: name.clone(), images: &*subject.images, root: subject.root.clone() }
}

impl CreateArguments {
    /// Returns the references of the index, or its tag in a layout.
    fn names(&self) -> Result<(Vec<Reference>, Option<RefName>), CommandError> {
        let usage = |message: &str, help: &str| {
            Err(CommandError::Usage(Diagnostic::new(message).help(help)))
        };
        match &self.destination {
            ImageLocation::Registry(name) => {
                if name.tag().is_none() {
                    return usage("the index needs a tag", "write it as `quay.io/me/fedora:42`");
                }
                let more = self.tag.iter().map(|tag| name.with_tag(tag.clone()));
                Ok((std::iter::once(name.clone()).chain(more).collect(), None))
            }
            ImageLocation::Local(local) if local.store != StoreKind::Layout => usage(
                "an index is not written to an archive",
                "write it to a layout, and copy that",
            ),
            ImageLocation::Local(LocalImage { name: Some(name), .. }) if self.tag.is_empty() => {
                split_local_name(name)
            }
            ImageLocation::Local(_) => {
                usage("an index in a layout has one name", "write it as `oci:DIR:TAG`")
            }
        }
    }
}

impl From<JoinError> for CommandError {
    fn from(error: JoinError) -> Self {
        match error {
            JoinError::Copy(error) => error.into(),
            JoinError::Platform { .. } => {
                Self::Usage(Diagnostic::new(error.to_string()).help("leave one of them out"))
            }
            JoinError::Unknown(_) => {
                let help = "name its index: the manifest of a disk artifact has no platform";
                Diagnostic::new(error.to_string()).help(help).into()
            }
            error => Diagnostic::new(error.to_string()).into(),
        }
    }
}
