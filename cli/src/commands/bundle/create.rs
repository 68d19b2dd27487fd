//! `diskette bundle create`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use clap::Args;
use diskette_builder::frontend::spec::TagTemplate;
use diskette_builder::oci::image::json::Document;
use diskette_builder::oci::image::location::{ImageLocation, LocalImage, StoreKind};
use diskette_builder::oci::image::reference::Reference;
use diskette_builder::oci::images::Images as _;
use diskette_builder::oci::progress::Progress as _;
use diskette_builder::oci::sink::Sink;
use diskette_builder::oci::store::PartList;
use diskette_builder::oci::store::bundle::{BundleBase, BundleSink};
use diskette_builder::recipe::diagnostic::Diagnostic;
use diskette_builder::registry::client::{RegistryClient, RegistryImages};
use diskette_builder::upstream::{FetchList, UpstreamWeb};

use super::output::{check_base, find_file, parse_bundle};
use crate::arguments::byte_count::parse_part_size;
use crate::arguments::credentials::RegistryUse;
use crate::arguments::destination::open_for_writing;
use crate::arguments::image_name::parse_reference;
use crate::arguments::referrers::ReferrersSelection;
use crate::arguments::registry::RegistryArguments;
use crate::arguments::transfer::TransferArguments;
use crate::catalogue::versions::{expand_catalogues, unlisted_error};
use crate::catalogue::{load_catalogues, target_repository};
use crate::environment::Environment;
use crate::error::{CommandError, image_not_found, storage_error};
use crate::files::output::FileOutput;
use crate::images::bundle::open_bundle;
use crate::transfer::Transfer;
use crate::ui::Ui;
use crate::ui::progress::ProgressView;

/// Write images of registries to one OCI archive, or a layout: all platforms, signatures and other artifacts, each blob once.
///
/// Of a catalogue, the tags without placeholders are bundled, of each release if a document stands for several: their list
/// is read. The same images give the same bytes. If the command is interrupted,
/// the same command continues what is in FILE.partial. skopeo and `diskette copy` read an image of the archive by its full
/// name: oci-archive:FILE:quay.io/me/fedora:42.
#[derive(Debug, Args)]
pub(crate) struct BundleCreateArguments {
    /// Images by tag or digest, and catalogues: files, or directories of them
    #[arg(value_name = "REF|CATALOGUE", required = true)]
    images: Vec<String>,

    /// Where to: an archive, or oci:DIR
    #[arg(short, long, value_name = "FILE", value_parser = parse_bundle)]
    output: LocalImage,

    /// Split the archive into parts of this size, for example 4G: FILE.000, FILE.001 …, listed with their checksums in FILE.sha256
    #[arg(long, value_name = "SIZE", value_parser = parse_part_size)]
    split_size: Option<u64>,

    /// Leave out the blobs that this earlier bundle has, or that were left out of it
    #[arg(long, value_name = "BUNDLE")]
    since: Option<PathBuf>,

    /// Registry of the images of catalogues, e.g. quay.io/containerdisks [default: each image's own]
    #[arg(long, value_name = "REGISTRY")]
    source_registry: Option<String>,

    #[command(flatten)]
    attached: ReferrersSelection,

    #[command(flatten)]
    show: TransferArguments,

    #[command(flatten)]
    registry: RegistryArguments,
}

pub(crate) fn run(
    arguments: &BundleCreateArguments,
    environment: &Environment,
    ui: &Ui,
) -> Result<(), CommandError> {
    arguments.check()?;
    let progress = arguments.show.progress(ui)?;
    let client = arguments.registry.http_client(environment, &(progress.clone() as _))?;
    let names = arguments.names(&UpstreamWeb::new(&client, &[]))?;
    let uses = RegistryUse::default().reads(names.iter());
    let registry = arguments.registry.registry(environment, progress.clone(), &uses)?;
    // An image that is missing must not leave the beginning of a bundle behind.
    let images = names.into_iter().map(|name| BundledImage::find(name, &registry));
    let mut images = images.collect::<Result<Vec<_>, _>>()?;
    images.sort_by_key(|image| image.name.to_string());
    images.dedup_by(|next, image| next.name == image.name);
    let bundling = Bundling { arguments, images, progress: &progress, ui };
    let location = ImageLocation::Local(arguments.output.clone());
    if arguments.output.store == StoreKind::Layout {
        let opened = open_for_writing(&location, environment)?;
        let Some(opened) = &opened else { return Ok(()) };
        bundling.copy(&*opened.sink()?)?;
    } else {
        bundling.write_archive()?;
    }
    progress.end();
    Ok(())
}

impl BundleCreateArguments {
    fn check(&self) -> Result<(), CommandError> {
        let usage = |message: &str, help: &str| {
            Err(CommandError::Usage(Diagnostic::new(message).help(help)))
        };
        let is_layout = self.output.store == StoreKind::Layout;
        if is_layout && (self.split_size.is_some() || self.since.is_some()) {
            return usage("a layout is not split, and has all blobs", "use `-o FILE`");
        }
        if self.output.is_stream() {
            return usage(
                "a bundle is no stream: an interrupted one is continued",
                "use `-o FILE`",
            );
        }
        match &self.since {
            Some(base) => check_base(base, &self.output.path),
            None => Ok(()),
        }
    }

    /// Returns the names of the images, sorted: the same images make the same bundle in whatever order they are given.
    fn names(&self, fetch: &dyn FetchList) -> Result<Vec<Reference>, CommandError> {
        let mut names = BTreeSet::new();
        for text in &self.images {
            let path = Path::new(text);
            if !path.exists() {
                let name = parse_reference(text).map_err(|problem| {
                    CommandError::Usage(Diagnostic::new(format!(
                        "`{text}` is neither an image nor a catalogue: {problem}"
                    )))
                })?;
                names.insert(name.to_string());
                continue;
            }
            let mut catalogues = load_catalogues(&[path.to_owned()])?;
            expand_catalogues(&mut catalogues, &|_| true, fetch)?;
            for entry in catalogues.iter().flat_map(|catalogue| &catalogue.entries) {
                if let Some(error) = unlisted_error(entry) {
                    return Err(error.into());
                }
                let name = target_repository(&entry.image, self.source_registry.as_deref())?;
                let tags = entry.tags.iter().filter_map(TagTemplate::constant);
                names.extend(tags.map(|tag| name.with_tag(tag).to_string()));
            }
        }
        let parse = |name: &String| name.parse().map_err(|_| image_not_found(name));
        names.iter().map(parse).collect()
    }
}

/// An image that is bundled.
struct BundledImage<'a> {
    name: Reference,
    images: RegistryImages<'a>,
    root: Document,
}

impl<'a> BundledImage<'a> {
    fn find(name: Reference, registry: &'a RegistryClient) -> Result<Self, CommandError> {
        let repositories = registry.source_repositories(&name).map_err(storage_error)?;
        let images = RegistryImages::new(repositories);
        let find = |it: &str| Ok::<_, CommandError>(images.find_image(it)?);
        let root = find(name.digest().or(name.tag()).unwrap_or_default())?;
        let root = root.ok_or_else(|| image_not_found(&name.to_string()))?;
        // The tag is the name on the other side too, so that it must not be another image here.
        let Some((tag, tagged)) = name.tag().zip(name.without_digest()) else {
            return Ok(Self { name, images, root });
        };
        if name.digest().is_some() {
            let found = find(tag)?.ok_or_else(|| image_not_found(&tagged.to_string()))?;
            if found.digest != root.digest {
                let message = format!("`{tagged}` is {}, not {}", found.digest, root.digest);
                let help = "name the image by its tag, or by its digest alone";
                return Err(Diagnostic::new(message).help(help).into());
            }
        }
        Ok(Self { name: tagged, images, root })
    }
}

/// Images that are bundled.
struct Bundling<'a> {
    arguments: &'a BundleCreateArguments,
    images: Vec<BundledImage<'a>>,
    progress: &'a ProgressView,
    ui: &'a Ui,
}

impl Bundling<'_> {
    fn write_archive(&self) -> Result<(), CommandError> {
        let path = &self.arguments.output.path;
        let FileOutput { dir, name } = find_file(path)?;
        let base = self
            .arguments
            .since
            .as_ref()
            .map(|path| Ok::<_, CommandError>(BundleBase::read(&open_bundle(path)?)?));
        let base = base.transpose()?;
        let shown = path.display().to_string();
        let sink = BundleSink::open(&dir, &name, &shown, self.arguments.split_size, base.as_ref())?;
        let made = self.copy(&sink).and_then(|()| Ok(sink.finish()?));
        if made.is_err() {
            self.progress.end();
            let first = if self.arguments.split_size.is_some() { ".000" } else { "" };
            let note = format!("the same command continues what is in `{shown}{first}.partial`");
            self.ui.print_note(&note);
        }
        match made? {
            0 => {}
            count => {
                let list = PartList::file_name(&shown);
                self.progress.end();
                self.ui.print_note(&format!(
                    "{count} parts; `{list}` lists them, with their checksums"
                ));
            }
        }
        Ok(())
    }

    fn copy(&self, sink: &dyn Sink) -> Result<(), CommandError> {
        let (attachments, show) = (&self.arguments.attached.referrers, &self.arguments.show);
        for BundledImage { name, images, root } in &self.images {
            if self.progress.is_cancelled() {
                return Err(CommandError::Stopped);
            }
            let names = std::slice::from_ref(name);
            let transfer =
                Transfer { images, sink, names, tag: None, local: None, attachments, show };
            transfer.run(root, self.progress)?;
            if !show.is_quiet() {
                self.ui.print_text(&format!("{name}\t{}\n", root.digest))?;
            }
        }
        Ok(())
    }
}
