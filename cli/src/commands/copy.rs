//! `diskette copy`.

use std::collections::BTreeSet;

use clap::Args;
use diskette_builder::oci::copy::CopyPlan;
use diskette_builder::oci::image::digest::Digest;
use diskette_builder::oci::image::json::Document;
use diskette_builder::oci::image::location::{ImageLocation, StoreKind};
use diskette_builder::oci::image::platform::Platform;
use diskette_builder::oci::image::reference::Reference;
use diskette_builder::oci::images::Images;
use diskette_builder::oci::referrers::find_subjects;
use diskette_builder::oci::sink::Sink;
use diskette_builder::recipe::diagnostic::Diagnostic;

use self::finder::{FoundImage, ImageFinder, attachment_subject};
use self::names::{check_tags, tags_to_copy};
use crate::arguments::credentials::{PairCredentials, RegistryUse};
use crate::arguments::destination::{OpenedDestination, open_for_writing, open_sink};
use crate::arguments::image_name::{parse_source, parse_target};
use crate::arguments::referrers::ReferrersSelection;
use crate::arguments::registry::RegistryArguments;
use crate::arguments::sides::SideArguments;
use crate::arguments::signing::SigningArguments;
use crate::arguments::transfer::TransferArguments;
use crate::arguments::trusted_keys::GateArguments;
use crate::environment::Environment;
use crate::error::CommandError;
use crate::images::subject::open_images_at;
use crate::transfer::{self, Transfer};
use crate::ui::Ui;
use crate::ui::progress::ProgressView;

mod finder;
mod names;

/// Copy an image from a registry, layout or archive to another, byte for byte.
///
/// Within a registry no blob is transferred if the registry can mount blobs.
#[derive(Debug, Args)]
pub(crate) struct CopyArguments {
    /// Source image: quay.io/me/fedora:42, oci:DIR:TAG, or oci-archive:FILE:TAG
    #[arg(value_name = "SRC", value_parser = parse_source)]
    source: ImageLocation,

    /// Destination, in the same form; oci-archive:- is standard output
    #[arg(value_name = "DST", value_parser = parse_target)]
    destination: ImageLocation,

    /// Copy this platform's image only, e.g. linux/arm64
    #[arg(long)]
    platform: Option<Platform>,

    /// Copy all tags of the repository, layout or archive
    #[arg(long, conflicts_with = "platform")]
    all_tags: bool,

    /// Accepted for skopeo's sake: all platforms are copied unless `--platform` names one
    #[arg(short, long, hide = true, conflicts_with = "platform")]
    all: bool,

    /// Show what would be sent, and write nothing
    #[arg(long)]
    dry_run: bool,

    #[command(flatten)]
    attached: ReferrersSelection,

    #[command(flatten)]
    show: TransferArguments,

    #[command(flatten)]
    signing: SigningArguments,

    #[command(flatten)]
    gate: GateArguments,

    #[command(flatten)]
    pair: PairCredentials,

    #[command(flatten)]
    sides: SideArguments,

    #[command(flatten)]
    registry: RegistryArguments,
}

pub(crate) fn run(
    arguments: &CopyArguments,
    environment: &Environment,
    ui: &Ui,
) -> Result<(), CommandError> {
    check_arguments(arguments)?;
    let signing = arguments.signing.read(environment)?;
    let required = arguments.gate.read(environment)?;
    let progress = arguments.show.progress(ui)?;
    let uses = RegistryUse::default().pair(&arguments.pair);
    let uses = uses.reads_from(&arguments.source).writes_to(&arguments.destination);
    let open = |options: RegistryArguments| options.registry(environment, progress.clone(), &uses);
    let source_registry = open(arguments.sides.source(&arguments.registry))?;
    let registry = open(arguments.sides.destination(&arguments.registry))?;
    let images = open_images_at(&arguments.source, &source_registry)?;
    let tags = tags_to_copy(arguments, &*images)?;
    check_tags(arguments, &tags)?;
    let (images, jobs) = (&*images, arguments.show.jobs());
    let (signing, required) = (signing.as_ref(), required.as_ref());
    let finder = ImageFinder { arguments, images, signing, required };
    // An image that is missing or refused must not leave an empty layout behind.
    let mut first = tags.first().map(|tag| finder.find(tag.as_deref())).transpose()?;
    let is_local = matches!(arguments.destination, ImageLocation::Local(_));
    let is_opened = !(arguments.dry_run && is_local);
    let opened = is_opened.then(|| open_for_writing(&arguments.destination, environment));
    let opened = opened.transpose()?.flatten();
    // The tables of contents of the layout are read once.
    let local = opened.as_ref().filter(|_| tags.len() == 1).and_then(OpenedDestination::images);
    let local = local.as_ref().map(|local| -> &dyn Images { local });
    let sink = is_opened.then(|| open_sink(opened.as_ref(), &registry, jobs)).transpose()?;
    let sink = sink.as_deref();
    let signed = signing.zip(sink).map(|(key, sink)| key.sign_in(sink));
    let signed = signed.as_ref().map(|signed| -> &dyn Sink { signed });
    let (plan, subjects) = (CopyPlan::default(), BTreeSet::new());
    let mut copy = TagCopy { arguments, images, local, sink, signed, plan, subjects };
    let mut last = None;
    let has_attached = tags.iter().flatten().any(|tag| attachment_subject(tag).is_some());
    for tag in tags {
        let subject = tag.as_deref().filter(|_| arguments.all_tags).and_then(attachment_subject);
        if subject.is_some_and(|subject| copy.subjects.contains(&subject)) {
            continue;
        }
        // Of images that are not copied, nothing says that the attachments are what their names say.
        if subject.is_some() && required.is_some() {
            continue;
        }
        let found = first.take().map_or_else(|| finder.find(tag.as_deref()), Ok)?;
        let copied = copy.run(found, &progress)?;
        if has_attached && arguments.all_tags {
            copy.add_subjects(&copied.1)?;
        }
        last = Some(copied);
    }
    if arguments.dry_run {
        progress.end();
        transfer::print_plan(copy.plan, &arguments.show, ui);
    } else {
        transfer::print_summary(&registry, &arguments.show, ui);
    }
    print_last(arguments, last, ui)
}

/// Prints what the last image was copied to, unless the copy itself is on standard output.
fn print_last(
    arguments: &CopyArguments,
    last: Option<(Vec<Reference>, Document)>,
    ui: &Ui,
) -> Result<(), CommandError> {
    match last {
        Some(_) if arguments.destination.is_stream() && !arguments.dry_run => Ok(()),
        Some((names, root)) => arguments.show.print_result(&names, &root, ui),
        None => Err(Diagnostic::new("there are no tags to copy").into()),
    }
}

/// Copies images, or plans that.
struct TagCopy<'a> {
    arguments: &'a CopyArguments,
    images: &'a dyn Images,
    /// Images of the destination, whose chunks are reused.
    local: Option<&'a dyn Images>,
    /// None if nothing is written.
    sink: Option<&'a dyn Sink>,
    /// The sink that signs what is written, if there is one.
    signed: Option<&'a dyn Sink>,
    plan: CopyPlan,
    /// Images that were copied, and those of their platforms: their attachments were copied with them.
    subjects: BTreeSet<Digest>,
}

impl TagCopy<'_> {
    fn add_subjects(&mut self, root: &Document) -> Result<(), CommandError> {
        let name = self.arguments.source.to_string();
        let subjects = find_subjects(self.images, root, None, &name)?;
        self.subjects.extend(subjects.into_iter().map(|subject| subject.digest));
        Ok(())
    }

    /// Copies an image, and returns it with its names.
    fn run(
        &mut self,
        found: FoundImage,
        progress: &ProgressView,
    ) -> Result<(Vec<Reference>, Document), CommandError> {
        let (arguments, images) = (self.arguments, self.images);
        let attachments = &arguments.attached.referrers;
        let FoundImage { root, names, tag, is_attachment } = found;
        // An attachment with a name of its own is copied as it is.
        let signed = self.signed.filter(|_| !is_attachment);
        match signed.or(self.sink) {
            Some(sink) if !arguments.dry_run => {
                let (tag, show, local) = (tag.as_ref(), &arguments.show, self.local);
                let names = &names[..];
                Transfer { images, sink, names, tag, local, attachments, show }
                    .run(&root, progress)?;
            }
            sink => self.plan.add(&root, images, attachments, sink, &names)?,
        }
        Ok((names, root))
    }
}

fn is_archive(location: &ImageLocation) -> bool {
    matches!(location, ImageLocation::Local(local) if local.store != StoreKind::Layout)
}

fn check_arguments(arguments: &CopyArguments) -> Result<(), CommandError> {
    let usage =
        |message: &str, help: &str| Err(CommandError::Usage(Diagnostic::new(message).help(help)));
    if arguments.all_tags && is_archive(&arguments.destination) {
        return usage(
            "an archive takes one image, not all tags",
            "copy them to a layout, `oci:DIR`",
        );
    }
    Ok(())
}
