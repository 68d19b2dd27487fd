//! The *choice* of the file that is the disk: KubeVirt and CDI must choose the same one.

use std::collections::BTreeSet;

use super::ExtractError;
use crate::cluster::contract::facts::LayerFacts;
use crate::cluster::contract::{DISK_DIRECTORY, Rootfs, SeenMember, cdi_disks};
use crate::inspect::kept::kept_len;
use crate::oci::tar::TarEntry;

/// Maximum number of bytes that are kept of the members of all layers.
const KEPT_MAX: usize = 16 << 20;

/// Maximum number of names that are listed.
const LISTED: usize = 5;

/// What was seen of the layers, lowest first.
#[derive(Debug, Default)]
pub(in crate::inspect) struct DiskChoice {
    layers: Vec<LayerFacts>,
    kept: usize,
    /// Layers and numbers of the members that have the same content as the one that CDI takes.
    same: BTreeSet<(usize, usize)>,
}

impl DiskChoice {
    /// Keeps a member of a layer that a rule may need.
    pub(in crate::inspect) fn keep(
        &mut self,
        layer: usize,
        found: TarEntry,
    ) -> Result<(), ExtractError> {
        self.kept = self.kept.saturating_add(kept_len(&found));
        if self.kept > KEPT_MAX {
            return Err(ExtractError::TooManyEntries);
        }
        self.layer_mut(layer).members.push(found);
        Ok(())
    }

    /// Records that the member that is kept next has the content that is extracted.
    pub(super) fn mark_same(&mut self, layer: usize) {
        let member = self.layer_mut(layer).members.len();
        self.same.insert((layer, member));
    }

    fn layer_mut(&mut self, layer: usize) -> &mut LayerFacts {
        if self.layers.len() <= layer {
            self.layers.resize_with(layer + 1, LayerFacts::default);
        }
        &mut self.layers[layer]
    }

    /// Fails unless both take the same file, which is the first that CDI comes to.
    pub(in crate::inspect) fn check_agreement(&self) -> Result<(), ExtractError> {
        let taken = cdi_disks(&self.layers).next();
        let children = Rootfs::new(&self.layers).children(DISK_DIRECTORY);
        let names: Vec<&str> = children.keys().copied().collect();
        let seen = children.into_values().next().flatten();
        match (taken, &names[..]) {
            (None, []) => Err(ExtractError::NoDisk),
            (_, [_, _, ..]) => Err(ExtractError::SeveralDisks(list_names(&names))),
            (None, [name]) => {
                Err(ExtractError::Disagreement { cdi: "none".into(), kubevirt: show_name(name) })
            }
            (Some(taken), []) => {
                Err(ExtractError::Disagreement { cdi: show_member(taken), kubevirt: "none".into() })
            }
            (Some(taken), [name]) => {
                let Some(seen) = seen else {
                    let kubevirt = format!("the directory {}", show_name(name));
                    return Err(ExtractError::Disagreement { cdi: show_member(taken), kubevirt });
                };
                let is_same = self.same.contains(&(seen.layer, seen.member));
                if seen == taken || is_same {
                    return Ok(());
                }
                Err(ExtractError::Disagreement {
                    cdi: show_member(taken),
                    kubevirt: show_member(seen),
                })
            }
        }
    }
}

fn show_member(seen: SeenMember<'_>) -> String {
    format!("`{}` of layer {}", seen.entry.path.escape_debug(), seen.layer + 1)
}

fn show_name(name: &str) -> String {
    format!("`{DISK_DIRECTORY}/{}`", name.escape_debug())
}

fn list_names(names: &[&str]) -> String {
    let more = if names.len() > LISTED { ", …" } else { "" };
    let names: Vec<String> = names.iter().take(LISTED).map(|name| show_name(name)).collect();
    format!("{}{more}", names.join(", "))
}
