//! `diskette copy`.

use std::collections::BTreeSet;

use clap::Args;
use diskette_builder::oci::copy::choose_platform;
use diskette_builder::oci::image::json::Document;
use diskette_builder::oci::image::location::{ImageLocation, StoreKind};
use diskette_builder::oci::image::platform::Platform;
use diskette_builder::oci::image::ref_name::{RefName, RefNameError};
use diskette_builder::oci::image::reference::Reference;
use diskette_builder::oci::image::tag::Tag;
use diskette_builder::oci::images::Images;
use diskette_builder::recipe::diagnostic::Diagnostic;

use crate::arguments::credentials::{PairCredentials, RegistryUse};
use crate::arguments::destination::{open_for_writing, open_sink};
use crate::arguments::image_name::{parse_source, parse_target};
use crate::arguments::registry::RegistryArguments;
use crate::arguments::transfer::TransferArguments;
use crate::environment::Environment;
use crate::error::{CommandError, image_not_found};
use crate::images::subject::{ambiguous_image, open_images_at};
use crate::transfer::{self, Transfer, split_local_name};
use crate::ui::Ui;

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

    #[command(flatten)]
    show: TransferArguments,

    #[command(flatten)]
    pair: PairCredentials,

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
    let registry = arguments.registry.registry(environment, progress.clone(), &uses)?;
    let images = open_images_at(&arguments.source, &registry)?;
    let tags = tags_to_copy(arguments, &*images)?;
    check_tags(arguments, &tags)?;
    let find = |tag: &Option<String>| match tag {
        Some(tag) => {
            let found = images.find_image(tag)?;
            found.ok_or_else(|| image_not_found(&source_name(arguments, tag)))
        }
        None => images.only_image()?.ok_or_else(|| ambiguous_image(&arguments.source, &*images)),
    };
    // A missing image must not leave an empty layout behind.
    let mut first = tags.first().map(find).transpose()?;
    let opened = open_for_writing(&arguments.destination, environment)?;
    let sink = open_sink(opened.as_ref(), &registry, arguments.show.jobs())?;
    let source = arguments.source.to_string();
    let mut last = None;
    for tag in tags {
        let name = first.take().map_or_else(|| find(&tag), Ok)?;
        let own = own_names(&*images, &name, tag.as_deref());
        let root = choose_platform(&*images, name, arguments.platform.as_ref(), &source)?;
        let (names, there) = destination_names(arguments, tag.as_deref(), own)?;
        let transfer = Transfer {
            images: &*images,
            sink: &*sink,
            names: &names,
            tag: there.as_ref(),
            show: &arguments.show,
        };
        transfer.run(&root, &progress)?;
        last = Some((names, root));
    }
    transfer::print_summary(&registry, &arguments.show, ui);
    match last {
        Some(_) if arguments.destination.is_stream() => Ok(()),
        Some((names, root)) => arguments.show.print_result(&names, &root, ui),
        None => Err(Diagnostic::new("there are no tags to copy").into()),
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

/// Returns the tags to copy; `None` stands for the only image of a location, without a tag.
fn tags_to_copy(
    arguments: &CopyArguments,
    images: &dyn Images,
) -> Result<Vec<Option<String>>, CommandError> {
    if arguments.all_tags {
        return Ok(images.tags()?.iter().map(|tag| Some(tag.to_string())).collect());
    }
    if let Some(name) = arguments.source.image_name() {
        return Ok(vec![Some(name.to_owned())]);
    }
    match &images.tags()?[..] {
        [tag] => Ok(vec![Some(tag.to_string())]),
        _ => Ok(vec![None]),
    }
}

/// Returns the full name of an image of the source.
fn source_name(arguments: &CopyArguments, tag: &str) -> String {
    match &arguments.source {
        ImageLocation::Registry(name) if arguments.all_tags => {
            format!("{}:{tag}", name.full_repository())
        }
        ImageLocation::Local(local) if local.name.is_none() => format!("{local}:{tag}"),
        source => source.to_string(),
    }
}

/// Returns the full references that an image has in a layout or an archive: the one with the tag,
/// or all without a tag or with a digest.
fn own_names(images: &dyn Images, root: &Document, tag: Option<&str>) -> Vec<Reference> {
    let tag = tag.filter(|tag| !tag.starts_with("sha256:"));
    let names = images.names_of(root.digest).into_iter();
    let is_meant = |text: &str, name: &Reference| match tag {
        Some(tag) => tag == text || name.tag() == Some(tag),
        None => true,
    };
    let names = names.filter_map(|text| Some((text, text.parse().ok()?)));
    names.filter(|(text, name)| is_meant(text, name)).map(|(_, name)| name).collect()
}

/// Returns the names of the image at its destination: references, or only a tag in a layout.
fn destination_names(
    arguments: &CopyArguments,
    tag: Option<&str>,
    own: Vec<Reference>,
) -> Result<(Vec<Reference>, Option<RefName>), CommandError> {
    let new_tag = tag.filter(|_| arguments.all_tags).map(registry_tag).transpose()?;
    let retag = |name: &Reference| match &new_tag {
        Some(tag) => name.with_tag(tag.clone()),
        None => name.clone(),
    };
    let name = match &arguments.destination {
        ImageLocation::Registry(name) => return Ok((vec![retag(name)], None)),
        ImageLocation::Local(local) => local.name.as_deref(),
    };
    match (name, &arguments.source) {
        (None, ImageLocation::Registry(name)) => Ok((vec![retag(name)], None)),
        (None, _) if !own.is_empty() => Ok((own, None)),
        (None, _) => Ok((Vec::new(), tag.map(ref_name).transpose()?)),
        (Some(name), _) => {
            let (names, tag) = split_local_name(name)?;
            Ok((names.iter().map(retag).collect(), tag))
        }
    }
}

/// Fails if images could not have their tags in the repository that all are copied to, before the
/// first is copied.
fn check_tags(arguments: &CopyArguments, names: &[Option<String>]) -> Result<(), CommandError> {
    if !arguments.all_tags || !matches!(arguments.destination, ImageLocation::Registry(_)) {
        return Ok(());
    }
    let mut seen = BTreeSet::new();
    for name in names.iter().flatten() {
        let tag = registry_tag(name)?;
        if !seen.insert(tag.clone()) {
            let message = format!("two images of `{}` have the tag `{tag}`", arguments.source);
            return Err(Diagnostic::new(message).help("copy each by its full name").into());
        }
    }
    Ok(())
}

fn ref_name(name: &str) -> Result<RefName, CommandError> {
    name.parse().map_err(|error: RefNameError| Diagnostic::new(error.to_string()).into())
}

/// Returns the tag that an image of this name gets in a repository.
fn registry_tag(name: &str) -> Result<Tag, CommandError> {
    let not_a_tag = || {
        let diagnostic = Diagnostic::new(format!("`{name}` is not a tag"));
        diagnostic.help("copy the image alone, with a tag of the destination").into()
    };
    ref_name(name)?.tag().ok_or_else(not_a_tag)
}
