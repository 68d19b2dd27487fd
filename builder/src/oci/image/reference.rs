//! A *reference* is the name of an image in a registry, as docker and podman parse it:
//! `REGISTRY/REPOSITORY:TAG`, where docker.io and `library/` may be left out
//! (<https://github.com/distribution/reference>).

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

use super::digest::Digest;
use super::tag::{Tag, is_digest};

/// The name of an image.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Reference {
    registry: String,
    repository: String,
    tag: Option<Tag>,
    digest: Option<String>,
}

/// Why a text is not a reference.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ReferenceError {
    /// The repository is missing.
    #[error("the repository is missing")]
    NoRepository,
    /// The registry is not a host with or without a port.
    #[error("`{0}` is not a registry")]
    Registry(String),
    /// The repository has upper-case letters: some registries convert them, most refuse them.
    #[error("the repository `{0}` has upper-case letters")]
    Case(String),
    /// The repository has invalid characters, or separators where none are allowed.
    #[error("`{0}` is not a repository")]
    Repository(String),
    /// The tag is longer than 128 characters or has invalid characters.
    #[error("`{0}` is not a tag")]
    Tag(String),
    /// The digest is not one of SHA-256, SHA-384 or SHA-512.
    #[error("`{0}` is not a digest")]
    Digest(String),
}

/// Registry of a name without one.
const DEFAULT_REGISTRY: &str = "docker.io";

/// Maximum length of a repository in bytes; the registry does not count
/// (distribution/reference, `RepositoryNameTotalLengthMax`).
const REPOSITORY_MAX: usize = 255;

impl Reference {
    /// Returns the reference with another tag and without a digest.
    #[must_use]
    pub fn with_tag(&self, tag: Tag) -> Self {
        Self { tag: Some(tag), digest: None, ..self.clone() }
    }

    /// Returns the reference of this digest in the same repository, without a tag.
    #[must_use]
    pub fn with_digest(&self, digest: Digest) -> Self {
        Self { tag: None, digest: Some(digest.to_string()), ..self.clone() }
    }

    /// Returns the reference by its tag alone, unless it has a digest alone.
    #[must_use]
    pub fn without_digest(&self) -> Option<Self> {
        let tag = Some(self.tag()?.parse().ok()?);
        Some(Self { tag, digest: None, ..self.clone() })
    }

    /// Returns whether the reference was written with a tag.
    pub fn has_tag(&self) -> bool {
        self.tag.is_some()
    }

    /// Returns the host, perhaps with a port, e.g. `quay.io`.
    pub fn registry(&self) -> &str {
        &self.registry
    }

    /// Returns the path in the registry, e.g. `me/fedora`.
    pub fn repository(&self) -> &str {
        &self.repository
    }

    /// Returns registry and repository, without tag or digest, e.g. `quay.io/me/fedora`.
    pub fn full_repository(&self) -> String {
        format!("{}/{}", self.registry, self.repository)
    }

    /// Returns the tag, or `latest` if the name has neither tag nor digest.
    pub fn tag(&self) -> Option<&str> {
        const LATEST: &Tag = &Tag::LATEST;
        let default = if self.digest.is_none() { Some(LATEST) } else { None };
        self.tag.as_ref().or(default).map(Tag::as_str)
    }

    /// Returns the digest, e.g. `sha256:…`.
    pub fn digest(&self) -> Option<&str> {
        self.digest.as_deref()
    }
}

impl FromStr for Reference {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Self, ReferenceError> {
        let (name, digest) = match text.split_once('@') {
            Some((name, digest)) => (name, Some(digest)),
            None => (text, None),
        };
        // A colon before the last slash belongs to a port.
        let (path, last) = name.rsplit_once('/').map_or(("", name), |(path, last)| (path, last));
        let (last, tag) = match last.split_once(':') {
            Some((last, tag)) => (last, Some(tag)),
            None => (last, None),
        };
        let name = if path.is_empty() { last.to_owned() } else { format!("{path}/{last}") };
        let (registry, repository) = split_registry(&name);
        check_name(&registry, &repository)?;
        let parse_tag = |tag: &str| tag.parse().map_err(|_| ReferenceError::Tag(tag.into()));
        let tag = tag.map(parse_tag).transpose()?;
        if let Some(digest) = digest.filter(|digest| !is_digest(digest)) {
            return Err(ReferenceError::Digest(digest.into()));
        }
        Ok(Self { registry, repository, tag, digest: digest.map(Into::into) })
    }
}

/// Splits a name into registry and repository. The first part is a registry if it has a dot or a
/// port, or is `localhost`.
fn split_registry(name: &str) -> (String, String) {
    match name.split_once('/') {
        Some((host, rest)) if host.contains(['.', ':']) || host == "localhost" => {
            let registry = if host == "index.docker.io" { DEFAULT_REGISTRY } else { host };
            (registry.into(), expand_repository(registry, rest))
        }
        _ => (DEFAULT_REGISTRY.into(), expand_repository(DEFAULT_REGISTRY, name)),
    }
}

fn expand_repository(registry: &str, repository: &str) -> String {
    if registry == DEFAULT_REGISTRY && !repository.is_empty() && !repository.contains('/') {
        return format!("library/{repository}");
    }
    repository.into()
}

fn check_name(registry: &str, repository: &str) -> Result<(), ReferenceError> {
    if !is_registry(registry) {
        return Err(ReferenceError::Registry(registry.into()));
    }
    if repository.is_empty() {
        return Err(ReferenceError::NoRepository);
    }
    let lower = repository.to_ascii_lowercase();
    let fits = lower.len() <= REPOSITORY_MAX;
    if !fits || !lower.split('/').all(is_component) {
        return Err(ReferenceError::Repository(repository.into()));
    }
    if lower != repository {
        return Err(ReferenceError::Case(repository.into()));
    }
    Ok(())
}

/// Returns whether a text is a host name, an IPv4 address or a bracketed IPv6 address, optionally
/// with a port.
fn is_registry(registry: &str) -> bool {
    let (host, port) = match registry.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (registry, None),
    };
    let is_label = |label: &str| {
        !label.is_empty()
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let is_host = match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => host.split('.').all(is_label),
    };
    is_host && port.is_none_or(|port| port.parse::<u16>().is_ok())
}

/// Returns whether a text consists of letters and digits, with `.`, `_`, `__` or dashes between
/// them.
fn is_component(component: &str) -> bool {
    let mut between = "";
    let mut rest = component;
    loop {
        let word = rest.bytes().take_while(u8::is_ascii_alphanumeric).count();
        let separator = matches!(between, "." | "_" | "__") || between.bytes().all(|b| b == b'-');
        if word == 0 || !separator {
            return false;
        }
        rest = &rest[word..];
        if rest.is_empty() {
            return true;
        }
        let end = rest.bytes().take_while(|byte| matches!(byte, b'.' | b'_' | b'-')).count();
        if end == 0 {
            return false;
        }
        (between, rest) = rest.split_at(end);
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.registry, self.repository)?;
        self.tag().iter().try_for_each(|tag| write!(f, ":{tag}"))?;
        self.digest().iter().try_for_each(|digest| write!(f, "@{digest}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_what_docker_takes_them_for() {
        let check = |text: &str, expected: &str| {
            let found = text.parse::<Reference>();
            let found = found.map_or_else(|error| error.to_string(), |name| name.to_string());
            assert_eq!(found, expected, "{text}");
        };
        let digest = format!("sha256:{}", "0".repeat(64));
        check("fedora", "docker.io/library/fedora:latest");
        check("me/fedora:42", "docker.io/me/fedora:42");
        check("quay.io/me/fedora:42", "quay.io/me/fedora:42");
        check("index.docker.io/fedora", "docker.io/library/fedora:latest");
        check("localhost/a", "localhost/a:latest");
        check("localhost:5000/a/b", "localhost:5000/a/b:latest");
        check("[::1]:5000/a", "[::1]:5000/a:latest");
        check("h.x/a__b/c--d.e_f", "h.x/a__b/c--d.e_f:latest");
        check(&format!("q.io/a@{digest}"), &format!("q.io/a@{digest}"));
        check(&format!("q.io/a:1@{digest}"), &format!("q.io/a:1@{digest}"));
        check("", "the repository is missing");
        check("q.io/", "the repository is missing");
        check("q.io/Me/a", "the repository `Me/a` has upper-case letters");
        check("q.io/a___b", "`a___b` is not a repository");
        check("q.io/a._b", "`a._b` is not a repository");
        check("q.io/-a", "`-a` is not a repository");
        check("q.io/a-", "`a-` is not a repository");
        check("q.io//a", "`/a` is not a repository");
        check("q.io/ä", "`ä` is not a repository");
        check("q.io/a:", "`` is not a tag");
        check("q.io/a:.b", "`.b` is not a tag");
        check("q.io/a:b c", "`b c` is not a tag");
        check(
            &format!("q.io/a:{}", "x".repeat(129)),
            &format!("`{}` is not a tag", "x".repeat(129)),
        );
        check("q.io/a@sha256:00", "`sha256:00` is not a digest");
        check("-q.io/a", "`-q.io` is not a registry");
        check("q.io:99999/a", "`q.io:99999` is not a registry");
        let longest = format!("q.io/{}", "a".repeat(255));
        check(&longest, &format!("{longest}:latest"));
        check(
            &format!("q.io/{}", "a".repeat(256)),
            &format!("`{}` is not a repository", "a".repeat(256)),
        );
        for (algorithm, len) in [("sha256", 64), ("sha384", 96), ("sha512", 128)] {
            let name = |hex: &str| format!("q.io/a@{algorithm}:{hex}");
            let digest = "0123456789abcdef".repeat(8)[..len].to_owned();
            check(&name(&digest), &name(&digest));
            for wrong in [
                &digest[1..],
                &format!("{digest}0"),
                &digest.to_uppercase(),
                &digest.replace('a', "g"),
            ] {
                check(&name(wrong), &format!("`{algorithm}:{wrong}` is not a digest"));
            }
        }
        for algorithm in ["sha1", "md5", "sha256+b64", "blake3", "SHA256", ""] {
            let wrong = format!("{algorithm}:{}", "0".repeat(64));
            check(&format!("q.io/a@{wrong}"), &format!("`{wrong}` is not a digest"));
        }
    }
}
