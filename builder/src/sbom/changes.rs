//! The *changes* from one guest to another: packages that were added, removed or changed.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::inventory::{Inventory, PackageKind};

/// What is compared of a guest: its system, and the versions of its packages.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GuestPackages {
    /// What its system is called.
    system: String,
    /// Versions by package. Of some, such as kernels, several can be installed.
    versions: BTreeMap<PackageKey, BTreeSet<String>>,
    /// Number of the packages.
    count: usize,
}

/// The changes from one guest to another. All lists are in the order of their names.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct PackageChanges {
    /// Names of the systems, if they differ.
    pub system: Option<VersionChange>,
    /// Packages that only the second one has.
    pub added: Vec<ListedPackage>,
    /// Packages that only the first one has.
    pub removed: Vec<ListedPackage>,
    /// Packages that have other versions.
    pub changed: Vec<ChangedPackage>,
}

/// A package that one of two guests has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ListedPackage {
    /// Name.
    pub name: String,
    /// Architecture, as the distribution names it.
    pub architecture: Option<String>,
    /// Version as its package manager writes it.
    pub version: String,
}

/// A package with another version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ChangedPackage {
    /// Name.
    pub name: String,
    /// Architecture, as the distribution names it.
    pub architecture: Option<String>,
    /// The versions.
    #[serde(flatten)]
    pub versions: VersionChange,
}

/// What something was called before, and after.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct VersionChange {
    /// Before.
    pub from: String,
    /// After.
    pub to: String,
}

/// What is the same package in two guests: name, architecture and package manager.
type PackageKey = (String, Option<String>, PackageKind);

impl GuestPackages {
    /// Returns a guest with this system, and no packages yet.
    pub(crate) fn new(system: impl Into<String>) -> Self {
        Self { system: system.into(), ..Self::default() }
    }

    /// Adds a package. The version is as its package manager writes it.
    pub(crate) fn add(
        &mut self,
        name: impl Into<String>,
        architecture: Option<String>,
        kind: PackageKind,
        version: impl Into<String>,
    ) {
        let key = (name.into(), architecture, kind);
        self.versions.entry(key).or_default().insert(version.into());
        self.count += 1;
    }

    /// Returns the number of the packages.
    pub fn count(&self) -> usize {
        self.count
    }
}

impl From<&Inventory> for GuestPackages {
    fn from(inventory: &Inventory) -> Self {
        let mut guest = Self::new(inventory.system.name.clone());
        for package in &inventory.packages {
            let (name, architecture) = (package.name.clone(), package.architecture.clone());
            guest.add(name, architecture, package.kind, package.full_version());
        }
        guest
    }
}

impl PackageChanges {
    /// Returns the changes from a guest to another one.
    pub fn between(from: &GuestPackages, to: &GuestPackages) -> Self {
        let (before, after) = (&from.versions, &to.versions);
        let none = BTreeSet::new();
        let mut changes = Self::default();
        if from.system != to.system {
            let [from, to] = [from, to].map(|it| it.system.clone());
            changes.system = Some(VersionChange { from, to });
        }
        let keys: BTreeSet<&PackageKey> = before.keys().chain(after.keys()).collect();
        for key in keys {
            let (old, new) = (before.get(key).unwrap_or(&none), after.get(key).unwrap_or(&none));
            changes.add(key, old.difference(new).collect(), new.difference(old).collect());
        }
        changes
    }

    /// Returns whether there are none.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Adds what became of a package. Of some, such as kernels, several versions can be installed.
    fn add(&mut self, key: &PackageKey, old: Vec<&String>, new: Vec<&String>) {
        let (name, architecture) = (key.0.clone(), key.1.clone());
        if let ([from], [to]) = (&old[..], &new[..]) {
            let versions = VersionChange { from: (*from).clone(), to: (*to).clone() };
            self.changed.push(ChangedPackage { name, architecture, versions });
            return;
        }
        let listed = |version: &String| ListedPackage {
            name: name.clone(),
            architecture: architecture.clone(),
            version: version.clone(),
        };
        self.removed.extend(old.into_iter().map(listed));
        self.added.extend(new.into_iter().map(listed));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guest(system: &str, packages: &[(&str, &str)]) -> GuestPackages {
        let mut guest = GuestPackages::new(system);
        for (name, version) in packages {
            guest.add(*name, None, PackageKind::Deb, *version);
        }
        guest
    }

    #[test]
    fn versions_are_compared_by_package() {
        let check = |from: &[(&str, &str)], to: &[(&str, &str)], expected: [&[&str]; 3]| {
            let changes = PackageChanges::between(&guest("a", from), &guest("a", to));
            let listed = |all: &[ListedPackage]| -> Vec<String> {
                all.iter().map(|it| format!("{} {}", it.name, it.version)).collect()
            };
            let versions = changes.changed.iter().map(|it| {
                let VersionChange { from, to } = &it.versions;
                format!("{} {from} {to}", it.name)
            });
            let versions: Vec<String> = versions.collect();
            assert_eq!([listed(&changes.added), listed(&changes.removed), versions], expected);
            assert_eq!(changes.is_empty(), expected.iter().all(|list| list.is_empty()));
        };
        check(&[("a", "1")], &[("a", "1")], [&[], &[], &[]]);
        check(
            &[("a", "1"), ("b", "1")],
            &[("a", "2"), ("c", "1")],
            [&["c 1"], &["b 1"], &["a 1 2"]],
        );
        let kernels = [("kernel", "1"), ("kernel", "2")];
        check(&kernels, &[("kernel", "2"), ("kernel", "3")], [&[], &[], &["kernel 1 3"]]);
        check(&kernels, &[("kernel", "3")], [&["kernel 3"], &["kernel 1", "kernel 2"], &[]]);
        check(&kernels, &kernels[..1], [&[], &["kernel 2"], &[]]);
    }

    #[test]
    fn systems_are_compared() {
        let changes = PackageChanges::between(&guest("a", &[]), &guest("b", &[]));
        let expected = VersionChange { from: "a".into(), to: "b".into() };
        assert_eq!(changes.system, Some(expected));
    }
}
