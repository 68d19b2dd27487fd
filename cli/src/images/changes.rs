//! The *changes* of packages from one disk to another, as results and pages have them.

use diskette_builder::sbom::changes::PackageChanges;
use serde::{Deserialize, Serialize};

use crate::ui::visible::visible_line;

/// Changes of packages. The lists can be shorter than their counts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct ListedChanges {
    /// What the system was called, and is called, if that differs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) system: Option<SystemChange>,
    /// Number of the packages that are new.
    pub(crate) added_count: usize,
    /// Number of the packages that are gone.
    pub(crate) removed_count: usize,
    /// Number of the packages with another version.
    pub(crate) changed_count: usize,
    /// Packages that are new.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) added: Vec<PackageVersion>,
    /// Packages that are gone.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) removed: Vec<PackageVersion>,
    /// Packages with another version.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) changed: Vec<PackageVersion>,
}

/// Names of a system.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct SystemChange {
    /// Before.
    pub(crate) from: String,
    /// After.
    pub(crate) to: String,
}

/// A package.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct PackageVersion {
    /// Name.
    pub(crate) name: String,
    /// Architecture, as the distribution names it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) architecture: Option<String>,
    /// Version before, of one that changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) from: Option<String>,
    /// Version; of one that is gone the last.
    pub(crate) version: String,
}

impl ListedChanges {
    /// Lists changes: at most so many of each kind.
    pub(crate) fn new(changes: &PackageChanges, max: usize) -> Self {
        let PackageChanges { system, added, removed, changed } = changes;
        let listed = |all: &[diskette_builder::sbom::changes::ListedPackage]| {
            let first = all.iter().take(max).cloned();
            first
                .map(|it| PackageVersion {
                    name: it.name,
                    architecture: it.architecture,
                    from: None,
                    version: it.version,
                })
                .collect()
        };
        let first = changed.iter().take(max).cloned();
        Self {
            system: system.clone().map(|it| SystemChange { from: it.from, to: it.to }),
            added_count: added.len(),
            removed_count: removed.len(),
            changed_count: changed.len(),
            added: listed(added),
            removed: listed(removed),
            changed: first
                .map(|it| PackageVersion {
                    name: it.name,
                    architecture: it.architecture,
                    from: Some(it.versions.from),
                    version: it.versions.to,
                })
                .collect(),
        }
    }

    /// Returns whether there are none.
    pub(crate) fn is_empty(&self) -> bool {
        self.count() == 0 && self.system.is_none()
    }

    /// Returns how many packages changed in one way or another.
    fn count(&self) -> usize {
        [self.added_count, self.removed_count, self.changed_count]
            .into_iter()
            .fold(0, usize::saturating_add)
    }

    /// Returns the numbers as a phrase.
    pub(crate) fn counts(&self) -> String {
        let Self { added_count, removed_count, changed_count, .. } = self;
        format!("{added_count} added, {removed_count} removed, {changed_count} changed")
    }

    /// Returns the names of the system as a phrase, if they differ.
    pub(crate) fn system_text(&self) -> Option<String> {
        let SystemChange { from, to } = self.system.as_ref()?;
        Some(format!("{} -> {}", visible_line(from), visible_line(to)))
    }

    /// Returns a line for each package, with the sign of what became of it.
    pub(crate) fn lines(&self) -> impl Iterator<Item = String> {
        let line = |sign: &'static str| {
            move |it: &PackageVersion| {
                let [name, version] = [&it.name, &it.version].map(|text| visible_line(text));
                match &it.from {
                    Some(from) => format!("{sign} {name} {} -> {version}", visible_line(from)),
                    None => format!("{sign} {name} {version}"),
                }
            }
        };
        let added = self.added.iter().map(line("+"));
        added.chain(self.removed.iter().map(line("-"))).chain(self.changed.iter().map(line("~")))
    }

    /// Returns the first lines, and one that says how many more there are.
    pub(crate) fn first_lines(&self, max: usize) -> Vec<String> {
        let mut lines: Vec<String> = self.lines().take(max).collect();
        let more = self.count().saturating_sub(lines.len());
        if more > 0 {
            lines.push(format!("and {more} more"));
        }
        lines
    }
}
