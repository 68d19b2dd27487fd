//! The *grammar* of image names, the same for all commands and for `-o`.
//!
//! A name with a scheme means the same everywhere: `oci:DIR[:TAG]`, `oci-archive:FILE[:TAG]`,
//! `docker-archive:FILE[:REF]`, `docker://REF`; `-` is an archive on a standard stream. As in skopeo,
//! a path after a scheme ends at the first colon. A name without a scheme is a path if it exists or
//! looks like one, else a reference; [`NameUse`] decides the names that could be either.

use super::scheme;
use super::{ImageLocation, LocalImage, StoreKind};
use crate::oci::image::digest::Digest;
use crate::oci::image::ref_name::{LayoutName, RefNameError};
use crate::oci::image::reference::Reference;

/// Suffixes of the names of archives.
const ARCHIVE_SUFFIXES: [&str; 8] =
    [".tar", ".tar.gz", ".tgz", ".tar.zst", ".tzst", ".tar.xz", ".txz", ".tar.bz2"];

/// What a name is used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NameUse {
    /// An image that is read; a short name is one of Docker Hub.
    Source,
    /// Where an image is copied to; a short name without a slash is refused, since nobody can push
    /// to `docker.io/library`.
    Target,
    /// A value of `-o`; a short name is a directory.
    Output,
    /// An image in a registry; paths are refused.
    Registry,
}

/// What exists at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FoundPath {
    /// It does not exist.
    Nothing,
    /// A file.
    File,
    /// A directory that is no layout.
    Directory,
    /// A directory that is an OCI image layout.
    Layout,
    /// The file of a disk, or a path that has the name of one.
    Disk,
}

/// The grammar for a use of names.
pub(super) struct ImageGrammar<'a> {
    pub(super) usage: NameUse,
    pub(super) look: &'a dyn Fn(&str) -> FoundPath,
}

impl ImageGrammar<'_> {
    /// Parses a name.
    pub(super) fn parse(&self, text: &str) -> Result<ImageLocation, String> {
        let location = self.parse_any(text)?;
        match &location {
            ImageLocation::Local(_) if self.usage == NameUse::Registry => Err(format!(
                "the name of an image in a registry is expected, e.g. `quay.io/me/fedora:42`; \
                 `diskette copy` reads and writes `{location}`"
            )),
            ImageLocation::Local(local)
                if self.usage != NameUse::Source
                    && local.name.as_deref().is_some_and(|name| name.starts_with("sha256:")) =>
            {
                Err("an image cannot be given a digest; name it with a tag".into())
            }
            ImageLocation::Local(LocalImage { name: Some(name), .. })
                if self.usage != NameUse::Source =>
            {
                name.parse()
                    .map_err(|error: RefNameError| error.to_string())
                    .map(|_: LayoutName| location)
            }
            _ => Ok(location),
        }
    }

    fn parse_any(&self, text: &str) -> Result<ImageLocation, String> {
        match text.split_once(':') {
            _ if text.is_empty() => Err("the name is empty".into()),
            _ if text == "-" => Ok(local(StoreKind::OciArchive, "-", None)),
            Some((scheme, rest)) => match parse_scheme(scheme, rest) {
                Some(parsed) => parsed,
                None => self.parse_without_scheme(text),
            },
            None => self.parse_without_scheme(text),
        }
    }

    fn parse_without_scheme(&self, text: &str) -> Result<ImageLocation, String> {
        if let Some((path, name)) = self.split_path(text) {
            return self.parse_path(path, name);
        }
        if (self.look)(text) == FoundPath::Disk {
            return Err(disk_message(text, self.usage));
        }
        if let Some((scheme, rest)) = text.split_once(':')
            && scheme::is_scheme(scheme)
            && (is_archive_name(rest) || (rest.contains(['/', '\\']) && !is_port(rest)))
        {
            return Err(scheme::unknown(scheme));
        }
        if has_registry_host(text) { self.parse_full(text) } else { self.parse_short(text) }
    }

    /// Parses a name whose first part is a registry.
    fn parse_full(&self, text: &str) -> Result<ImageLocation, String> {
        let name = parse_reference(text)?;
        let (parent, last) = text.rsplit_once('/').unwrap_or(("", text));
        if self.usage == NameUse::Output && !last.contains([':', '@']) {
            if (self.look)(parent) != FoundPath::Nothing {
                return Ok(local(StoreKind::Layout, text, None));
            }
            return Err(either(text, &name));
        }
        Ok(ImageLocation::Registry(name))
    }

    /// Parses a name without a registry.
    fn parse_short(&self, text: &str) -> Result<ImageLocation, String> {
        let name = || parse_reference(text);
        let is_bare = !text.contains([':', '@']);
        let parent = text.rsplit_once('/').map(|(parent, _)| parent);
        match (self.usage, parent) {
            (NameUse::Output, _) if is_bare => Ok(local(StoreKind::Layout, text, None)),
            (NameUse::Output, _) | (NameUse::Target, None) => Err(either(text, &name()?)),
            (NameUse::Target, Some(parent)) if is_bare && self.is_directory(parent) => {
                Err(either(text, &name()?))
            }
            (NameUse::Source | NameUse::Registry, _) | (NameUse::Target, Some(_)) => {
                name().map(ImageLocation::Registry)
            }
        }
    }

    fn is_directory(&self, path: &str) -> bool {
        matches!((self.look)(path), FoundPath::Directory | FoundPath::Layout)
    }

    /// Splits a text that exists as a path, or looks like one, into the path and the name of an image
    /// after a colon.
    fn split_path<'t>(&self, text: &'t str) -> Option<(&'t str, Option<&'t str>)> {
        let found = (self.look)(text);
        let is_found = match self.usage {
            // Pulled images are in directories of their names.
            NameUse::Registry => found == FoundPath::File,
            _ => !matches!(found, FoundPath::Nothing | FoundPath::Disk),
        };
        if is_found || (looks_like_path(text) && !text.contains([':', '@'])) {
            return Some((text, None));
        }
        let (whole, digest) = split_digest(text);
        let colons = whole.match_indices(':').map(|(at, _)| at);
        let mut splits: Vec<(&str, Option<&str>)> =
            colons.map(|at| (&whole[..at], Some(&whole[at + 1..]))).collect();
        splits.push((whole, None));
        let is_path = |&(path, _): &(&str, Option<&str>)| {
            is_archive_name(path) && (!path.contains(':') || looks_like_path(text))
        };
        let is_store = |&(path, _): &(&str, Option<&str>)| match (self.look)(path) {
            FoundPath::Layout => self.usage != NameUse::Registry,
            FoundPath::File | FoundPath::Directory => looks_like_path(text),
            FoundPath::Nothing | FoundPath::Disk => false,
        };
        let found = splits.iter().rev().find(|it| is_store(it));
        let found = found.or_else(|| splits.iter().find(|it| is_path(it)));
        let first = splits.first().filter(|_| looks_like_path(text));
        let (path, name) = *found.or(first)?;
        Some((path, digest.or(name)))
    }

    fn parse_path(&self, path: &str, name: Option<&str>) -> Result<ImageLocation, String> {
        let store = match (self.look)(path) {
            FoundPath::Disk => return Err(disk_message(path, self.usage)),
            FoundPath::File if self.usage == NameUse::Source => StoreKind::OciArchive,
            FoundPath::File | FoundPath::Nothing if is_archive_name(path) => StoreKind::OciArchive,
            _ => StoreKind::Layout,
        };
        match name {
            Some("") => Err(form(store).into()),
            name => Ok(local(store, path, name)),
        }
    }
}

/// Parses what follows a scheme; none if the text before the colon is none.
fn parse_scheme(scheme: &str, rest: &str) -> Option<Result<ImageLocation, String>> {
    if let Some(store) = scheme::store_kind(scheme) {
        let (whole, digest) = split_digest(rest);
        let (path, name) = match whole.split_once(':') {
            Some((path, name)) => (path, Some(name)),
            None => (whole, None),
        };
        if path.is_empty() || name == Some("") {
            return Some(Err(form(store).into()));
        }
        return Some(Ok(local(store, path, digest.or(name))));
    }
    match rest.strip_prefix("//") {
        Some(name) if scheme == "docker" => {
            Some(parse_reference(name).map(ImageLocation::Registry))
        }
        None if scheme == "docker" => {
            Some(Err("write it as `docker://REF`, e.g. `docker://quay.io/me/fedora:42`".into()))
        }
        Some(_) if scheme::is_scheme(scheme) => {
            Some(Err(scheme::unsupported(scheme).unwrap_or_else(|| scheme::unknown(scheme))))
        }
        _ => scheme::unsupported(scheme).map(Err),
    }
}

/// Parses a reference.
fn parse_reference(text: &str) -> Result<Reference, String> {
    text.parse().map_err(|error| format!("{error}; it looks like `quay.io/me/fedora:42`"))
}

fn local(store: StoreKind, path: &str, name: Option<&str>) -> ImageLocation {
    let name = name.map(str::to_owned);
    ImageLocation::Local(LocalImage { store, path: path.into(), name })
}

/// Splits off a digest after `@`.
fn split_digest(text: &str) -> (&str, Option<&str>) {
    match text.rsplit_once('@') {
        Some((rest, digest)) if digest.parse::<Digest>().is_ok() => (rest, Some(digest)),
        _ => (text, None),
    }
}

/// Returns whether the first part of a name is a registry: it has a dot or a port, or is `localhost`.
pub fn has_registry_host(text: &str) -> bool {
    text.split_once('/').is_some_and(|(host, _)| {
        !host.starts_with('.') && (host.contains(['.', ':']) || host == "localhost")
    })
}

/// Returns whether a text starts or ends like a path.
fn looks_like_path(text: &str) -> bool {
    let is_relative = |dots: &str| {
        text.strip_prefix(dots).is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', ':']))
    };
    text.starts_with(['/', '~'])
        || is_relative(".")
        || is_relative("..")
        || (text.ends_with('/') && !has_registry_host(text.trim_end_matches('/')))
}

/// Returns whether a path has the suffix of an archive.
pub fn is_archive_name(path: &str) -> bool {
    let lower = path.to_ascii_lowercase();
    ARCHIVE_SUFFIXES.iter().any(|suffix| lower.ends_with(suffix))
}

/// Returns whether the text after a colon starts with a port.
fn is_port(rest: &str) -> bool {
    let port = rest.split('/').next().unwrap_or_default();
    !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit())
}

/// Returns the form of a location, for messages.
fn form(store: StoreKind) -> &'static str {
    match store {
        StoreKind::Layout => "write it as `oci:DIR` or `oci:DIR:TAG`",
        StoreKind::OciArchive => "write it as `oci-archive:FILE` or `oci-archive:FILE:TAG`",
        StoreKind::DockerArchive => {
            "write it as `docker-archive:FILE` or `docker-archive:FILE:REF`"
        }
    }
}

fn disk_message(path: &str, usage: NameUse) -> String {
    match usage {
        NameUse::Source | NameUse::Registry => format!(
            "`{path}` is a disk and not an image; `diskette build {path} -t REF --push` makes an image \
             of it and pushes it"
        ),
        NameUse::Target | NameUse::Output => format!(
            "`{path}` is the name of a disk, and an image is written; `diskette extract -o {path}` \
             extracts the disk of an image"
        ),
    }
}

/// Returns the message for a name that can be a path or a reference.
fn either(text: &str, reference: &Reference) -> String {
    format!(
        "`{text}` can be a directory or a registry: write `oci:DIR:TAG` or `docker://{reference}`"
    )
}
