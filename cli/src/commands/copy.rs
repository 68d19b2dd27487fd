//! `diskette copy`.

use clap::Args;
use diskette_builder::copy::choose;
use diskette_builder::diagnostic::Diagnostic;
use diskette_builder::image::json::Document;
use diskette_builder::image::place::Place;
use diskette_builder::image::platform::Platform;
use diskette_builder::image::reference::Reference;
use diskette_builder::images::Images;
use diskette_builder::registry::{Registry, RegistryImages, RegistrySink};
use diskette_builder::sink::Sink;

use crate::commands::transfer::{self, Show, Transfer, not_found, sink_error};
use crate::environment::Environment;
use crate::error::CommandError;
use crate::files::open_layout;
use crate::output::{Destination, Opened};
use crate::registry::RegistryArguments;
use crate::ui::Ui;

/// Copy an image from a registry or layout to another, byte for byte.
///
/// Within a registry nothing is moved: the blobs are mounted where the registry can do that.
#[derive(Debug, Args)]
pub(crate) struct CopyArguments {
    /// Where the image is: quay.io/me/fedora:42, or oci:DIR:TAG
    #[arg(value_name = "SRC")]
    source: Place,

    /// Where it shall be, likewise
    #[arg(value_name = "DST")]
    destination: Place,

    /// Copy this platform's image only, e.g. linux/arm64
    #[arg(long)]
    platform: Option<Platform>,

    /// Copy all tags of the repository or layout
    #[arg(long, conflicts_with = "platform")]
    all_tags: bool,

    #[command(flatten)]
    show: Show,

    #[command(flatten)]
    registry: RegistryArguments,
}

pub(crate) fn run(
    arguments: &CopyArguments,
    environment: &Environment,
    ui: &Ui,
) -> Result<(), CommandError> {
    let progress = arguments.show.progress(ui)?;
    let registry = arguments.registry.registry(environment, progress.clone())?;
    let images = images(&arguments.source, &registry)?;
    let opened = opened(&arguments.destination, environment)?;
    let sink: Box<dyn Sink + '_> = match &opened {
        Some(opened) => opened.sink()?,
        None => Box::new(RegistrySink::new(&registry, arguments.show.jobs())),
    };
    let mut last = None;
    for tag in wanted(arguments, &*images)? {
        let name = match &tag {
            Some(tag) => images.find(tag)?.ok_or_else(|| not_found(tag))?,
            None => only(&*images)?,
        };
        let root = choose(&*images, name, arguments.platform.as_ref())?;
        let (names, there) = name_there(arguments, tag.as_deref());
        let transfer = Transfer {
            images: &*images,
            sink: &*sink,
            names: &names,
            tag: there.as_deref(),
            show: &arguments.show,
        };
        transfer.run(&root, &progress)?;
        last = Some((names, root));
    }
    transfer::summary(&registry, &arguments.show, ui);
    match last {
        Some((names, root)) => arguments.show.result(&names, &root, ui),
        None => Err(Diagnostic::new("there are no tags to copy").into()),
    }
}

fn images<'a>(place: &Place, registry: &'a Registry) -> Result<Box<dyn Images + 'a>, CommandError> {
    Ok(match place {
        Place::Registry(name) => {
            Box::new(RegistryImages::new(registry.sources(name).map_err(sink_error)?))
        }
        Place::Layout(path, _) => Box::new(open_layout(path)?),
    })
}

fn opened(place: &Place, environment: &Environment) -> Result<Option<Opened>, CommandError> {
    match place {
        Place::Registry(_) => Ok(None),
        Place::Layout(path, _) => Destination::Layout(path.clone()).open(environment).map(Some),
    }
}

/// Returns the tags to copy; nothing stands for the one image of a layout.
fn wanted(
    arguments: &CopyArguments,
    images: &dyn Images,
) -> Result<Vec<Option<String>>, CommandError> {
    if arguments.all_tags {
        return Ok(images.tags()?.into_iter().map(Some).collect());
    }
    Ok(vec![match &arguments.source {
        Place::Registry(name) => name.digest().or(name.tag()).map(str::to_owned),
        Place::Layout(_, name) => name.clone(),
    }])
}

fn only(images: &dyn Images) -> Result<Document, CommandError> {
    let tags = images.tags()?;
    if let [tag] = &tags[..] {
        return images.find(tag)?.ok_or_else(|| not_found(tag));
    }
    let diagnostic = Diagnostic::new("which image of the layout?");
    let help = format!("say `oci:DIR:TAG`; it has {}", tags.join(", "));
    Err(CommandError::Usage(diagnostic.help(help)))
}

/// Returns what the image is called where it goes: whole names, or the tag alone in a layout.
fn name_there(arguments: &CopyArguments, tag: Option<&str>) -> (Vec<Reference>, Option<String>) {
    let retag = |name: &Reference| match tag.filter(|_| arguments.all_tags) {
        Some(tag) => name.with_tag(tag.to_owned()),
        None => name.clone(),
    };
    match (&arguments.destination, &arguments.source) {
        (Place::Registry(name), _) | (Place::Layout(_, None), Place::Registry(name)) => {
            (vec![retag(name)], None)
        }
        (Place::Layout(_, Some(name)), _) if name.contains('/') => match name.parse() {
            Ok(name) => (vec![retag(&name)], None),
            Err(_) => (Vec::new(), Some(name.clone())),
        },
        (Place::Layout(_, Some(name)), _) => (Vec::new(), Some(name.clone())),
        (Place::Layout(_, None), Place::Layout(..)) => (Vec::new(), tag.map(str::to_owned)),
    }
}
