//! *Locations* of content: paths and URLs.

use super::located::{Located, LocatedText};
use crate::oci::image::location::ImageLocation;
use crate::recipe::SourceLocation;
use crate::recipe::diagnostic::Diagnostic;

/// Returns whether a text begins with a scheme, such as `https://`.
pub(super) fn has_scheme(text: &str) -> bool {
    text.split_once("://").is_some_and(|(scheme, _)| {
        !scheme.is_empty()
            && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || b"+.-".contains(&b))
    })
}

/// Parses the path of a file.
pub(super) fn parse_path(text: &LocatedText) -> Result<Located<SourceLocation>, Diagnostic> {
    let path = text.value.as_str();
    let (message, help) = if path.is_empty() {
        ("the path is empty", "write the path of a file")
    } else if has_scheme(path) {
        ("this is a URL, not a path", "use `url:`")
    } else if path.contains(char::is_control) {
        let help = "rename the file, or look for a stray escape like `\\n`";
        ("the path has a control character", help)
    } else if path.ends_with('/') {
        ("the path names a directory", "write the path of a file")
    } else {
        return Ok(Located { value: SourceLocation::path(path), span: text.span.clone() });
    };
    Err(Diagnostic::new(message).at(text.span.clone()).help(help))
}

/// Parses the location of an image.
pub(super) fn parse_image(text: &LocatedText) -> Result<ImageLocation, Diagnostic> {
    text.value.parse().map_err(|problem: String| {
        let help = "name it as in `quay.io/containerdisks/fedora:42`, or `oci:DIR:TAG`";
        Diagnostic::new(problem).at(text.span.clone()).help(help)
    })
}

/// Parses an `http` or `https` URL without credentials.
pub(super) fn parse_url(text: &LocatedText) -> Result<Located<SourceLocation>, Diagnostic> {
    let url = text.value.as_str();
    let wrong =
        |message: &str, help: &str| Err(Diagnostic::new(message).at(text.span.clone()).help(help));
    let Some((scheme, rest)) = url.split_once("://") else {
        return wrong("this is not a URL", "begin it with `https://`, or write it under `path:`");
    };
    if !["http", "https"].contains(&scheme.to_ascii_lowercase().as_str()) {
        let help = match scheme {
            "file" => "write the path alone",
            _ => "disks are fetched from `https://` and `http://` URLs; download others first",
        };
        return wrong(&format!("`{}://` is not supported", scheme.escape_debug()), help);
    }
    if !url.bytes().all(|b| b.is_ascii_graphic()) {
        let help = "percent-encode it, for example a space as `%20`";
        return wrong("the URL has a character that no URL may have", help);
    }
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if host.contains('@') {
        let help = "remove it: it would end up in logs";
        return wrong("the URL carries a user name or password", help);
    }
    if host.is_empty() || host.starts_with(':') {
        return wrong("the URL has no host", "write it like `https://example.com/disk.qcow2`");
    }
    Ok(Located { value: SourceLocation::Url(url.into()), span: text.span.clone() })
}
