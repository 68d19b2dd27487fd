//! *Settings* of registries on this machine: mirrors, insecure and blocked registries, and
//! certificates. They come from the files of podman and skopeo, `registries.conf`
//! (`man 5 containers-registries.conf`) and `certs.d`.

pub mod certs;
mod document;
mod entry;
mod file;
mod load;
#[cfg(test)]
mod tests;
mod version_1;
#[cfg(test)]
mod world;

use std::io;
use std::path::Path;
use std::sync::Arc;

use crate::net::http::PrivateRedirects;
use crate::oci::image::reference::Reference;
use crate::recipe::diagnostic::{Diagnostic, SourceText, Span};
use entry::{BrokenEntry, MirrorPull, RegistryAccess, RegistryEntry};

use file::FileEntries;
pub use load::SettingsEnvironment;

/// The largest configuration file that is read, in bytes.
pub const CONFIG_FILE_MAX: usize = 1 << 20;

/// Access to the files of the configuration.
pub trait SettingsFiles {
    /// Reads a file, at most one byte more than [`CONFIG_FILE_MAX`]; nothing if there is none.
    fn read(&self, path: &Path) -> io::Result<Option<Vec<u8>>>;

    /// Returns the names in a directory, in any order; nothing if there is none.
    fn list(&self, dir: &Path) -> io::Result<Option<Vec<String>>>;
}

/// The content of `registries.conf` and its drop-ins.
#[derive(Debug, Clone, Default)]
pub struct RegistrySettings {
    /// The entries, each prefix once.
    entries: Vec<RegistryEntry>,
    /// The entries with problems.
    broken: Vec<BrokenEntry>,
}

/// Reads the settings; called once, when the first registry is needed.
pub type SettingsLoader = Box<dyn Fn() -> Result<RegistrySettings, Vec<Diagnostic>> + Send + Sync>;

/// The purpose for which an image's name is resolved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RegistryPurpose {
    /// Pulling, for which mirrors are used.
    Read,
    /// Pushing, for which the name stays as it is.
    Write,
}

/// The result of resolving an image's name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RegistryResolution {
    /// The registry must not be used.
    Blocked {
        /// The prefix that is blocked.
        prefix: String,
        /// Where that is written.
        origin: Span,
    },
    /// The endpoints that may have the image, in the order to try; at least one.
    Open(Vec<RegistryEndpoint>),
}

/// A registry that may have an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegistryEndpoint {
    /// The name of the image there.
    pub image: Reference,
    /// How the registry may be contacted.
    pub transport: RegistryTransport,
    /// Whether it may send to private addresses.
    pub redirects: PrivateRedirects,
}

/// How a registry may be contacted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum RegistryTransport {
    /// With TLS and a valid certificate.
    #[default]
    Verify,
    /// With any certificate, or without TLS.
    Insecure,
}

impl RegistrySettings {
    /// Parses files in their order: the entry of a prefix in a later file replaces an earlier one.
    /// Fails if a file as a whole cannot be read; [`problems`](Self::problems) has what is wrong with
    /// single entries.
    pub fn parse(files: &[Arc<SourceText>]) -> Result<Self, Vec<Diagnostic>> {
        let mut config = Self::default();
        let mut problems = Vec::new();
        for text in files {
            match file::parse_entries(text) {
                Ok(found) => config.replace_entries(found),
                Err(found) => problems.push(found),
            }
        }
        if problems.is_empty() { Ok(config) } else { Err(problems) }
    }

    /// Returns what is wrong with entries. Only the images that these apply to cannot be resolved.
    pub fn problems(&self) -> impl Iterator<Item = &Diagnostic> {
        self.broken.iter().flat_map(|entry| &entry.problems)
    }

    /// Reads the files of this machine.
    pub fn load(
        around: &SettingsEnvironment,
        files: &impl SettingsFiles,
    ) -> Result<Self, Vec<Diagnostic>> {
        Self::parse(&load::read_files(around, files).map_err(|problem| vec![problem])?)
    }

    fn replace_entries(&mut self, found: FileEntries) {
        let FileEntries { entries, broken } = found;
        self.entries.retain(|old| entries.iter().all(|new| new.prefix != old.prefix));
        self.broken.retain(|old| entries.iter().all(|new| new.prefix != old.prefix));
        self.entries.extend(entries);
        self.broken.extend(broken);
    }

    /// Returns the endpoints to read an image from, or to write it to. The entry with the longest
    /// prefix decides.
    pub fn resolve(
        &self,
        image: &Reference,
        purpose: RegistryPurpose,
    ) -> Result<RegistryResolution, Diagnostic> {
        let matching = self.entries.iter().filter(|entry| entry.matched_len(image).is_some());
        let entry = matching.max_by_key(|entry| entry.prefix.len());
        let broken = self.broken.iter().find(|broken| {
            broken.may_match(image) && !entry.is_some_and(|entry| entry.has_priority_over(broken))
        });
        if let Some(problem) = broken.and_then(|entry| entry.problems.first()) {
            return Err(problem.clone());
        }
        let Some(entry) = entry else {
            let image = image.clone();
            let (transport, redirects) = (RegistryTransport::Verify, PrivateRedirects::Refuse);
            let endpoint = RegistryEndpoint { image, transport, redirects };
            return Ok(RegistryResolution::Open(vec![endpoint]));
        };
        if entry.access == RegistryAccess::Blocked {
            let (prefix, origin) = (entry.prefix.clone(), entry.origin.clone());
            return Ok(RegistryResolution::Blocked { prefix, origin });
        }
        if purpose == RegistryPurpose::Write {
            let (image, transport, redirects) = (image.clone(), entry.transport, entry.redirects);
            let endpoint = RegistryEndpoint { image, transport, redirects };
            return Ok(RegistryResolution::Open(vec![endpoint]));
        }
        let mirrors = entry.mirrors.iter().filter(|mirror| mirror.pull.allows(image));
        let mirrors = mirrors
            .map(|mirror| (Some(mirror.location.as_str()), mirror.transport, mirror.redirects));
        let itself = (entry.location.as_deref(), entry.transport, entry.redirects);
        let endpoints = mirrors.chain([itself]).map(|(location, transport, redirects)| {
            let image = entry.rewrite_name(image, location)?;
            Ok(RegistryEndpoint { image, transport, redirects })
        });
        endpoints.collect::<Result<_, _>>().map(RegistryResolution::Open)
    }
}

impl MirrorPull {
    fn allows(self, image: &Reference) -> bool {
        match self {
            Self::All => true,
            Self::DigestOnly => image.digest().is_some(),
            Self::TagOnly => image.digest().is_none(),
        }
    }
}
