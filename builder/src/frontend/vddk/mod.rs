//! VMware's Virtual Disk Development Kit as an image, straight from VMware's archive. CDI and Forklift
//! run it as an init container, as any user and with an empty volume over `/opt`; its entrypoint
//! copies the kit there, and they look for `/opt/vmware-vix-disklib-distrib`
//! (kubevirt/containerized-data-importer `pkg/controller/import-controller.go`, kubev2v/forklift
//! `pkg/controller/plan/validation.go`).

mod archive;
mod base;
mod content;
mod error;
mod kit;
mod links;
mod node;
mod registries;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::{Value, json};

pub use archive::VddkArchive;
pub use base::{VddkBase, VddkBaseImage};
pub(crate) use node::KIT_DIRECTORY;
pub use registries::may_be_public;

use crate::compression::LayerCompression;
use crate::oci::image::config::ImageConfig;
use crate::oci::image::platform::Platform;
use crate::oci::image::reference::Reference;
use crate::oci::tar::Owner;
use crate::recipe::{
    ConfigRecipe, LayerEntry, LayerEntryKind, LayerRecipe, PlatformRecipe, Recipe, RecipeStep,
    SourceLocation, SourceRecipe, SourceRole, TarOrigin,
};

/// Directory that the image copies the kit to.
const COPY_TARGET: &str = "opt";

/// Path of the copying program in images without a base.
const COPIER: &str = "copier";

/// Any user but root: clusters run the image as a user of their choice.
const USER: &str = "1001";

/// Key of a label and an annotation, <https://github.com/opencontainers/image-spec/blob/main/annotations.md>.
const VERSION: &str = "org.opencontainers.image.version";

/// What to build an image of a kit from.
#[derive(Debug)]
pub struct VddkRequest {
    /// Names of the image.
    pub names: Vec<Reference>,
    /// VMware's archive with the kit.
    pub archive: VddkArchive,
    /// Base of the image.
    pub base: VddkBase,
}

/// Returns the only platform that VMware publishes a kit for.
pub fn kit_platform() -> Platform {
    Platform { os: "linux".into(), architecture: "amd64".into(), variant: None }
}

/// Returns the recipe of the image.
pub fn build_recipe(request: VddkRequest) -> Recipe {
    let VddkRequest { names, archive: input, base } = request;
    let version = input.find_version().map(str::to_owned);
    let archive = Arc::new(TarOrigin::File(Box::new(input.source)));
    let kit = LayerRecipe::of_tar(KIT_DIRECTORY, input.kit.layer_entries(&archive));
    let (base, mut config, mut annotations, own, program) = match base {
        VddkBase::Scratch(copier) => {
            let config = ImageConfig::new(&kit_platform());
            (None, config, BTreeMap::new(), Some(copier_layer(copier)), vec!["/copier"])
        }
        VddkBase::Image(image) => {
            let (base, config, annotations) = image.into_parts();
            (Some(base), config, annotations, None, vec!["cp", "-r"])
        }
    };
    let operands = [format!("/{KIT_DIRECTORY}"), format!("/{COPY_TARGET}")];
    let entrypoint: Vec<&str> =
        program.into_iter().chain(operands.iter().map(String::as_str)).collect();
    config.set("Entrypoint", json!(entrypoint));
    // The base's `Cmd` would be appended to the entrypoint.
    config.set("Cmd", Value::Null);
    config.set("User", json!(USER));
    if let Some(version) = version {
        config.set_label(VERSION, &version);
        annotations.insert(VERSION.into(), version);
    }
    let steps = own.into_iter().chain([kit]).map(RecipeStep::Layer).collect();
    let platform = kit_platform();
    let platform = PlatformRecipe {
        platform,
        base,
        steps,
        config: ConfigRecipe::Image(config),
        annotations: BTreeMap::new(),
        entry_annotations: BTreeMap::new(),
        compression: LayerCompression::default(),
    };
    Recipe {
        names,
        platforms: vec![platform],
        annotations,
        index_annotations: BTreeMap::new(),
        subject: None,
        attest: BTreeSet::new(),
        warnings: Vec::new(),
    }
}

/// Returns the layer with the copying program, for images without a base.
fn copier_layer(copier: Arc<[u8]>) -> LayerRecipe {
    let root = Owner { uid: 0, gid: 0 };
    let copier = SourceRecipe::new(SourceLocation::Inline(copier), SourceRole::File);
    let entries = vec![
        LayerEntry::new(COPIER, LayerEntryKind::File(copier), 0o555, root),
        // If no volume is mounted here, any user can copy to it.
        LayerEntry::new(COPY_TARGET, LayerEntryKind::Directory, 0o777, root),
    ];
    LayerRecipe::of_tar(COPIER, entries)
}
