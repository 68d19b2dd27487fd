//! `diskette push`.

use std::path::PathBuf;

use clap::Args;
use diskette_builder::oci::image::json::Document;
use diskette_builder::oci::image::location::parse_reference;
use diskette_builder::oci::image::reference::Reference;
use diskette_builder::oci::images::Images;
use diskette_builder::recipe::diagnostic::Diagnostic;
use diskette_builder::registry::client::RegistrySink;

use crate::arguments::registry::RegistryArguments;
use crate::arguments::transfer::TransferArguments;
use crate::environment::Environment;
use crate::error::CommandError;
use crate::images::open_local_images;
use crate::transfer::{self, Transfer};
use crate::ui::Ui;

/// Push an image of a layout or archive to registries.
///
/// Blobs that a registry already has are not sent; tags are written last, after everything else. Exit
/// status 0 means that the registry serves the digest that is printed.
#[derive(Debug, Args)]
pub(crate) struct PushArguments {
    /// The layout, or the OCI archive
    #[arg(short, long, value_name = "PATH", default_value = ".")]
    layout: PathBuf,

    /// The image: its tag or name in the layout; not needed if there is only one
    #[arg(value_name = "TAG")]
    image: Option<String>,

    /// Where to, e.g. quay.io/me/fedora:42 [default: the names that the image has]
    #[arg(value_name = "DEST", value_parser = parse_reference)]
    destinations: Vec<Reference>,

    #[command(flatten)]
    show: TransferArguments,

    #[command(flatten)]
    registry: RegistryArguments,
}

pub(crate) fn run(
    arguments: &PushArguments,
    environment: &Environment,
    ui: &Ui,
) -> Result<(), CommandError> {
    let images = open_local_images(&arguments.layout)?;
    let root = find_image(&*images, arguments)?;
    let mut names = arguments.destinations.clone();
    if names.is_empty() {
        let own = images.names_of(root.digest).into_iter();
        names = own.filter_map(|name| name.parse().ok()).collect();
    }
    if names.is_empty() {
        let diagnostic = Diagnostic::new("no destination for the image");
        let help = "name a repository, for example `quay.io/me/fedora:42`";
        return Err(CommandError::Usage(diagnostic.help(help)));
    }
    let progress = arguments.show.progress(ui)?;
    let registry = arguments.registry.registry(environment, progress.clone())?;
    let sink = RegistrySink::new(&registry, arguments.show.jobs());
    let transfer =
        Transfer { images: &*images, sink: &sink, names: &names, tag: None, show: &arguments.show };
    transfer.run(&root, &progress)?;
    transfer::print_summary(&registry, &arguments.show, ui);
    arguments.show.print_result(&names, &root, ui)
}

fn find_image(images: &dyn Images, arguments: &PushArguments) -> Result<Document, CommandError> {
    let location = arguments.layout.display();
    let (found, message) = match &arguments.image {
        Some(name) => (images.find_image(name)?, format!("`{location}` has no image `{name}`")),
        None => (images.only_image()?, format!("which image of `{location}`?")),
    };
    found.ok_or_else(|| {
        let names = images.names();
        let help = if names.is_empty() {
            "it has no images with names".to_owned()
        } else {
            format!("it has {}", names.join(", "))
        };
        CommandError::Usage(Diagnostic::new(message).help(help))
    })
}
