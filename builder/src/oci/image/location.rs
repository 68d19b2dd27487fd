//! The *location* of an image that is read or written: a registry, a layout or an archive.

mod grammar;
mod scheme;
#[cfg(test)]
mod tests;

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use self::grammar::ImageGrammar;
pub use self::grammar::{FoundPath, NameUse, has_registry_host, is_archive_name};

use super::ref_name::LayoutName;
use super::reference::Reference;

/// A registry, a layout, or an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ImageLocation {
    /// `docker://REF`, or a reference without a scheme.
    Registry(Reference),
    /// A layout or an archive.
    Local(LocalImage),
}

/// A layout or an archive, and perhaps an image of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalImage {
    /// How they are stored.
    pub store: StoreKind,
    /// The directory or the file; `-` is standard input or standard output for an archive.
    pub path: PathBuf,
    /// Tag, full name or digest of the image.
    pub name: Option<String>,
}

/// How images are stored on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoreKind {
    /// `oci:DIR[:TAG]`, an OCI image layout.
    Layout,
    /// `oci-archive:FILE[:TAG]`, an OCI image layout in a tar file.
    OciArchive,
    /// `docker-archive:FILE[:REF]`, a tar file of `docker save`.
    DockerArchive,
}

impl StoreKind {
    /// Returns the scheme of such a location, without the colon.
    pub fn scheme(self) -> &'static str {
        match self {
            Self::Layout => "oci",
            Self::OciArchive => "oci-archive",
            Self::DockerArchive => "docker-archive",
        }
    }
}

impl ImageLocation {
    /// Parses the name of an image. `look` reports what exists at a path.
    pub fn parse(
        text: &str,
        usage: NameUse,
        look: &dyn Fn(&str) -> FoundPath,
    ) -> Result<Self, String> {
        ImageGrammar { usage, look }.parse(text)
    }

    /// Returns the location of a layout, or of an image in it.
    pub fn layout(path: impl Into<PathBuf>, name: Option<&str>) -> Self {
        let name = name.map(str::to_owned);
        Self::Local(LocalImage { store: StoreKind::Layout, path: path.into(), name })
    }

    /// Returns the tag, full name or digest of the image, if the location has one.
    pub fn image_name(&self) -> Option<&str> {
        match self {
            Self::Registry(name) => name.digest().or(name.tag()),
            Self::Local(local) => local.name.as_deref(),
        }
    }

    /// Returns the name of the image in a registry: its location, or the full name that it has in a layout or an archive.
    pub fn reference(&self) -> Option<Reference> {
        match self {
            Self::Registry(name) => Some(name.clone()),
            Self::Local(local) => match local.name.as_deref()?.parse().ok()? {
                LayoutName::Full(name) => Some(name),
                LayoutName::Short(_) => None,
            },
        }
    }

    /// Returns the path, unless the location is in a registry or a standard stream.
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::Local(local) if !local.is_stream() => Some(&local.path),
            _ => None,
        }
    }

    /// Returns whether this is an archive on standard input or standard output.
    pub fn is_stream(&self) -> bool {
        matches!(self, Self::Local(local) if local.is_stream())
    }
}

impl LocalImage {
    /// Returns whether this is an archive on standard input or standard output.
    pub fn is_stream(&self) -> bool {
        self.store != StoreKind::Layout && self.path == Path::new("-")
    }
}

impl FromStr for ImageLocation {
    type Err = String;

    /// Parses the name of an image that is read, without looking for paths that exist.
    fn from_str(text: &str) -> Result<Self, String> {
        Self::parse(text, NameUse::Source, &|_| FoundPath::Nothing)
    }
}

impl fmt::Display for ImageLocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Registry(name) => write!(f, "{name}"),
            Self::Local(local) => write!(f, "{local}"),
        }
    }
}

impl fmt::Display for LocalImage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.store.scheme(), self.path.display())?;
        match &self.name {
            Some(digest) if digest.starts_with("sha256:") => write!(f, "@{digest}"),
            Some(name) => write!(f, ":{name}"),
            None => Ok(()),
        }
    }
}
