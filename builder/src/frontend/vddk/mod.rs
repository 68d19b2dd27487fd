//! VMware's Virtual Disk Development Kit as an image, straight from VMware's archive. CDI and Forklift
//! run it as an init container, as any user and with an empty volume over `/opt`; its entrypoint
//! copies the kit there, and they look for `/opt/vmware-vix-disklib-distrib`
//! (kubevirt/containerized-data-importer `pkg/controller/import-controller.go`, kubev2v/forklift
//! `pkg/controller/plan/validation.go`).

mod download;
mod ground;
mod kit;
mod links;
mod node;
mod registries;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};

pub use download::VddkDownload;
pub use ground::{VddkBase, VddkBaseImage};
pub(crate) use kit::TREE;
pub use registries::may_be_public;

use crate::oci::image::config::ImageConfig;
use crate::oci::image::platform::Platform;
use crate::oci::image::reference::Reference;
use crate::oci::tar::Owner;
use crate::recipe::{
    LayerEntry, LayerEntryKind, LayerRecipe, PlatformRecipe, Recipe, RecipeStep, SourceLocation,
    SourceRecipe, SourceRole, TarOrigin,
};

/// Where the image copies the kit.
const TARGET: &str = "opt";

/// The copier's path in images that stand on nothing.
const COPIER: &str = "copier";

/// Any number but root's: whoever runs the image chooses another.
const USER: &str = "1001";

/// A label and an annotation, <https://github.com/opencontainers/image-spec/blob/main/annotations.md>.
const VERSION: &str = "org.opencontainers.image.version";

/// What an image of a kit is made of.
#[derive(Debug)]
pub struct VddkRequest {
    /// The names that it gets.
    pub names: Vec<Reference>,
    /// VMware's archive.
    pub download: VddkDownload,
    /// What it stands on.
    pub ground: VddkBase,
}

/// What there is a kit for.
pub fn platform() -> Platform {
    Platform { os: "linux".into(), architecture: "amd64".into(), variant: None }
}

/// Returns the recipe of the image.
pub fn recipe(request: VddkRequest) -> Recipe {
    let VddkRequest { names, download, ground } = request;
    let version = download.version().map(str::to_owned);
    let archive = Arc::new(TarOrigin::File(Box::new(download.source)));
    let kit = LayerRecipe { history: TREE.into(), entries: download.kit.entries(&archive) };
    let (base, mut config, mut annotations, own, program) = match ground {
        VddkBase::Scratch(copier) => {
            let config = ImageConfig::new(&platform());
            (None, config, BTreeMap::new(), Some(own_layer(copier)), vec!["/copier"])
        }
        VddkBase::Image(image) => {
            let (base, config, annotations) = image.into_parts();
            (Some(base), config, annotations, None, vec!["cp", "-r"])
        }
    };
    let operands = [format!("/{TREE}"), format!("/{TARGET}")];
    let entrypoint: Vec<&str> =
        program.into_iter().chain(operands.iter().map(String::as_str)).collect();
    config.set("Entrypoint", json!(entrypoint));
    // That of the base would be copied too.
    config.set("Cmd", Value::Null);
    config.set("User", json!(USER));
    if let Some(version) = version {
        config.set_label(VERSION, &version);
        annotations.insert(VERSION.into(), version);
    }
    let steps = own.into_iter().chain([kit]).map(RecipeStep::Layer).collect();
    let platform = platform();
    let platform = PlatformRecipe { platform, base, steps, config, annotations: BTreeMap::new() };
    Recipe { names, platforms: vec![platform], annotations }
}

/// The layer that stands in for a base.
fn own_layer(copier: Arc<[u8]>) -> LayerRecipe {
    let root = Owner { uid: 0, gid: 0 };
    let copier = SourceRecipe::new(SourceLocation::Inline(copier), SourceRole::File);
    let entries = vec![
        LayerEntry {
            path: COPIER.into(),
            kind: LayerEntryKind::File(copier),
            mode: 0o555,
            owner: root,
        },
        // Where there is no volume, any user copies here.
        LayerEntry {
            path: TARGET.into(),
            kind: LayerEntryKind::Directory,
            mode: 0o777,
            owner: root,
        },
    ];
    LayerRecipe { history: COPIER.into(), entries }
}
