//! What objects need to know of the *image*.

use std::collections::BTreeMap;

use diskette_builder::cluster::kubernetes::{MachineContent, labels_from_env};
use diskette_builder::inspect::artifact_kind;
use diskette_builder::inspect::machine::read_machine_content;
use diskette_builder::inspect::overview::{LAYER_START_LEN, inspect_image};
use diskette_builder::inspect::vm::SeenMachine;
use diskette_builder::oci::image::digest::Digest;
use diskette_builder::oci::image::location::ImageLocation;
use diskette_builder::oci::image::platform::Platform;
use diskette_builder::oci::image::reference::Reference;
use diskette_builder::oci::image_documents::{ImageDocuments, PlatformImage, read_documents};
use diskette_builder::oci::images::Images;
use diskette_builder::recipe::diagnostic::Diagnostic;

use super::kinds::ObjectKind;
use super::{ManifestsArguments, usage_error};
use crate::arguments::credentials::RegistryUse;
use crate::environment::Environment;
use crate::error::CommandError;
use crate::images::subject::ImageSubject;
use crate::ui::Ui;
use crate::ui::progress::ProgressMode;

/// Facts of an image.
pub(super) struct ManifestImage {
    /// Digest of the index, or of the selected platform's manifest.
    pub(super) digest: Digest,
    /// Architectures that the image is for.
    pub(super) architectures: Vec<String>,
    /// Labels that CDI uses and all platforms share.
    pub(super) labels: BTreeMap<String, String>,
    /// What a machine boots of it, if it is needed; nothing if the image has no disk where the user
    /// says.
    pub(super) content: Option<MachineContent>,
    /// Virtual machine, if this is a VM artifact.
    pub(super) machine: Option<MachineImage>,
    platforms: Vec<String>,
    /// Virtual size of the largest disk in bytes, if it is needed.
    size: Option<Result<u64, String>>,
}

/// A manifest of a VM artifact.
pub(super) struct MachineImage {
    pub(super) machine: SeenMachine,
    pub(super) image: PlatformImage,
}

impl MachineImage {
    /// Returns the manifest if all of these are of a VM artifact; one architecture must be chosen.
    fn find(images: &[&PlatformImage]) -> Result<Option<Self>, CommandError> {
        let Some(machine) = images.first().and_then(|image| SeenMachine::find(image)) else {
            return Ok(None);
        };
        let [image] = images else {
            let message = "the VM artifact is for several architectures".to_owned();
            return Err(usage_error(message, "choose one with `--platform`"));
        };
        Ok(Some(Self { machine, image: (*image).clone() }))
    }
}

impl ManifestImage {
    /// Reads the facts of the image.
    pub(super) fn read(
        arguments: &ManifestsArguments,
        location: &ImageLocation,
        environment: &Environment,
        ui: &Ui,
    ) -> Result<Self, CommandError> {
        let progress = ui.progress(ProgressMode::None)?;
        let uses = RegistryUse::default().reads_from(location);
        let registry = arguments.registry.registry(environment, progress, &uses)?;
        let subject = ImageSubject::find(location, &registry)?;
        let documents = read_documents(&*subject.images, subject.root)?;
        let wanted = arguments.platform.as_ref();
        let images = choose_images(&documents, wanted, location)?;
        let digest = match (wanted, &images[..]) {
            (Some(_), [image]) => image.manifest.digest,
            _ => documents.root.digest,
        };
        check_pin(arguments.image.as_ref(), digest)?;
        let machine = MachineImage::find(&images)?;
        arguments.kinds.check_subject(images.first().and_then(|image| artifact_kind(image)))?;
        let is_image = machine.is_none();
        let size = (is_image && arguments.need_size())
            .then(|| largest_disk_size(&*subject.images, &images));
        let content = if is_image && arguments.kinds.has(ObjectKind::Vm) {
            read_machine_content(&images, &*subject.images, arguments.machine.disk_path())
        } else {
            None
        };
        let platforms: Vec<Platform> = images.iter().filter_map(|image| image.platform()).collect();
        let mut architectures: Vec<String> =
            platforms.iter().map(|platform| platform.architecture.clone()).collect();
        architectures.dedup();
        Ok(Self {
            digest,
            architectures,
            labels: common_labels(&images),
            content,
            machine,
            platforms: platforms.iter().map(ToString::to_string).collect(),
            size,
        })
    }

    /// Returns the one architecture that the image is for.
    pub(super) fn architecture(&self) -> Option<&String> {
        let [architecture] = &self.architectures[..] else { return None };
        Some(architecture)
    }

    /// Returns the virtual size of the disk, in bytes.
    pub(super) fn virtual_size(&self) -> Result<u64, String> {
        self.size.clone().unwrap_or_else(|| Err(unseen()))
    }

    /// Returns the name of the image for a comment, since objects name it by digest.
    pub(super) fn comment(&self, reference: &Reference) -> String {
        match &self.platforms[..] {
            [] => reference.to_string(),
            platforms => format!("{reference} for {}", platforms.join(", ")),
        }
    }
}

/// Returns the image nearest to the platform, or all images if no platform is given.
fn choose_images<'s>(
    documents: &'s ImageDocuments,
    wanted: Option<&Platform>,
    place: &ImageLocation,
) -> Result<Vec<&'s PlatformImage>, CommandError> {
    if let Some(wanted) = wanted {
        return Ok(vec![&documents.images[documents.choose_platform(wanted, &place.to_string())?]]);
    }
    let all: Vec<&PlatformImage> = documents.without_attestations().collect();
    if all.is_empty() {
        return Err(Diagnostic::new("the image is an index without images").into());
    }
    Ok(all)
}

/// Returns the virtual size of the largest disk, in bytes.
fn largest_disk_size(images: &dyn Images, all: &[&PlatformImage]) -> Result<u64, String> {
    let sizes = all.iter().map(|image| disk_size(images, image));
    sizes.reduce(|most, size| Ok(size?.max(most?))).unwrap_or_else(|| Err(unseen()))
}

fn disk_size(images: &dyn Images, image: &PlatformImage) -> Result<u64, String> {
    let seen = inspect_image(image, images);
    let size = seen.disk.map(|disk| disk.info.virtual_size);
    size.ok_or_else(|| seen.problems.into_iter().next().unwrap_or_else(unseen))
}

fn unseen() -> String {
    format!("no disk is seen in the first {} MiB of any layer", LAYER_START_LEN >> 20)
}

/// Refuses a reference with the digest of another image.
fn check_pin(image: Option<&Reference>, digest: Digest) -> Result<(), CommandError> {
    match image.and_then(Reference::digest) {
        Some(named) if named != digest.to_string() => {
            let message = format!("`--image` names {named}, and what was looked at is {digest}");
            Err(CommandError::Usage(Diagnostic::new(message)))
        }
        _ => Ok(()),
    }
}

/// Returns the labels that all platforms share.
fn common_labels(images: &[&PlatformImage]) -> BTreeMap<String, String> {
    let mut all = images.iter().map(|image| labels_from_env(image.env()));
    let mut common = all.next().unwrap_or_default();
    for other in all {
        common.retain(|key, value| other.get(key) == Some(value));
    }
    common
}
