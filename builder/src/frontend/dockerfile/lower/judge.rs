//! The [contract](crate::cluster::contract) held against a stage, as far as it can be known before the layers
//! are made.

use super::stage::Stage;
use crate::cluster::contract::facts::{ConfigFacts, LayerFacts};
use crate::cluster::contract::{Finding, is_relevant, judge_plan};
use crate::frontend::dockerfile::tree::{Tree, TreeNode, TreeNodeKind};
use crate::oci::tar::{NamePrefix, Owner, TarEntry, TarEntryKind};
use crate::recipe::diagnostic::{Diagnostic, Span};
use crate::recipe::{LayerEntry, LayerEntryKind, RecipeStep};

/// Returns what KubeVirt or CDI would not understand of an image. The layers of a base are seen as one,
/// with all that is put on them.
pub(super) fn doubts(stage: &Stage, at: &Span) -> Vec<Diagnostic> {
    let layers = match &stage.base {
        None => stage.steps.iter().filter_map(planned).collect(),
        Some(_) => vec![of_tree(&stage.tree)],
    };
    let findings = judge_plan(&ConfigFacts::from_config(&stage.config), &layers);
    let diagnostic = |finding: Finding| {
        let diagnostic = Diagnostic::new(finding.to_string()).rule(finding.rule.id);
        let diagnostic = diagnostic.at(at.clone());
        diagnostic.help(finding.rule.why).help(finding.rule.fix)
    };
    findings.into_iter().map(diagnostic).collect()
}

fn planned(step: &RecipeStep) -> Option<LayerFacts> {
    match step {
        RecipeStep::Layer(layer) => Some(layer_facts(&layer.entries)),
        RecipeStep::Config { .. } => None,
    }
}

fn of_tree(tree: &Tree) -> LayerFacts {
    let entry = |(path, node): (&str, &TreeNode)| {
        let kind = match &node.kind {
            TreeNodeKind::Directory => LayerEntryKind::Directory,
            TreeNodeKind::File(file) => LayerEntryKind::File(file.source.clone()),
            TreeNodeKind::Symlink(target) => LayerEntryKind::Symlink(target.clone()),
            // No layer that is made here has one.
            TreeNodeKind::Special(_) => return None,
        };
        Some(LayerEntry { path: path.to_owned(), kind, mode: node.mode, owner: node.owner })
    };
    let entries: Vec<LayerEntry> =
        tree.below("").filter(|(path, _)| is_relevant(path)).filter_map(entry).collect();
    layer_facts(&entries)
}

/// Returns what is known of a layer that shall have these entries.
fn layer_facts(entries: &[LayerEntry]) -> LayerFacts {
    let members = entries.iter().filter(|entry| is_relevant(&entry.path)).map(member);
    LayerFacts { members: members.collect(), ..LayerFacts::default() }
}

/// Returns an entry as it will be found in the tar.
fn member(entry: &LayerEntry) -> TarEntry {
    let path = entry.tar_path();
    let kind = match &entry.kind {
        LayerEntryKind::Directory => TarEntryKind::Directory,
        LayerEntryKind::Symlink(target) => TarEntryKind::Symlink(target.clone()),
        LayerEntryKind::Hardlink(target) => TarEntryKind::Hardlink(target.clone()),
        LayerEntryKind::File(_) | LayerEntryKind::Whiteout | LayerEntryKind::Opaque => {
            TarEntryKind::File
        }
    };
    let Owner { uid, gid } = entry.owner;
    TarEntry { path, kind, mode: entry.mode, uid, gid, offset: 0, size: 0, lead: NamePrefix::Plain }
}
