//! A *place* is where an image is, or shall be: in a registry, or in a layout.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use super::reference::Reference;

/// A registry, or a layout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// `docker://REF`, or a reference without a prefix.
    Registry(Reference),
    /// `oci:DIR` or `oci:DIR:NAME`.
    Layout(PathBuf, Option<String>),
}

impl FromStr for Place {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(layout) = text.strip_prefix("oci:") {
            let (path, name) = match layout.split_once(':') {
                Some((path, name)) => (path, Some(name.to_owned())),
                None => (layout, None),
            };
            if path.is_empty() || name.as_deref() == Some("") {
                return Err("write it as `oci:DIR` or `oci:DIR:TAG`".into());
            }
            return Ok(Self::Layout(path.into(), name));
        }
        if text.starts_with(['.', '/']) {
            return Err(format!("for a layout, say `oci:{text}`"));
        }
        parse_reference(text).map(Self::Registry)
    }
}

/// Parses the name of an image in a registry, with skopeo's prefix or without.
pub fn parse_reference(text: &str) -> Result<Reference, String> {
    let name = text.strip_prefix("docker://").unwrap_or(text);
    if name.contains("://") {
        return Err("a registry is named without `https://`, e.g. `quay.io/me/fedora:42`".into());
    }
    name.parse().map_err(|error| format!("{error}; it looks like `quay.io/me/fedora:42`"))
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Registry(name) => write!(f, "{name}"),
            Self::Layout(path, None) => write!(f, "oci:{}", path.display()),
            Self::Layout(path, Some(name)) => write!(f, "oci:{}:{name}", path.display()),
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
                Ok(Place::Registry(name)) => format!("registry {name}"),
                Ok(Place::Layout(path, name)) => format!("layout {} {name:?}", path.display()),
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
