//! The virtual machine of an *OVA*, as its description has it.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use diskette_builder::cluster::kubernetes::{KubernetesObject, ObjectMeta};
use diskette_builder::disk::ReadAt;
use diskette_builder::engine::source::read_description;
use diskette_builder::inspect::vm::described_object;
use diskette_builder::oci::image::location::ImageLocation;
use diskette_builder::recipe::diagnostic::Diagnostic;

use super::kinds::ObjectKind;
use super::{ManifestsArguments, usage_error};
use crate::arguments::image_name::parse_source;
use crate::error::{CommandError, cannot};
use crate::files::disk_file::{DiskFile, is_ova_name};

/// What the objects are of: an image, or the machine in an OVA.
#[derive(Debug, Clone)]
pub(super) enum ManifestsSubject {
    Image(ImageLocation),
    Ova(PathBuf),
}

impl FromStr for ManifestsSubject {
    type Err = String;

    /// Parses an image, or the path of an OVA.
    fn from_str(text: &str) -> Result<Self, String> {
        let path = Path::new(text);
        if is_ova_name(text) && path.is_file() {
            return Ok(Self::Ova(path.into()));
        }
        parse_source(text).map(Self::Image)
    }
}

impl ManifestsArguments {
    /// Returns the virtual machine that an OVA describes.
    pub(super) fn ova_objects(&self, path: &Path) -> Result<Vec<KubernetesObject>, CommandError> {
        self.check_ova_options()?;
        let archive = DiskFile::open(path).map_err(cannot("read", path.display()))?;
        let file: &dyn ReadAt = &archive;
        let ovf = read_description(file).map_err(cannot("read", path.display()))?;
        let stem = path.file_stem().unwrap_or_default().to_string_lossy();
        let meta = |name| ObjectMeta { name, namespace: self.namespace.as_deref() };
        let object = described_object(&ovf, self.name.as_deref().map(meta), meta(&stem));
        let object = object.ok_or_else(|| {
            let message = format!("`{}` does not describe one virtual machine", path.display());
            Diagnostic::new(message).help("write the VirtualMachine of each by hand")
        })?;
        Ok(vec![object])
    }

    /// Refuses options that are for images.
    fn check_ova_options(&self) -> Result<(), CommandError> {
        if self.kinds.iter().any(|kind| kind != ObjectKind::Vm) {
            let message = "an OVA has a virtual machine alone".to_owned();
            let help = "write `vm`; build an artifact of it with `kind: vm` for its volumes";
            return Err(usage_error(message, help));
        }
        let given = [
            ("--image", self.image.is_some()),
            ("--platform", self.platform.is_some()),
            ("--by-tag", self.by_tag),
        ];
        let given = given.into_iter().find(|(_, is_given)| *is_given).map(|(option, _)| option);
        let Some(option) = given.or(self.machine.first_option()) else { return Ok(()) };
        let message = format!("`{option}` is for images, and an OVA has a machine of its own");
        Err(usage_error(message, "leave it out, and edit the VirtualMachine that is written"))
    }
}
