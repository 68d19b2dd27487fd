//! The *rules* of the contract: what must hold of an image, who requires it, and how to fix it. The
//! rules are data; `judge` applies them.

mod artifact;
mod disk;
mod files;
mod image;
mod label;
mod layer;
mod vm;

use std::fmt;

use serde::Serialize;

pub(crate) use artifact::*;
pub(crate) use disk::*;
pub(crate) use files::*;
pub(crate) use image::*;
pub(crate) use label::*;
pub(crate) use layer::*;
pub(crate) use vm::*;

/// One thing that must hold of an image.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct ContractRule {
    /// Stable name of the rule, e.g. `disk-several`.
    pub id: &'static str,
    /// How bad it is to break the rule.
    pub severity: Severity,
    /// What must hold.
    pub summary: &'static str,
    /// What happens otherwise.
    pub why: &'static str,
    /// Source of the rule: a project, and a file or function in it.
    pub source: &'static str,
    /// How to fix it. Upper case stands for names that `fixes` fills in.
    pub fix: &'static str,
}

/// Severity of a broken rule, worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Something that the image is for will not work.
    Error,
    /// It may not work, or not as was meant.
    Warning,
    /// Good to know.
    Note,
}

/// Rules that can be judged only when all members of all layers are known.
pub(crate) static NEED_ALL_MEMBERS: [&ContractRule; 6] = [
    &DISK_MISSING,
    &DISK_DIFFERS,
    &DISK_NOT_DIRECTORY,
    &DISK_CLOSED,
    &KERNEL_ONLY,
    &LAYER_UNREADABLE,
];

/// Returns all rules, in the order in which they are documented.
pub fn all_rules() -> impl Iterator<Item = &'static ContractRule> {
    [image::ALL, layer::ALL, files::ALL, label::ALL, disk::ALL, vm::ALL, artifact::ALL]
        .into_iter()
        .flatten()
        .copied()
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Note => "note",
        })
    }
}

/// Defines a static for each rule, and `ALL`, which lists them.
macro_rules! table {
    ($($name:ident = $severity:ident $id:literal {
        must: $summary:literal, else: $why:literal, from: $source:literal, fix: $fix:literal $(,)?
    })*) => {
        use super::{ContractRule, Severity};

        $(pub(crate) static $name: ContractRule = ContractRule {
            id: $id,
            severity: Severity::$severity,
            summary: $summary,
            why: $why,
            source: $source,
            fix: $fix,
        };)*

        pub(super) static ALL: &[&ContractRule] = &[$(&$name),*];
    };
}
use table;

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use snapbox::assert_data_eq;

    use super::*;

    #[test]
    fn the_document_has_all_rules() {
        const HEAD: &str = "# The rules of `diskette verify`\n\n\
             What KubeVirt and CDI accept in an image; builds refuse disks by the same rules. A rule keeps its id; `diskette verify --rules` prints the same list. \
             In a fix `DISK` stands for the disk's file, `NEW` for another, `SUFFIX` for what the names of its compression end with, and `UNPACK` for what unpacks it, e.g. `gunzip -c`.\n";
        let section = |rule: &ContractRule| {
            let ContractRule { id, severity, summary, why, source, fix } = rule;
            format!(
                "\n## {id}\n\n{severity}: {summary}\n\n- Otherwise: {why}\n- Fix: {fix}\n- Source: {source}\n"
            )
        };
        let text = HEAD.to_owned() + &all_rules().map(section).collect::<String>();
        assert_data_eq!(text, snapbox::file!["../../../../../docs/rules.md"].raw());
    }

    #[test]
    fn every_rule_is_said_once_and_whole() {
        let mut ids = BTreeSet::new();
        for rule in all_rules() {
            let id = rule.id;
            assert!(ids.insert(id), "{id} twice");
            assert!(id.bytes().all(|b| b.is_ascii_lowercase() || b == b'-'), "{id}");
            for text in [rule.summary, rule.why, rule.source, rule.fix] {
                assert!(!text.is_empty() && !text.ends_with('.') && !text.contains('\n'), "{id}");
            }
        }
    }
}
