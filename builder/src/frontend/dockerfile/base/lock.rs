//! A *lock file* records which image a name meant, so that it means the same next time.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Deserialize;
use thiserror::Error;
use toml::Spanned;

use crate::oci::image::digest::Digest;
use crate::oci::image::reference::Reference;
use crate::recipe::diagnostic::{Diagnostic, SourceText, Span};

/// The form of the file.
const VERSION: u32 = 1;

/// The longest file that is read, in bytes.
const LOCK_MAX: usize = 1 << 20;

/// Names of images, and what they meant.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BaseLock {
    images: BTreeMap<String, Digest>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    version: Spanned<u32>,
    #[serde(default)]
    image: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    name: Spanned<String>,
    digest: Spanned<String>,
}

impl BaseLock {
    /// Reads a lock file.
    pub fn parse(source: &Arc<SourceText>) -> Result<Self, Diagnostic> {
        const HELP: &str = "remove it, and build with `--lock` to write it anew";
        let wrong = |message: String, range| {
            Diagnostic::new(message).at(Span::new(source, range)).help(HELP)
        };
        if source.text.len() > LOCK_MAX {
            return Err(wrong(format!("`{}` is larger than 1 MiB", source.name), 0..0));
        }
        let file: File = toml::from_str(&source.text).map_err(|error| {
            let message = error.message().lines().next().unwrap_or_default();
            wrong(format!("this is not a lock file: {message}"), error.span().unwrap_or_default())
        })?;
        if *file.version.get_ref() != VERSION {
            let message = format!("this lock file is of version {}", file.version.get_ref());
            return Err(wrong(message, file.version.span()));
        }
        let mut lock = Self::default();
        for Entry { name, digest } in file.image {
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
        Ok(lock)
    }

    /// Returns what a name meant.
    pub(crate) fn get(&self, name: &Reference) -> Option<Digest> {
        self.images.get(&name.to_string()).copied()
    }

    /// Records what a name means.
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
            // Neither has anything in it that TOML would need escaped.
            write!(f, "\n[[image]]\nname = \"{name}\"\ndigest = \"{digest}\"\n")
        })
    }
}

/// When registries are asked what a tag means.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum PullPolicy {
    /// When the lock file does not know.
    #[default]
    Unknown,
    /// Every time.
    Always,
}

/// What is done with a tag that the lock file does not know.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum LockEnforcement {
    /// The registry is asked.
    #[default]
    No,
    /// An error. The lock file counts, and `Pull` does not.
    Yes,
}

/// Why a name must not be resolved.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum LockError {
    /// The lock file does not know it.
    #[error("`{0}` is not in the lock file")]
    Unknown(Reference),
}

impl LockError {
    /// Returns what the user can do.
    pub(crate) fn help(&self) -> String {
        let Self::Unknown(name) = self;
        format!("build once with `--lock` to record it, or write `{name}@sha256:…`")
    }
}

/// Says what names mean. Within one build a name always means the same.
#[derive(Debug, Default)]
pub struct BaseResolver {
    lock: BaseLock,
    pull: PullPolicy,
    locked: LockEnforcement,
    /// What was resolved in this build.
    asked: Mutex<BaseLock>,
}

impl BaseResolver {
    /// Returns a resolver that goes by a lock file.
    pub fn new(lock: BaseLock, pull: PullPolicy, locked: LockEnforcement) -> Self {
        Self { lock, pull, locked, asked: Mutex::default() }
    }

    /// Returns what a name means; nothing if the registry has to be asked.
    pub(crate) fn resolve(&self, name: &Reference) -> Result<Option<Digest>, LockError> {
        let known = self.lock.get(name);
        if self.locked == LockEnforcement::Yes {
            return known.map(Some).ok_or_else(|| LockError::Unknown(name.clone()));
        }
        let asked = self.asked().get(name);
        Ok(asked.or(known.filter(|_| self.pull == PullPolicy::Unknown)))
    }

    /// Takes down what the registry has answered.
    pub(crate) fn record(&self, name: &Reference, digest: Digest) {
        self.asked().insert(name, digest);
    }

    /// Returns the lock file as it should be now, if it should be another than it was.
    pub fn changed(&self) -> Option<BaseLock> {
        let mut lock = self.lock.clone();
        lock.images.extend(self.asked().images.clone());
        (lock != self.lock).then_some(lock)
    }

    fn asked(&self) -> MutexGuard<'_, BaseLock> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
