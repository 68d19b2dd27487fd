//! The *inventory* of a guest: its operating system and its packages.

use serde::{Serialize, Serializer};

use super::error::FileProblem;

/// How many packages are listed at most, and how many bytes of text together: many times what the largest
/// systems have.
pub(crate) const PACKAGES_MAX: usize = 50_000;
const TEXT_MAX: usize = 16 << 20;

/// What is installed in a guest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Inventory {
    /// The operating system.
    pub system: OperatingSystem,
    /// GOARCH name of the architecture of its programs, if it is known.
    pub architecture: Option<&'static str>,
    /// Where the system is on the disk, e.g. `partition 1 (ext4)`.
    pub volume: String,
    /// The databases that were read: paths in the guest.
    pub databases: Vec<String>,
    /// The packages in the order of their names.
    pub packages: Vec<Package>,
    /// What was not looked into, and what else a reader should know, as phrases.
    pub notes: Vec<String>,
}

/// An operating system, as its file `os-release` describes it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OperatingSystem {
    /// `ID`, e.g. `debian`; `linux` if it has none.
    pub id: String,
    /// `VERSION_ID`, e.g. `12`.
    pub version: Option<String>,
    /// `PRETTY_NAME`, else `NAME` or `ID`.
    pub name: String,
    /// `CPE_NAME`, a name of the product in lists of vulnerabilities.
    pub cpe: Option<String>,
}

/// The package manager that a package is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum PackageKind {
    /// Alpine's apk.
    Apk,
    /// Debian's dpkg.
    Deb,
    /// rpm.
    Rpm,
}

impl PackageKind {
    /// Returns the name of the package manager's database.
    pub fn manager(self) -> &'static str {
        match self {
            Self::Apk => "apk",
            Self::Deb => "dpkg",
            Self::Rpm => "rpm",
        }
    }
}

/// An installed package.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Package {
    /// Name.
    pub name: String,
    /// Version, with the revision or release of the distribution, and without the epoch of rpm.
    pub version: String,
    /// Epoch of rpm's version, if there is one.
    pub epoch: Option<u32>,
    /// Architecture, as the distribution names it.
    pub architecture: Option<String>,
    /// The package manager that installed it.
    pub kind: PackageKind,
    /// The package that it was built from, if that has another name or version.
    pub source: Option<PackageSource>,
    /// License, as the package has it.
    pub license: Option<String>,
}

/// A source package.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct PackageSource {
    /// Name.
    pub name: String,
    /// Version, if it is another than that of the package.
    pub version: Option<String>,
}

impl Package {
    /// Returns the version as its package manager writes it.
    pub fn full_version(&self) -> String {
        match self.epoch {
            Some(epoch) => format!("{epoch}:{}", self.version),
            None => self.version.clone(),
        }
    }

    /// Returns how many bytes of text the package has.
    fn text_len(&self) -> usize {
        let optional = |text: &Option<String>| text.as_ref().map_or(0, String::len);
        let source = self.source.as_ref();
        let source = source.map_or(0, |it| it.name.len() + optional(&it.version));
        let own = self.name.len() + self.version.len() + optional(&self.architecture);
        own + source + optional(&self.license)
    }
}

impl Inventory {
    /// Returns a short description of the system, e.g. `Debian GNU/Linux 12 (bookworm), 312 packages`.
    pub fn summary(&self) -> String {
        let count = self.packages.len();
        let noun = if count == 1 { "package" } else { "packages" };
        format!("{}, {count} {noun}", self.system.name)
    }
}

impl Serialize for Package {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Fields<'p> {
            name: &'p str,
            version: String,
            architecture: &'p Option<String>,
            kind: PackageKind,
            source: &'p Option<PackageSource>,
            license: &'p Option<String>,
        }
        let Self { name, architecture, kind, source, license, .. } = self;
        let version = self.full_version();
        Fields { name, version, architecture, kind: *kind, source, license }.serialize(serializer)
    }
}

/// Collects packages, up to a limit.
#[derive(Debug, Default)]
pub(super) struct PackageList {
    packages: Vec<Package>,
    text: usize,
}

impl PackageList {
    /// Adds a package.
    pub(super) fn push(&mut self, package: Package) -> Result<(), FileProblem> {
        self.text = self.text.saturating_add(package.text_len());
        if self.packages.len() >= PACKAGES_MAX || self.text > TEXT_MAX {
            return Err(FileProblem::damaged("it has more packages than any system"));
        }
        self.packages.push(package);
        Ok(())
    }

    /// Returns the packages in the order of their names, each once.
    pub(super) fn finish(mut self) -> Vec<Package> {
        self.packages.sort();
        let key =
            |it: &Package| (it.kind, it.name.clone(), it.full_version(), it.architecture.clone());
        self.packages.dedup_by_key(|package| key(package));
        self.packages
    }
}
