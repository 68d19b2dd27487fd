//! `diskette copy`.

use std::collections::BTreeSet;

use clap::Args;
use diskette_builder::oci::copy::{CopyPlan, choose_platform};
use diskette_builder::oci::image::digest::Digest;
use diskette_builder::oci::image::json::Document;
use diskette_builder::oci::image::location::{ImageLocation, StoreKind};
use diskette_builder::oci::image::platform::Platform;
use diskette_builder::oci::image::ref_name::RefName;
use diskette_builder::oci::image::reference::Reference;
use diskette_builder::oci::images::Images;
use diskette_builder::oci::referrers::find_subjects;
use diskette_builder::oci::sink::Sink;
use diskette_builder::recipe::diagnostic::Diagnostic;

use self::names::{check_tags, destination_names, own_names, source_name, tags_to_copy};
use crate::arguments::credentials::{PairCredentials, RegistryUse};
use crate::arguments::destination::{OpenedDestination, open_for_writing, open_sink};
use crate::arguments::image_name::{parse_source, parse_target};
use crate::arguments::referrers::ReferrersSelection;
use crate::arguments::registry::RegistryArguments;
use crate::arguments::sides::SideArguments;
use crate::arguments::transfer::TransferArguments;
use crate::environment::Environment;
use crate::error::{CommandError, image_not_found};
use crate::images::subject::{ambiguous_image, open_images_at};
use crate::transfer::{self, Transfer};
use crate::ui::Ui;
use crate::ui::progress::ProgressView;

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
    // A missing image must not leave an empty layout behind.
    let mut first =
        tags.first().map(|tag| find_image(arguments, images, tag.as_deref())).transpose()?;
    let is_local = matches!(arguments.destination, ImageLocation::Local(_));
    let is_opened = !(arguments.dry_run && is_local);
    let opened = is_opened.then(|| open_for_writing(&arguments.destination, environment));
    let opened = opened.transpose()?.flatten();
    // The tables of contents of the layout are read once.
    let local = opened.as_ref().filter(|_| tags.len() == 1).and_then(OpenedDestination::images);
    let local = local.as_ref().map(|local| -> &dyn Images { local });
    let sink = is_opened.then(|| open_sink(opened.as_ref(), &registry, jobs)).transpose()?;
    let (sink, plan) = (sink.as_deref(), CopyPlan::default());
    let mut copy = TagCopy { arguments, images, local, sink, plan, subjects: BTreeSet::new() };
    let mut last = None;
    let has_attached = tags.iter().flatten().any(|tag| attachment_subject(tag).is_some());
    for tag in tags {
        let subject = tag.as_deref().filter(|_| arguments.all_tags).and_then(attachment_subject);
        if subject.is_some_and(|subject| copy.subjects.contains(&subject)) {
            continue;
        }
        let find = || find_image(arguments, images, tag.as_deref());
        let image = first.take().map_or_else(find, Ok)?;
        let copied = copy.run(image, tag.as_deref(), &progress)?;
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
    match last {
        Some(_) if arguments.destination.is_stream() && !arguments.dry_run => Ok(()),
        Some((names, root)) => arguments.show.print_result(&names, &root, ui),
        None => Err(Diagnostic::new("there are no tags to copy").into()),
    }
}

/// Finds an image of the source; without a tag, the only one.
fn find_image(
    arguments: &CopyArguments,
    images: &dyn Images,
    tag: Option<&str>,
) -> Result<Document, CommandError> {
    match tag {
        Some(tag) => {
            let found = images.find_image(tag)?;
            found.ok_or_else(|| image_not_found(&source_name(arguments, tag)))
        }
        None => images.only_image()?.ok_or_else(|| ambiguous_image(&arguments.source, images)),
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
    plan: CopyPlan,
    /// Images that were copied, and those of their platforms: their attachments were copied with them.
    subjects: BTreeSet<Digest>,
}

/// Returns the digest of the image whose attachments have this name.
fn attachment_subject(name: &str) -> Option<Digest> {
    name.parse::<RefName>().ok()?.tag()?.subject()
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
        image: Document,
        tag: Option<&str>,
        progress: &ProgressView,
    ) -> Result<(Vec<Reference>, Document), CommandError> {
        let (arguments, images) = (self.arguments, self.images);
        let attachments = &arguments.attached.referrers;
        let own = own_names(images, &image, tag);
        let source = arguments.source.to_string();
        let root = choose_platform(images, image, arguments.platform.as_ref(), &source)?;
        let (names, there) = destination_names(arguments, tag, own)?;
        match self.sink {
            Some(sink) if !arguments.dry_run => {
                let (tag, show, local) = (there.as_ref(), &arguments.show, self.local);
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
