//! `diskette delete`.

use std::path::Path;

use clap::Args;
use diskette_builder::oci::image::location::{ImageLocation, LocalImage, StoreKind};
use diskette_builder::oci::image::reference::Reference;
use diskette_builder::oci::store::LayoutNames;
use diskette_builder::recipe::diagnostic::Diagnostic;
use diskette_builder::registry::client::{DeleteError, RegistryClient};

use crate::arguments::credentials::RegistryUse;
use crate::arguments::image_name::parse_source;
use crate::arguments::registry::RegistryArguments;
use crate::environment::Environment;
use crate::error::{CommandError, cannot, image_not_found};
use crate::files::open_dir;
use crate::images::beside::archive_error;
use crate::images::subject::{ImageSubject, ambiguous_image, open_images_at};
use crate::ui::Ui;
use crate::ui::progress::ProgressMode;

/// Delete an image of a registry or a layout.
///
/// A tag is deleted alone where the registry can do that; else the image is deleted, unless it has
/// other tags. With a digest, the image and all its tags are deleted. With an image, its signatures
/// and other artifacts that refer to it and have no other tag are deleted. In a layout the image is
/// removed from index.json; `diskette gc` frees the space. Prints the deleted names.
#[derive(Debug, Args)]
pub(crate) struct DeleteArguments {
    /// The image: quay.io/me/fedora:42, quay.io/me/fedora@sha256:…, or oci:DIR:TAG
    #[arg(value_name = "IMAGE", value_parser = parse_source)]
    image: ImageLocation,

    /// Print what would be deleted, and delete nothing
    #[arg(long)]
    dry_run: bool,

    #[command(flatten)]
    registry: RegistryArguments,
}

pub(crate) fn run(
    arguments: &DeleteArguments,
    environment: &Environment,
    ui: &Ui,
) -> Result<(), CommandError> {
    let progress = ui.progress(ProgressMode::Plain)?;
    let uses = RegistryUse::default().reads_from(&arguments.image).writes_to(&arguments.image);
    let registry = arguments.registry.registry(environment, progress, &uses)?;
    match &arguments.image {
        ImageLocation::Registry(name) => arguments.delete_remote(name, &registry, ui),
        ImageLocation::Local(local) if local.store != StoreKind::Layout => {
            Err(archive_error("deleted"))
        }
        ImageLocation::Local(LocalImage { path, name: Some(name), .. }) => {
            ImageSubject::find(&arguments.image, &registry)?;
            arguments.delete_entry(path, name, ui)
        }
        ImageLocation::Local(_) => {
            let images = open_images_at(&arguments.image, &registry)?;
            Err(ambiguous_image(&arguments.image, &*images))
        }
    }
}

impl DeleteArguments {
    fn delete_remote(
        &self,
        name: &Reference,
        registry: &RegistryClient,
        ui: &Ui,
    ) -> Result<(), CommandError> {
        let deleted = if self.dry_run {
            registry.find_deletion(name)?
        } else {
            registry.delete_image(name)?
        };
        let mut names = Vec::new();
        if deleted.with_image {
            names.push(name.with_digest(deleted.digest).to_string());
        }
        let attached = deleted.attached.iter();
        names.extend(attached.map(|digest| name.with_digest(*digest).to_string()));
        names.extend(deleted.tags.into_iter().map(|tag| name.with_tag(tag).to_string()));
        if !deleted.with_image && !self.dry_run {
            ui.print_note(&format!("only the tag was deleted; {} stays", deleted.digest));
        }
        Ok(ui.print_text(&format!("{}\n", names.join("\n")))?)
    }

    fn delete_entry(&self, path: &Path, name: &str, ui: &Ui) -> Result<(), CommandError> {
        if !self.dry_run {
            let dir = open_dir(path).map_err(cannot("open the layout", path.display()))?;
            let layout = LayoutNames::open(dir, &path.display().to_string())?;
            if layout.remove(name)?.is_empty() {
                return Err(image_not_found(&self.image.to_string()));
            }
            ui.print_note(&format!("`diskette gc {}` frees the space", path.display()));
        }
        Ok(ui.print_result(format!("{}\n", self.image).as_bytes())?)
    }
}

impl From<DeleteError> for CommandError {
    fn from(error: DeleteError) -> Self {
        let message = error.to_string();
        match error {
            DeleteError::Storage(error) => error.into(),
            DeleteError::NotFound(_) => Diagnostic::new(message).into(),
            DeleteError::Shared { whole, .. } => {
                let help = format!("`diskette delete {whole}` deletes the image and all its tags");
                Diagnostic::new(message).help(help).into()
            }
        }
    }
}
