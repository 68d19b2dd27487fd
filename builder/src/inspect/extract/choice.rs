//! The *choice* of the file that is the disk: KubeVirt's and CDI's must be the same.

use std::collections::BTreeSet;

use super::ExtractError;
use crate::cluster::contract::facts::LayerFacts;
use crate::cluster::contract::{DISK_DIRECTORY, Rootfs, SeenMember, cdi_disks};
use crate::inspect::kept::kept_len;
use crate::oci::tar::TarEntry;

/// How many bytes may be kept of the members of all layers.
const KEPT_MAX: usize = 16 << 20;

/// How many names are listed.
const LISTED: usize = 5;

/// What was seen of the layers, lowest first.
#[derive(Debug, Default)]
pub(super) struct Choice {
    layers: Vec<LayerFacts>,
    kept: usize,
    /// Layer and number of those that have the same content as the one that CDI takes.
    same: BTreeSet<(usize, usize)>,
}

impl Choice {
    /// Keeps what may matter of a layer.
    pub(super) fn keep(&mut self, layer: usize, found: TarEntry) -> Result<(), ExtractError> {
        self.kept = self.kept.saturating_add(kept_len(&found));
        if self.kept > KEPT_MAX {
            return Err(ExtractError::TooMany);
        }
        self.of(layer).members.push(found);
        Ok(())
    }

    /// Says that the member that is kept next has the content that is extracted.
    pub(super) fn is_same(&mut self, layer: usize) {
        let member = self.of(layer).members.len();
        self.same.insert((layer, member));
    }

    fn of(&mut self, layer: usize) -> &mut LayerFacts {
        if self.layers.len() <= layer {
            self.layers.resize_with(layer + 1, LayerFacts::default);
        }
        &mut self.layers[layer]
    }

    /// Says whether both take the same file; that is the first that CDI comes to.
    pub(super) fn judge(&self) -> Result<(), ExtractError> {
        let taken = cdi_disks(&self.layers).next();
        let children = Rootfs::new(&self.layers).children(DISK_DIRECTORY);
        let names: Vec<&str> = children.keys().copied().collect();
        let seen = children.into_values().next().flatten();
        match (taken, &names[..]) {
            (None, []) => Err(ExtractError::NoDisk),
            (_, [_, _, ..]) => Err(ExtractError::Several(list(&names))),
            (None, [name]) => {
                Err(ExtractError::Differs { cdi: "none".into(), kubevirt: shown(name) })
            }
            (Some(taken), []) => {
                Err(ExtractError::Differs { cdi: place(taken), kubevirt: "none".into() })
            }
            (Some(taken), [name]) => {
                let Some(seen) = seen else {
                    let kubevirt = format!("the directory {}", shown(name));
                    return Err(ExtractError::Differs { cdi: place(taken), kubevirt });
                };
                let is_same = self.same.contains(&(seen.layer, seen.member));
                if seen == taken || is_same {
                    return Ok(());
                }
                Err(ExtractError::Differs { cdi: place(taken), kubevirt: place(seen) })
            }
        }
    }
}

fn place(seen: SeenMember<'_>) -> String {
    format!("`{}` of layer {}", seen.found.path.escape_debug(), seen.layer + 1)
}

fn shown(name: &str) -> String {
    format!("`{DISK_DIRECTORY}/{}`", name.escape_debug())
}

fn list(names: &[&str]) -> String {
    let more = if names.len() > LISTED { ", …" } else { "" };
    let names: Vec<String> = names.iter().take(LISTED).map(|name| shown(name)).collect();
    format!("{}{more}", names.join(", "))
}
