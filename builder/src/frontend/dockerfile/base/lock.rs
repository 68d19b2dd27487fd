//! A *lock file* records the digest that each image name resolved to, and those of downloads without
//! a checksum, so that later builds use the same bytes.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Deserialize;
use thiserror::Error;
use toml::Spanned;

use crate::oci::image::digest::Digest;
use crate::oci::image::reference::Reference;
use crate::recipe::diagnostic::{Diagnostic, SourceText, Span};

/// Version of the file format.
const VERSION: u32 = 1;

/// Maximum size of a lock file, in bytes.
const LOCK_MAX: usize = 1 << 20;

/// Image names and the digests they resolved to, and digests of downloads.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BaseLock {
    images: BTreeMap<String, Digest>,
    /// Digests by URL, without the query.
    downloads: BTreeMap<String, Digest>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LockFile {
    version: Spanned<u32>,
    #[serde(default)]
    image: Vec<LockedImage>,
    #[serde(default)]
    download: Vec<LockedDownload>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LockedDownload {
    url: Spanned<String>,
    digest: Spanned<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LockedImage {
    name: Spanned<String>,
    digest: Spanned<String>,
}

impl BaseLock {
    /// Parses a lock file.
    pub fn parse(source: &Arc<SourceText>) -> Result<Self, Diagnostic> {
        const HELP: &str = "remove it, and build with `--lock` to create it again";
        let wrong = |message: String, range| {
            Diagnostic::new(message).at(Span::new(source, range)).help(HELP)
        };
        if source.text.len() > LOCK_MAX {
            return Err(wrong(format!("`{}` is larger than 1 MiB", source.name), 0..0));
        }
        let file: LockFile = toml::from_str(&source.text).map_err(|error| {
            let message = error.message().lines().next().unwrap_or_default();
            wrong(format!("this is not a lock file: {message}"), error.span().unwrap_or_default())
        })?;
        if *file.version.get_ref() != VERSION {
            let message = format!("this lock file is of version {}", file.version.get_ref());
            return Err(wrong(message, file.version.span()));
        }
        let mut lock = Self::default();
        for LockedImage { name, digest } in file.image {
            let reference = name.get_ref().parse::<Reference>().ok();
            if reference.is_none_or(|reference| reference.to_string() != *name.get_ref()) {
                let message = format!("`{}` is not the whole name of an image", name.get_ref());
                return Err(wrong(message, name.span()));
            }
            let Ok(parsed) = digest.get_ref().parse() else {
                let message = format!("`{}` is not a sha256 digest", digest.get_ref());
                return Err(wrong(message, digest.span()));
            };
            if lock.images.insert(name.get_ref().clone(), parsed).is_some() {
                let message = format!("`{}` is recorded twice", name.get_ref());
                return Err(wrong(message, name.span()));
            }
        }
        for LockedDownload { url, digest } in file.download {
            let Ok(parsed) = digest.get_ref().parse() else {
                let message = format!("`{}` is not a sha256 digest", digest.get_ref());
                return Err(wrong(message, digest.span()));
            };
            if lock.downloads.insert(url.get_ref().clone(), parsed).is_some() {
                let message = format!("`{}` is recorded twice", url.get_ref());
                return Err(wrong(message, url.span()));
            }
        }
        Ok(lock)
    }

    /// Returns the digest recorded for a name.
    pub(crate) fn get(&self, name: &Reference) -> Option<Digest> {
        self.images.get(&name.to_string()).copied()
    }

    /// Records the digest of a name.
    pub(crate) fn insert(&mut self, name: &Reference, digest: Digest) {
        self.images.insert(name.to_string(), digest);
    }
}

impl fmt::Display for BaseLock {
    /// Writes the file; names are sorted.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("# Written by diskette: which image each name meant.\n")?;
        writeln!(f, "version = {VERSION}")?;
        self.images.iter().try_for_each(|(name, digest)| {
            // Neither contains a character that TOML needs escaped.
            write!(f, "\n[[image]]\nname = \"{name}\"\ndigest = \"{digest}\"\n")
        })?;
        self.downloads.iter().try_for_each(|(url, digest)| {
            // A string of JSON is one of TOML.
            let url = serde_json::Value::from(url.as_str());
            write!(f, "\n[[download]]\nurl = {url}\ndigest = \"{digest}\"\n")
        })
    }
}

/// When a registry is asked to resolve a tag.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum PullPolicy {
    /// If the lock file has no digest for it.
    #[default]
    Unknown,
    /// Always, whatever the lock file has.
    Always,
}

/// What happens for a tag that is not in the lock file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum LockEnforcement {
    /// The registry is asked.
    #[default]
    No,
    /// It is an error; the lock file decides, whatever the [`PullPolicy`].
    Yes,
}

/// Why a name is not resolved.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum LockError {
    /// The name is not in the lock file.
    #[error("`{0}` is not in the lock file")]
    Unknown(Reference),
    /// The URL is not in the lock file.
    #[error("`{0}` is not in the lock file")]
    UnknownDownload(String),
}

impl LockError {
    /// Returns what the user can do.
    pub(crate) fn help(&self) -> String {
        match self {
            Self::Unknown(name) => {
                format!("build once with `--lock` to record it, or write `{name}@sha256:…`")
            }
            Self::UnknownDownload(_) => {
                "build once with `--lock` to record it, or write its checksum".to_owned()
            }
        }
    }
}

/// Returns a URL without its query, which may be a credential.
fn without_query(url: &str) -> &str {
    url.split(['?', '#']).next().unwrap_or(url)
}

/// Resolves image names to digests. Within one build a name always resolves to the same digest.
#[derive(Debug, Default)]
pub struct BaseResolver {
    lock: BaseLock,
    pull: PullPolicy,
    locked: LockEnforcement,
    /// Digests that registries returned in this build.
    answers: Mutex<BaseLock>,
}

impl BaseResolver {
    /// Returns a resolver that uses a lock file.
    pub fn new(lock: BaseLock, pull: PullPolicy, locked: LockEnforcement) -> Self {
        Self { lock, pull, locked, answers: Mutex::default() }
    }

    /// Returns the digest of a name, or `None` if the registry has to be asked. Fails for an
    /// unknown name if the lock is enforced.
    pub(crate) fn resolve(&self, name: &Reference) -> Result<Option<Digest>, LockError> {
        let known = self.lock.get(name);
        if self.locked == LockEnforcement::Yes {
            return known.map(Some).ok_or_else(|| LockError::Unknown(name.clone()));
        }
        let asked = self.answers().get(name);
        Ok(asked.or(known.filter(|_| self.pull == PullPolicy::Unknown)))
    }

    /// Returns the recorded digest of a download; fails for an unknown one if the lock is enforced.
    pub(crate) fn download(&self, url: &str) -> Result<Option<Digest>, LockError> {
        let url = without_query(url);
        let known = self.lock.downloads.get(url).copied();
        if self.locked == LockEnforcement::Yes {
            return known.map(Some).ok_or_else(|| LockError::UnknownDownload(url.to_owned()));
        }
        let found = self.answers().downloads.get(url).copied();
        Ok(found.or(known.filter(|_| self.pull == PullPolicy::Unknown)))
    }

    /// Records the digest of a download.
    pub(crate) fn record_download(&self, url: &str, digest: Digest) {
        self.answers().downloads.insert(without_query(url).to_owned(), digest);
    }

    /// Records the digest that the registry returned.
    pub(crate) fn record(&self, name: &Reference, digest: Digest) {
        self.answers().insert(name, digest);
    }

    /// Returns the updated lock file, if this build changed it.
    pub fn updated_lock(&self) -> Option<BaseLock> {
        let mut lock = self.lock.clone();
        lock.images.extend(self.answers().images.clone());
        lock.downloads.extend(self.answers().downloads.clone());
        (lock != self.lock).then_some(lock)
    }

    fn answers(&self) -> MutexGuard<'_, BaseLock> {
        self.answers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
