//! An *entry* of `registries.conf` applies to the images whose names begin with a prefix.

use super::RegistryTransport;
use crate::net::http::PrivateRedirects;
use crate::oci::image::reference::Reference;
use crate::recipe::diagnostic::{Diagnostic, Span};

/// One `[[registry]]`.
#[derive(Debug, Clone)]
pub(super) struct RegistryEntry {
    /// The prefix of names, or `*.` and a domain.
    pub(super) prefix: String,
    /// The replacement of the prefix; nothing where names stay as they are.
    pub(super) location: Option<String>,
    pub(super) transport: RegistryTransport,
    pub(super) redirects: PrivateRedirects,
    pub(super) access: RegistryAccess,
    pub(super) mirrors: Vec<RegistryMirror>,
    /// Where it is written.
    pub(super) origin: Span,
}

/// An entry with problems, which stop the images that it applies to.
#[derive(Debug, Clone)]
pub(super) struct BrokenEntry {
    /// The prefix of names as far as it is known; empty if the entry may apply to any image.
    pub(super) prefix: String,
    /// At least one.
    pub(super) problems: Vec<Diagnostic>,
}

/// Whether a registry may be used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum RegistryAccess {
    #[default]
    Open,
    Blocked,
}

/// One `[[registry.mirror]]`.
#[derive(Debug, Clone)]
pub(super) struct RegistryMirror {
    pub(super) location: String,
    pub(super) transport: RegistryTransport,
    pub(super) redirects: PrivateRedirects,
    pub(super) pull: MirrorPull,
}

/// The images for which a mirror is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum MirrorPull {
    All,
    DigestOnly,
    TagOnly,
}

/// Returns the length in bytes of the part of an image's name that a prefix matches, if it does.
fn matched_len(prefix: &str, image: &Reference) -> Option<usize> {
    if let Some(domain) = prefix.strip_prefix('*') {
        let registry = image.registry();
        let host = registry.split_once(':').map_or(registry, |(host, _)| host);
        return host.ends_with(domain).then_some(host.len());
    }
    let name = image.to_string();
    let rest = name.strip_prefix(prefix)?;
    (rest.is_empty() || rest.starts_with([':', '/', '@'])).then_some(prefix.len())
}

impl BrokenEntry {
    /// Returns whether the entry may apply to an image.
    pub(super) fn may_match(&self, image: &Reference) -> bool {
        self.prefix.is_empty() || matched_len(&self.prefix, image).is_some()
    }
}

impl RegistryEntry {
    /// Returns whether the prefix is the longer one, so that the other entry does not matter.
    pub(super) fn has_priority_over(&self, broken: &BrokenEntry) -> bool {
        !broken.prefix.is_empty() && self.prefix.len() > broken.prefix.len()
    }

    /// Returns the length in bytes of the part of an image's name that the prefix matches, if it does.
    pub(super) fn matched_len(&self, image: &Reference) -> Option<usize> {
        matched_len(&self.prefix, image)
    }

    /// Returns the name of an image at another location.
    pub(super) fn rewrite_name(
        &self,
        image: &Reference,
        location: Option<&str>,
    ) -> Result<Reference, Diagnostic> {
        let (Some(location), Some(matched)) = (location, self.matched_len(image)) else {
            return Ok(image.clone());
        };
        let name = format!("{location}{}", &image.to_string()[matched..]);
        let problem = |why: String| {
            Diagnostic::new(format!("`{image}` cannot be looked for as `{name}`: {why}"))
                .at(self.origin.clone())
                .help("correct `location`, which stands in place of `prefix`")
        };
        let found: Reference = name.parse().map_err(|error| problem(format!("{error}")))?;
        let registry = name.split('/').next().unwrap_or_default();
        // A name without a registry would be parsed as a repository of Docker Hub.
        if found.registry() != registry && registry != "index.docker.io" {
            return Err(problem(format!("`{registry}` is not a registry")));
        }
        Ok(found)
    }
}
