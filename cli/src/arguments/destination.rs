//! Where the result of a build is written: a *destination* as typed, and the sink for it.

use std::io;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use cap_std::fs::Dir;
use diskette_builder::oci::image::location::ImageLocation;
use diskette_builder::oci::sink::Sink;
use diskette_builder::oci::store::{ArchiveSink, LayoutSink};
use diskette_builder::recipe::diagnostic::Diagnostic;
use diskette_builder::registry::client::{RegistryClient, RegistrySink};

use crate::environment::Environment;
use crate::error::{CommandError, cannot};
use crate::files::{ensure_dir, open_dir, open_parent};

/// A value of `-o`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Destination {
    /// `oci:DIR`, or a path without a prefix.
    Layout(PathBuf),
    /// `oci-archive:FILE`.
    Archive(PathBuf),
    /// `-` or `oci-archive:-`.
    Stdout,
}

impl FromStr for Destination {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let destination = match text.split_once(':') {
            _ if text == "-" => Self::Stdout,
            _ if is_field_list(text) => parse_field_list(text)?,
            Some(("oci", dir)) => Self::Layout(dir.into()),
            Some(("oci-archive", "-")) => Self::Stdout,
            Some(("oci-archive", file)) => Self::Archive(file.into()),
            Some((prefix @ ("docker" | "docker-archive" | "docker-daemon" | "dir"), _)) => {
                return Err(format!("`{prefix}:` is not supported; use `oci:` or `oci-archive:`"));
            }
            _ => Self::Layout(text.into()),
        };
        match &destination {
            Self::Layout(path) | Self::Archive(path) if path.as_os_str().is_empty() => {
                Err("a path is missing".into())
            }
            _ => Ok(destination),
        }
    }
}

/// Returns whether the text is a list of fields as in docker buildx and buildah,
/// `type=oci,dest=FILE`.
fn is_field_list(text: &str) -> bool {
    text.split(',').any(|field| field.starts_with("type="))
}

fn parse_field_list(text: &str) -> Result<Destination, String> {
    let (mut dest, mut is_tar) = (None, true);
    for field in text.split(',') {
        match field.split_once('=') {
            Some(("type", "oci")) => {}
            Some(("type", kind)) => {
                return Err(format!("`type={kind}` is not supported; `type=oci` is, and `--push`"));
            }
            Some(("dest", path)) => dest = Some(path),
            Some(("tar", "true")) => is_tar = true,
            Some(("tar", "false")) => is_tar = false,
            _ => return Err(format!("`{field}` is not supported; `type`, `dest` and `tar` are")),
        }
    }
    match (dest, is_tar) {
        (Some(path), false) => Ok(Destination::Layout(path.into())),
        (Some("-") | None, true) => Ok(Destination::Stdout),
        (Some(path), true) => Ok(Destination::Archive(path.into())),
        (None, false) => Err("a layout needs `dest=DIR`".into()),
    }
}

/// The directory opened for a destination; it outlives the sink in it.
pub(crate) enum OpenedDestination {
    Layout(Dir, String),
    Archive(Dir, String, String),
    Stdout(Dir),
}

impl Destination {
    /// Returns the path, unless it is standard output.
    pub(crate) fn path(&self) -> Option<&Path> {
        match self {
            Self::Layout(path) | Self::Archive(path) => Some(path),
            Self::Stdout => None,
        }
    }

    /// Opens the directory, or makes it.
    pub(crate) fn open(
        &self,
        environment: &Environment,
    ) -> Result<OpenedDestination, CommandError> {
        Ok(match self {
            Self::Layout(path) if path.is_file() => {
                let message =
                    format!("cannot write a layout to `{}`: it is a file", path.display());
                let help = format!("for an archive, say `-o oci-archive:{}`", path.display());
                return Err(Diagnostic::new(message).help(help).into());
            }
            Self::Layout(path) => {
                OpenedDestination::Layout(ensure_dir(path)?, path.display().to_string())
            }
            Self::Archive(path) if path.is_dir() => {
                let message =
                    format!("cannot write an archive to `{}`: it is a directory", path.display());
                let help = format!("for a layout, say `-o oci:{}`", path.display());
                return Err(Diagnostic::new(message).help(help).into());
            }
            Self::Archive(path) => {
                let (dir, name) = open_parent(path)?;
                OpenedDestination::Archive(dir, name, path.display().to_string())
            }
            Self::Stdout => {
                let path = &environment.temporary;
                OpenedDestination::Stdout(open_dir(path).map_err(cannot("open", path.display()))?)
            }
        })
    }
}

impl OpenedDestination {
    /// Returns a sink that writes there.
    pub(crate) fn sink(&self) -> Result<Box<dyn Sink + '_>, CommandError> {
        Ok(match self {
            Self::Layout(dir, location) => {
                let dir = dir.try_clone().map_err(cannot("open", location))?;
                Box::new(LayoutSink::open(dir, location)?)
            }
            Self::Archive(dir, name, location) => {
                Box::new(ArchiveSink::create(dir, name, location)?)
            }
            Self::Stdout(dir) => {
                Box::new(ArchiveSink::stream(dir, Box::new(io::stdout()), "standard output")?)
            }
        })
    }
}

/// Returns whether a location is standard output or standard input.
pub(crate) fn is_stdout(location: &ImageLocation) -> bool {
    matches!(location, ImageLocation::Archive(path, _) if path == Path::new("-"))
}

/// Opens a layout or an archive for writing. Nothing is opened for a registry.
pub(crate) fn open_for_writing(
    location: &ImageLocation,
    environment: &Environment,
) -> Result<Option<OpenedDestination>, CommandError> {
    match location {
        ImageLocation::Registry(_) => Ok(None),
        ImageLocation::Layout(path, _) => {
            Destination::Layout(path.clone()).open(environment).map(Some)
        }
        ImageLocation::Archive(..) if is_stdout(location) => {
            Destination::Stdout.open(environment).map(Some)
        }
        ImageLocation::Archive(path, _) => {
            Destination::Archive(path.clone()).open(environment).map(Some)
        }
    }
}

/// Returns the sink of what was opened, or of the registry if nothing was.
pub(crate) fn open_sink<'a>(
    opened: Option<&'a OpenedDestination>,
    registry: &'a RegistryClient,
    width: usize,
) -> Result<Box<dyn Sink + 'a>, CommandError> {
    match opened {
        Some(opened) => opened.sink(),
        None => Ok(Box::new(RegistrySink::new(registry, width))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn destinations_parse() {
        let check = |text: &str, expected: Result<Destination, &str>| {
            assert_eq!(text.parse(), expected.map_err(str::to_owned), "{text}");
        };
        check("out", Ok(Destination::Layout("out".into())));
        check("oci:out", Ok(Destination::Layout("out".into())));
        check("./a:b", Ok(Destination::Layout("./a:b".into())));
        check("oci-archive:a.tar", Ok(Destination::Archive("a.tar".into())));
        check("oci-archive:-", Ok(Destination::Stdout));
        check("-", Ok(Destination::Stdout));
        check("oci:", Err("a path is missing"));
        check("", Err("a path is missing"));
        check("type=oci,dest=a.tar", Ok(Destination::Archive("a.tar".into())));
        check("dest=a,tar=true,type=oci", Ok(Destination::Archive("a".into())));
        check("type=oci,dest=a,tar=false", Ok(Destination::Layout("a".into())));
        check("type=oci,dest=-", Ok(Destination::Stdout));
        check("type=oci", Ok(Destination::Stdout));
        check("type=oci,dest=", Err("a path is missing"));
        check("type=oci,tar=false", Err("a layout needs `dest=DIR`"));
        check("type=docker", Err("`type=docker` is not supported; `type=oci` is, and `--push`"));
        check("type=oci,name=x", Err("`name=x` is not supported; `type`, `dest` and `tar` are"));
        check("dir:x", Err("`dir:` is not supported; use `oci:` or `oci-archive:`"));
    }
}
