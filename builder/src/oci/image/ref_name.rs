//! *Names* of images in layouts and archives, which are checked when they are parsed.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

use super::reference::Reference;
use super::tag::Tag;

/// Maximum length of the name of an image in a layout in bytes.
const REF_NAME_MAX: usize = 512;

/// The name of an image in a layout or an archive, as `org.opencontainers.image.ref.name` has it: a
/// tag, or a longer name of the same characters with `/`, `:`, `@` and `+` between them
/// (<https://github.com/opencontainers/image-spec/blob/v1.1.1/annotations.md>).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RefName(String);

/// A text cannot be the name of an image in a layout.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{}` is not a tag", .0.escape_debug())]
pub struct RefNameError(String);

impl RefName {
    /// Returns the name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the tag: the name itself, or the tag of a full reference.
    pub fn tag(&self) -> Option<Tag> {
        let full = || self.0.parse::<Reference>().ok()?.tag()?.parse().ok();
        self.0.parse().ok().or_else(full)
    }

    /// Returns registry and repository of a full reference; nothing for a tag.
    pub fn repository(&self) -> Option<String> {
        let is_full = self.0.parse::<Tag>().is_err();
        is_full.then(|| Some(self.0.parse::<Reference>().ok()?.full_repository())).flatten()
    }

    /// Returns whether this is the name of attachments of an image: its tag is made of a digest.
    pub fn is_of_attachments(&self) -> bool {
        self.tag().is_some_and(|tag| tag.subject().is_some())
    }
}

impl FromStr for RefName {
    type Err = RefNameError;

    fn from_str(text: &str) -> Result<Self, RefNameError> {
        let is_name = text.len() <= REF_NAME_MAX
            && (text.parse::<Tag>().is_ok() || text.split('/').all(is_component));
        if is_name { Ok(Self(text.into())) } else { Err(RefNameError(text.into())) }
    }
}

/// Returns whether a text consists of letters and digits, with one of `-._:@+` or two dashes between
/// them.
fn is_component(text: &str) -> bool {
    let is_between = |byte: u8| b"-._:@+".contains(&byte);
    let bytes = text.replace("--", "-");
    let bytes = bytes.as_bytes();
    let ends = [bytes.first(), bytes.last()];
    ends.into_iter().all(|byte| byte.is_some_and(u8::is_ascii_alphanumeric))
        && bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || is_between(*byte))
        && !bytes.windows(2).any(|pair| is_between(pair[0]) && is_between(pair[1]))
}

impl From<Tag> for RefName {
    fn from(tag: Tag) -> Self {
        Self(tag.into())
    }
}

impl fmt::Display for RefName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The name that an image gets in a layout or an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LayoutName {
    /// A full reference.
    Full(Reference),
    /// A tag.
    Short(RefName),
}

impl FromStr for LayoutName {
    type Err = RefNameError;

    /// Parses a name: a full reference if it has a slash and is one, else a tag.
    fn from_str(text: &str) -> Result<Self, RefNameError> {
        match text.parse() {
            Ok(name) if text.contains('/') => Ok(Self::Full(name)),
            _ => text.parse().map(Self::Short),
        }
    }
}

impl fmt::Display for LayoutName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full(name) => name.fmt(f),
            Self::Short(name) => name.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tag::ManifestName;
    use super::*;

    #[test]
    fn names_are_what_their_grammars_allow() {
        let digest = format!("sha256:{}", "0".repeat(64));
        let check = |text: &str, expected: &str| {
            let kinds = [
                text.parse::<Tag>().map(|_| "tag").unwrap_or_default(),
                text.parse::<ManifestName>().map(|_| "manifest").unwrap_or_default(),
                text.parse::<RefName>().map(|_| "ref").unwrap_or_default(),
            ];
            let kinds: Vec<&str> = kinds.into_iter().filter(|kind| !kind.is_empty()).collect();
            assert_eq!(kinds.join(" "), expected, "{text:?}");
        };
        check("latest", "tag manifest ref");
        check("_a.b-c", "tag manifest ref");
        check("1..2", "tag manifest ref");
        check(&"x".repeat(128), "tag manifest ref");
        check(&"x".repeat(129), "ref");
        check(&"x".repeat(513), "");
        check(&digest, "manifest ref");
        check("quay.io/me/a:1", "ref");
        check("v1+build--2", "ref");
        for hostile in [
            "",
            ".",
            "..",
            "../../../victim/app/manifests/latest",
            "a/../b",
            "/a",
            "a/",
            "a//b",
            ".profile",
            "a b",
            "a\nb",
            "a\tb",
            "a\u{1b}[2J",
            "a\u{9b}m",
            "a\u{202e}b",
            "a?b",
            "a#b",
            "a%2fb",
            "a\\b",
            "a\0",
            "ä",
            "sha256:../..",
            "-a",
            "a::b",
        ] {
            check(hostile, "");
        }
    }

    #[test]
    fn tags_of_layout_names_are_found() {
        let check = |text: &str, expected: Option<&str>| {
            let name: RefName = text.parse().unwrap();
            let found = name.repository().map(|it| it + " ").unwrap_or_default();
            let tag = name.tag().map(String::from);
            assert_eq!(tag.map(|tag| found + &tag).as_deref(), expected, "{text}");
        };
        check("42", Some("42"));
        check("quay.io/me/a:1", Some("quay.io/me/a 1"));
        check("quay.io:1/a:v1", Some("quay.io:1/a v1"));
        check("a+b", None);
    }
}
