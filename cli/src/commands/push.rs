//! `diskette push`.

use clap::Args;
use diskette_builder::oci::copy::CopyPlan;
use diskette_builder::oci::image::json::Document;
use diskette_builder::oci::image::location::{
    ImageLocation, LocalImage, StoreKind, has_registry_host,
};
use diskette_builder::oci::image::reference::Reference;
use diskette_builder::oci::images::Images;
use diskette_builder::oci::sink::Sink as _;
use diskette_builder::recipe::diagnostic::Diagnostic;
use diskette_builder::registry::client::RegistrySink;

use crate::arguments::attach::AttachArguments;
use crate::arguments::credentials::RegistryUse;
use crate::arguments::image_name::{parse_local, parse_reference, parse_source};
use crate::arguments::referrers::ReferrersSelection;
use crate::arguments::registry::RegistryArguments;
use crate::arguments::signing::SigningArguments;
use crate::arguments::transfer::TransferArguments;
use crate::environment::Environment;
use crate::error::CommandError;
use crate::images::attach::{attach, find_attach_target};
use crate::images::open_local_images;
use crate::transfer::{self, Transfer};
use crate::ui::Ui;

/// Push an image of a layout or archive to registries.
///
/// Blobs that a registry already has are not sent; tags are written last, after everything else.
/// Exit status 0 means that the registry serves the digest that is printed.
#[derive(Debug, Args)]
pub(crate) struct PushArguments {
    /// The layout, or the archive [default: .]
    #[arg(short, long, value_name = "PATH", value_parser = parse_local)]
    layout: Option<LocalImage>,

    /// The image: its tag or name in the layout, or oci:DIR:TAG or an archive without -l; not
    /// needed if there is only one
    #[arg(value_name = "IMAGE")]
    image: Option<String>,

    /// Destinations, e.g. quay.io/me/fedora:42 [default: the names of the image]
    #[arg(value_name = "DEST", value_parser = parse_reference)]
    destinations: Vec<Reference>,

    #[command(flatten)]
    attach: AttachArguments,

    /// Show what would be sent, and send nothing
    #[arg(long)]
    dry_run: bool,

    #[command(flatten)]
    attached: ReferrersSelection,

    #[command(flatten)]
    show: TransferArguments,

    #[command(flatten)]
    signing: SigningArguments,

    #[command(flatten)]
    registry: RegistryArguments,
}

/// What is pushed, and where to.
struct PushRequest {
    local: LocalImage,
    /// Destinations that are named; without any, the image is pushed to its own names.
    destinations: Vec<Reference>,
}

pub(crate) fn run(
    arguments: &PushArguments,
    environment: &Environment,
    ui: &Ui,
) -> Result<(), CommandError> {
    let request = PushRequest::new(arguments)?;
    let images = open_local_images(&request.local)?;
    let mut root = request.find_image(&*images)?;
    let mut names = request.destinations;
    if names.is_empty() {
        let own = images.names_of(root.digest).into_iter();
        names = own.filter_map(|name| name.parse().ok()).collect();
    }
    if names.is_empty() {
        let diagnostic = Diagnostic::new("no destination for the image");
        let help = "name a repository, for example `quay.io/me/fedora:42`";
        return Err(CommandError::Usage(diagnostic.help(help)));
    }
    let signing = arguments.signing.read(environment)?;
    let progress = arguments.show.progress(ui)?;
    let mut uses = RegistryUse::default().writes(&names);
    uses = arguments.attach.subject.iter().fold(uses, RegistryUse::reads_from);
    let registry = arguments.registry.registry(environment, progress.clone(), &uses)?;
    let sink = RegistrySink::new(&registry, arguments.show.jobs());
    if let Some(subject) = find_attach_target(&arguments.attach, &registry)? {
        root = attach(&root, &subject)?;
        sink.check_subject(subject.digest, &names)?;
    }
    if arguments.dry_run {
        let mut plan = CopyPlan::default();
        plan.add(&root, &*images, &arguments.attached.referrers, Some(&sink), &names)?;
        progress.end();
        transfer::print_plan(plan, &arguments.show, ui);
        return arguments.show.print_result(&names, &root, ui);
    }
    let signed = signing.as_ref().map(|key| key.sign_in(&sink));
    let transfer = Transfer {
        images: &*images,
        sink: signed.as_ref().map_or(&sink, |signed| signed),
        names: &names,
        tag: None,
        local: None,
        attachments: &arguments.attached.referrers,
        show: &arguments.show,
    };
    transfer.run(&root, &progress)?;
    transfer::print_summary(&registry, &arguments.show, ui);
    arguments.show.print_result(&names, &root, ui)
}

impl PushRequest {
    /// Sorts the arguments: the first is an image, unless it can only be a destination.
    fn new(arguments: &PushArguments) -> Result<Self, CommandError> {
        let here = || LocalImage { store: StoreKind::Layout, path: ".".into(), name: None };
        let given = arguments.layout.clone();
        let mut destinations = arguments.destinations.clone();
        let Some(image) = &arguments.image else {
            return Ok(Self { local: given.unwrap_or_else(here), destinations });
        };
        let bad_image = |problem: String| {
            CommandError::Usage(Diagnostic::new(format!("cannot push `{image}`: {problem}")))
        };
        match parse_source(image) {
            Ok(ImageLocation::Local(local)) if given.is_none() => {
                return Ok(Self { local, destinations });
            }
            Err(problem) if given.is_none() => return Err(bad_image(problem)),
            _ => {}
        }
        let mut local = given.unwrap_or_else(here);
        if local.name.is_some() || (destinations.is_empty() && is_destination(image)) {
            destinations.insert(0, parse_reference(image).map_err(bad_image)?);
        } else {
            local.name = Some(image.clone());
        }
        Ok(Self { local, destinations })
    }

    /// Returns the image. Of several images, a destination chooses the one that has its name.
    fn find_image(&self, images: &dyn Images) -> Result<Document, CommandError> {
        let location = self.local.path.display();
        let (found, message) = match &self.local.name {
            Some(name) => (images.find_image(name)?, format!("`{location}` has no image `{name}`")),
            None => (images.only_image()?, format!("which image of `{location}`?")),
        };
        let by_destination = match &self.destinations[..] {
            [only] if found.is_none() && self.local.name.is_none() => {
                images.find_image(&only.to_string())?
            }
            _ => None,
        };
        found.or(by_destination).ok_or_else(|| {
            let names = images.names();
            let help = if names.is_empty() {
                "it has no images with names".to_owned()
            } else {
                format!("it has {}", names.join(", "))
            };
            CommandError::Usage(Diagnostic::new(message).help(help))
        })
    }
}

/// Returns whether a text has a registry or a scheme, and thus is no tag of a layout.
fn is_destination(text: &str) -> bool {
    has_registry_host(text) || text.starts_with("docker://")
}
