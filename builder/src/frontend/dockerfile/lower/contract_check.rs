//! Checks a stage against the [contract](crate::cluster::contract), as far as that is possible
//! before the layers are made.

use super::stage::StageState;
use crate::cluster::contract::facts::{ConfigFacts, LayerFacts};
use crate::cluster::contract::{Finding, is_relevant, judge_plan};
use crate::frontend::dockerfile::tree::{Tree, TreeNode, TreeNodeKind};
use crate::oci::tar::{NamePrefix, Owner, TarEntry, TarEntryKind};
use crate::recipe::diagnostic::{Diagnostic, Span};
use crate::recipe::{LayerEntry, LayerEntryKind, RecipeStep, SpecialKind};

/// Returns warnings about what KubeVirt or CDI would not accept in an image. With a base, all
/// layers are checked as one.
pub(super) fn contract_warnings(stage: &StageState, at: &Span) -> Vec<Diagnostic> {
    let layers = match &stage.base {
        None => stage.steps.iter().filter_map(planned_layer).collect(),
        Some(_) => vec![tree_facts(&stage.tree)],
    };
    let findings = judge_plan(&ConfigFacts::from_config(&stage.config), &layers);
    let diagnostic = |finding: Finding| {
        let diagnostic = Diagnostic::new(finding.to_string()).rule(finding.rule.id);
        let diagnostic = diagnostic.at(at.clone());
        diagnostic.help(finding.rule.why).help(finding.fix)
    };
    findings.into_iter().map(diagnostic).collect()
}

fn planned_layer(step: &RecipeStep) -> Option<LayerFacts> {
    match step {
        RecipeStep::Layer(layer) => Some(layer_facts(layer.entries())),
        RecipeStep::Config { .. } => None,
    }
}

fn tree_facts(tree: &Tree) -> LayerFacts {
    let entry = |(path, node): (&str, &TreeNode)| {
        let kind = match &node.kind {
            TreeNodeKind::Directory => LayerEntryKind::Directory,
            TreeNodeKind::File(file) => LayerEntryKind::File(file.source.clone()),
            TreeNodeKind::Symlink(target) => LayerEntryKind::Symlink(target.clone()),
            TreeNodeKind::Special(kind) => LayerEntryKind::Special(*kind),
        };
        LayerEntry::new(path, kind, node.mode, node.owner)
    };
    let entries: Vec<LayerEntry> = tree.below("").map(entry).collect();
    layer_facts(&entries)
}

/// Returns the facts of a planned layer with these entries.
fn layer_facts(entries: &[LayerEntry]) -> LayerFacts {
    let mut facts = LayerFacts::default();
    for member in entries.iter().map(planned_tar_entry) {
        facts.add_shallow(&member.path, &member.kind);
        if is_relevant(&member.path) {
            facts.members.push(member);
        }
    }
    facts
}

/// Returns an entry as it will be in the tar.
fn planned_tar_entry(entry: &LayerEntry) -> TarEntry {
    let path = entry.tar_path();
    let kind = match &entry.kind {
        LayerEntryKind::Directory => TarEntryKind::Directory,
        LayerEntryKind::Symlink(target) => TarEntryKind::Symlink(target.clone()),
        LayerEntryKind::Hardlink(target) => TarEntryKind::Hardlink(target.clone()),
        LayerEntryKind::Special(SpecialKind::Fifo) => TarEntryKind::Fifo,
        &LayerEntryKind::Special(SpecialKind::Character { major, minor }) => {
            TarEntryKind::Character { major, minor }
        }
        &LayerEntryKind::Special(SpecialKind::Block { major, minor }) => {
            TarEntryKind::Block { major, minor }
        }
        LayerEntryKind::File(_) | LayerEntryKind::Whiteout | LayerEntryKind::Opaque => {
            TarEntryKind::File
        }
    };
    let Owner { uid, gid } = entry.owner;
    let (offset, size, lead, xattrs) = (0, 0, NamePrefix::Plain, entry.xattrs.clone());
    TarEntry { path, kind, mode: entry.mode, uid, gid, offset, size, lead, xattrs }
}
