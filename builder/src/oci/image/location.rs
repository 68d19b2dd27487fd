//! The *location* of an image that is read or written: a registry, a layout or an archive.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use super::reference::Reference;

/// A registry, a layout, or an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ImageLocation {
    /// `docker://REF`, or a reference without a prefix.
    Registry(Reference),
    /// `oci:DIR` or `oci:DIR:NAME`.
    Layout(PathBuf, Option<String>),
    /// `oci-archive:FILE` or `oci-archive:FILE:NAME`.
    Archive(PathBuf, Option<String>),
}

impl FromStr for ImageLocation {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(layout) = text.strip_prefix("oci:") {
            let parts = split_name(layout).ok_or("write it as `oci:DIR` or `oci:DIR:TAG`")?;
            return Ok(Self::Layout(parts.0, parts.1));
        }
        if let Some(archive) = text.strip_prefix("oci-archive:") {
            let help = "write it as `oci-archive:FILE` or `oci-archive:FILE:TAG`";
            let parts = split_name(archive).ok_or(help)?;
            return Ok(Self::Archive(parts.0, parts.1));
        }
        if text.starts_with("docker-archive:") {
            let help = "`skopeo copy docker-archive:FILE oci-archive:FILE` makes one that is";
            return Err(format!("`docker-archive:` is not supported, `oci-archive:` is; {help}"));
        }
        if text.starts_with(['.', '/']) {
            return Err(format!("for a layout, say `oci:{text}`"));
        }
        parse_reference(text).map(Self::Registry)
    }
}

/// Splits a text into a path and an optional name after a colon; none if one of them is empty.
fn split_name(text: &str) -> Option<(PathBuf, Option<String>)> {
    let (path, name) = match text.split_once(':') {
        Some((path, name)) => (path, Some(name.to_owned())),
        None => (text, None),
    };
    let is_whole = !path.is_empty() && name.as_deref() != Some("");
    is_whole.then(|| (path.into(), name))
}

/// Parses the name of an image in a registry, with skopeo's prefix or without.
pub fn parse_reference(text: &str) -> Result<Reference, String> {
    let name = text.strip_prefix("docker://").unwrap_or(text);
    if name.contains("://") {
        return Err("a registry is named without `https://`, e.g. `quay.io/me/fedora:42`".into());
    }
    name.parse().map_err(|error| format!("{error}; it looks like `quay.io/me/fedora:42`"))
}

impl fmt::Display for ImageLocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Registry(name) => write!(f, "{name}"),
            Self::Layout(path, None) => write!(f, "oci:{}", path.display()),
            Self::Layout(path, Some(name)) => write!(f, "oci:{}:{name}", path.display()),
            Self::Archive(path, None) => write!(f, "oci-archive:{}", path.display()),
            Self::Archive(path, Some(name)) => write!(f, "oci-archive:{}:{name}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_parse() {
        let check = |text: &str, expected: &str| {
            let found = match text.parse() {
                Ok(ImageLocation::Registry(name)) => format!("registry {name}"),
                Ok(ImageLocation::Layout(path, name)) => {
                    format!("layout {} {name:?}", path.display())
                }
                Ok(ImageLocation::Archive(path, name)) => {
                    format!("archive {} {name:?}", path.display())
                }
                Err(error) => error,
            };
            assert_eq!(found, expected, "{text}");
        };
        check("docker://quay.io/me/fedora", "registry quay.io/me/fedora:latest");
        check("quay.io/me/fedora:42", "registry quay.io/me/fedora:42");
        check("fedora", "registry docker.io/library/fedora:latest");
        check("oci:out", "layout out None");
        check("oci:out:42", r#"layout out Some("42")"#);
        check("oci:out:q.io/a:42", r#"layout out Some("q.io/a:42")"#);
        check("oci:", "write it as `oci:DIR` or `oci:DIR:TAG`");
        check("oci:out:", "write it as `oci:DIR` or `oci:DIR:TAG`");
        check("oci-archive:a.tar", "archive a.tar None");
        check("oci-archive:a.tar:q.io/a:42", r#"archive a.tar Some("q.io/a:42")"#);
        let help = "write it as `oci-archive:FILE` or `oci-archive:FILE:TAG`";
        check("oci-archive:", help);
        check("oci-archive:a.tar:", help);
        check(
            "docker-archive:a.tar",
            "`docker-archive:` is not supported, `oci-archive:` is; \
             `skopeo copy docker-archive:FILE oci-archive:FILE` makes one that is",
        );
        check("./out", "for a layout, say `oci:./out`");
        check(
            "https://quay.io/a",
            "a registry is named without `https://`, e.g. `quay.io/me/fedora:42`",
        );
        check(
            "q.io/A",
            "the repository `A` has upper-case letters; it looks like `quay.io/me/fedora:42`",
        );
    }
}
