//! `diskette bundle push`.

use std::collections::BTreeMap;

use clap::Args;
use diskette_builder::oci::copy::CopyPlan;
use diskette_builder::oci::image::digest::Digest;
use diskette_builder::oci::image::json::Document;
use diskette_builder::oci::image::location::{LocalImage, StoreKind};
use diskette_builder::oci::image::ref_name::LayoutName;
use diskette_builder::oci::image::reference::Reference;
use diskette_builder::oci::images::Images;
use diskette_builder::oci::progress::Progress as _;
use diskette_builder::oci::sink::Sink;
use diskette_builder::oci::store::ArchiveImages;
use diskette_builder::oci::store::bundle::find_missing;
use diskette_builder::recipe::diagnostic::Diagnostic;
use diskette_builder::registry::client::RegistrySink;

use super::rewrite::{NameRewrite, target_name};
use crate::arguments::credentials::RegistryUse;
use crate::arguments::image_name::parse_local;
use crate::arguments::referrers::ReferrersSelection;
use crate::arguments::registry::RegistryArguments;
use crate::arguments::transfer::TransferArguments;
use crate::environment::Environment;
use crate::error::{CommandError, image_not_found};
use crate::images::bundle::{name_damaged, open_bundle};
use crate::images::open_layout;
use crate::transfer::{self, Transfer};
use crate::ui::Ui;
use crate::ui::progress::ProgressView;

/// Copy the images of a bundle into a registry, each below it under its own name: quay.io/me/fedora:42 becomes REGISTRY/me/fedora:42.
///
/// What the registry has is not sent again, so that an interrupted push is continued by the same command. Afterwards
/// the registry is asked for all blobs. Prints the names of the copies with their digests.
#[derive(Debug, Args)]
pub(crate) struct BundlePushArguments {
    /// The bundle: FILE, also if it was split into FILE.000, FILE.001 …; or oci:DIR
    #[arg(value_name = "FILE")]
    bundle: String,

    /// The registry, perhaps with the beginning of a path: registry.example.com/mirror
    #[arg(value_name = "REGISTRY")]
    target: String,

    /// Replace the beginning FROM of a full name with TO, below the registry: quay.io/containerdisks/=vms/, or
    /// quay.io/me/fedora:42=fedora:stable; the first that applies counts; may be repeated
    #[arg(long, value_name = "FROM=TO")]
    rewrite: Vec<NameRewrite>,

    /// Show what would be sent, and write nothing
    #[arg(long)]
    dry_run: bool,

    #[command(flatten)]
    attached: ReferrersSelection,

    #[command(flatten)]
    show: TransferArguments,

    #[command(flatten)]
    registry: RegistryArguments,
}

/// The images of a bundle.
enum Bundle {
    Archive(ArchiveImages),
    Layout(Box<dyn Images>),
}

/// An image of a bundle, and the name that it gets.
struct BundledImage {
    root: Document,
    target: Reference,
}

pub(crate) fn run(
    arguments: &BundlePushArguments,
    environment: &Environment,
    ui: &Ui,
) -> Result<(), CommandError> {
    let progress = arguments.show.progress(ui)?;
    let bundle = arguments.open()?;
    let images = arguments.list(&bundle)?;
    let uses = RegistryUse::default().writes(images.iter().map(|image| &image.target));
    let registry = arguments.registry.registry(environment, progress.clone(), &uses)?;
    let sink = RegistrySink::new(&registry, arguments.show.jobs());
    let run = BundlePush { arguments, bundle: &bundle, sink: &sink, progress: &progress, ui };
    let mut plan = CopyPlan::default();
    for image in &images {
        if progress.is_cancelled() {
            return Err(CommandError::Stopped);
        }
        let done = run.push(image, &mut plan);
        done.map_err(|error| name_damaged_parts(error, &bundle))?;
    }
    progress.end();
    if arguments.dry_run {
        transfer::print_plan(plan, &arguments.show, ui);
    } else {
        transfer::print_summary(&registry, &arguments.show, ui);
    }
    Ok(())
}

impl Bundle {
    fn images(&self) -> &dyn Images {
        match self {
            Self::Archive(images) => images,
            Self::Layout(images) => &**images,
        }
    }
}

impl BundlePushArguments {
    fn open(&self) -> Result<Bundle, CommandError> {
        let local = parse_local(&self.bundle).map_err(|problem| {
            CommandError::Usage(Diagnostic::new(format!(
                "`{}` is no bundle: {problem}",
                self.bundle
            )))
        })?;
        let is_layout = self.bundle.starts_with("oci:") || local.path.is_dir();
        Ok(match local {
            LocalImage { store: StoreKind::Layout, path, .. } if is_layout => {
                Bundle::Layout(Box::new(open_layout(&path)?))
            }
            LocalImage { path, .. } => Bundle::Archive(open_bundle(&path)?),
        })
    }

    /// Lists the images, and fails if one has no name or a false one, or if two would get one name.
    fn list(&self, bundle: &Bundle) -> Result<Vec<BundledImage>, CommandError> {
        let mut found: BTreeMap<String, (Digest, Reference)> = BTreeMap::new();
        let mut images = Vec::new();
        let mut refused = Vec::new();
        for name in bundle.images().names() {
            let Ok(LayoutName::Full(source)) = name.parse() else {
                refused.push(self.refuse_name(name));
                continue;
            };
            let root = bundle.images().find_image(name)?;
            let root = root.ok_or_else(|| image_not_found(name))?;
            let source = own_name(source, &root)?;
            let target = own_name(target_name(&source, &self.target, &self.rewrite)?, &root)?;
            let known = found.insert(target.to_string(), (root.digest, source.clone()));
            if let Some((_, other)) = known.filter(|(digest, _)| *digest != root.digest) {
                let message = format!("`{other}` and `{source}` would both become `{target}`");
                let help = "give one of them another name, with `--rewrite FROM=TO`";
                return Err(CommandError::Usage(Diagnostic::new(message).help(help)));
            }
            images.push(BundledImage { root, target });
        }
        if images.is_empty() {
            let message = format!("`{}` has no images with full names", self.bundle);
            let help =
                "`diskette bundle create` makes a bundle; `diskette copy` copies other images";
            return Err(Diagnostic::new(message).help(help).into());
        }
        if refused.is_empty() { Ok(images) } else { Err(CommandError::Failed(refused)) }
    }

    fn refuse_name(&self, name: &str) -> Diagnostic {
        let name = name.escape_debug();
        let message = format!("`{name}` of `{}` is no full name; nothing was sent", self.bundle);
        Diagnostic::new(message).help("`diskette copy` copies an image alone, under another name")
    }
}

/// Returns the name of an image by its tag, if it has one. A digest in it must be that of the image.
fn own_name(name: Reference, root: &Document) -> Result<Reference, CommandError> {
    let digest = root.digest.to_string();
    if name.digest().is_some_and(|named| named != digest) {
        let message = format!("the image of the name `{name}` is {digest}; nothing was sent");
        let help = "a name with a digest is of that image alone: do not trust the bundle, or rewrite the name";
        return Err(Diagnostic::new(message).help(help).into());
    }
    Ok(name.without_digest().unwrap_or(name))
}

/// A push of the images of a bundle.
struct BundlePush<'a> {
    arguments: &'a BundlePushArguments,
    bundle: &'a Bundle,
    sink: &'a dyn Sink,
    progress: &'a ProgressView,
    ui: &'a Ui,
}

impl BundlePush<'_> {
    fn push(&self, image: &BundledImage, plan: &mut CopyPlan) -> Result<(), CommandError> {
        let BundledImage { root, target } = image;
        let (images, sink, show) = (self.bundle.images(), self.sink, &self.arguments.show);
        let (attachments, names) =
            (&self.arguments.attached.referrers, std::slice::from_ref(target));
        self.check_complete(image)?;
        if self.arguments.dry_run {
            plan.add(root, images, attachments, Some(sink), names)?;
        } else {
            let transfer =
                Transfer { images, sink, names, tag: None, local: None, attachments, show };
            transfer.run(root, self.progress)?;
            let mut there = CopyPlan::default();
            there.add(root, images, attachments, Some(sink), names)?;
            if there.missing > 0 {
                let message = format!(
                    "`{target}` was pushed, but the registry lacks {} bytes of its blobs",
                    there.missing
                );
                return Err(Diagnostic::new(message).help("push the bundle again").into());
            }
        }
        self.arguments.show.print_result(names, root, self.ui)
    }

    /// Fails if the bundle lacks blobs that the registry lacks too.
    fn check_complete(&self, image: &BundledImage) -> Result<(), CommandError> {
        let Bundle::Archive(bundle) = self.bundle else { return Ok(()) };
        let (root, attachments) = (&image.root, &self.arguments.attached.referrers);
        let missing = find_missing(root, bundle, attachments, self.sink, &image.target)?;
        let Some((digest, size)) = missing.first_key_value() else { return Ok(()) };
        let target = image.target.full_repository();
        let message = format!("neither the bundle nor `{target}` has {digest}, {size} bytes");
        let more = match missing.len() {
            1 => message,
            count => format!("{message}, and {} more blobs", count - 1),
        };
        let help = match bundle.base_digest() {
            Some(_) => {
                "the bundle was made with `--since`: push the earlier bundle first, under the same names"
            }
            None => "the bundle is incomplete: create it again",
        };
        Err(Diagnostic::new(more).help(help).into())
    }
}

/// Adds to an error which parts of the bundle are damaged.
fn name_damaged_parts(error: CommandError, bundle: &Bundle) -> CommandError {
    let Bundle::Archive(images) = bundle else { return error };
    let mut all = match error {
        CommandError::Failed(all) => all,
        other => return other,
    };
    let damaged = images.find_damaged_parts().unwrap_or_default();
    if let Some(last) = all.pop() {
        all.push(damaged.iter().fold(last, name_damaged));
    }
    CommandError::Failed(all)
}
