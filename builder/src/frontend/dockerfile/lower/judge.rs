//! The [contract](crate::cluster::contract) held against a stage, as far as it can be known before the layers
//! are made.

use super::stage::Stage;
use crate::cluster::contract::facts::{ConfigFacts, LayerFacts};
use crate::cluster::contract::{Finding, judge_plan, matters};
use crate::frontend::dockerfile::tree::{Node, NodeKind, Tree};
use crate::oci::archive::{Found, Kind, Lead, Owner};
use crate::recipe::diagnostic::{Diagnostic, Span};
use crate::recipe::{Entry, EntryKind, Step};

/// Returns what KubeVirt or CDI would not understand of an image. The layers of a base are seen as one,
/// with all that is put on them.
pub(super) fn doubts(stage: &Stage, at: &Span) -> Vec<Diagnostic> {
    let layers = match &stage.base {
        None => stage.steps.iter().filter_map(planned).collect(),
        Some(_) => vec![of_tree(&stage.tree)],
    };
    let findings = judge_plan(&ConfigFacts::planned(&stage.config), &layers);
    let diagnostic = |finding: Finding| {
        let diagnostic = Diagnostic::new(finding.to_string()).at(at.clone());
        let diagnostic = diagnostic.labelled(finding.rule.id);
        diagnostic.help(finding.rule.why).help(finding.rule.fix)
    };
    findings.into_iter().map(diagnostic).collect()
}

fn planned(step: &Step) -> Option<LayerFacts> {
    match step {
        Step::Layer(layer) => Some(layer_facts(&layer.entries)),
        Step::Config { .. } => None,
    }
}

fn of_tree(tree: &Tree) -> LayerFacts {
    let entry = |(path, node): (&str, &Node)| {
        let kind = match &node.kind {
            NodeKind::Directory => EntryKind::Directory,
            NodeKind::File(file) => EntryKind::File(file.source.clone()),
            NodeKind::Symlink(target) => EntryKind::Symlink(target.clone()),
            // No layer that is made here has one.
            NodeKind::Special(_) => return None,
        };
        Some(Entry { path: path.to_owned(), kind, mode: node.mode, owner: node.owner })
    };
    let entries: Vec<Entry> =
        tree.below("").filter(|(path, _)| matters(path)).filter_map(entry).collect();
    layer_facts(&entries)
}

/// Returns what is known of a layer that shall have these entries.
fn layer_facts(entries: &[Entry]) -> LayerFacts {
    let members = entries.iter().filter(|entry| matters(&entry.path)).map(member);
    LayerFacts { members: members.collect(), ..LayerFacts::default() }
}

/// Returns an entry as it will be found in the tar.
fn member(entry: &Entry) -> Found {
    let path = entry.tar_path();
    let kind = match &entry.kind {
        EntryKind::Directory => Kind::Directory,
        EntryKind::Symlink(target) => Kind::Symlink(target.clone()),
        EntryKind::Hardlink(target) => Kind::Hardlink(target.clone()),
        EntryKind::File(_) | EntryKind::Whiteout | EntryKind::Opaque => Kind::File,
    };
    let Owner { uid, gid } = entry.owner;
    Found { path, kind, mode: entry.mode, uid, gid, offset: 0, size: 0, lead: Lead::Plain }
}
