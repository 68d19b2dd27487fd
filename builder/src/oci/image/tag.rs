//! *Tags* and the other names by which images are found. They come from users, layouts, archives and
//! registries, and end up in URLs and indexes; so they are checked once, when they are parsed.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::reference::Reference;

/// Maximum length of a tag in bytes.
const TAG_MAX: usize = 128;

/// Maximum length of the name of an image in a layout in bytes.
const REF_NAME_MAX: usize = 512;

/// The tag of an image in a repository.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Tag(Cow<'static, str>);

/// A text is not a tag.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{}` is not a tag", .0.escape_debug())]
pub struct TagError(String);

impl Tag {
    /// The tag of a name without one.
    pub const LATEST: Self = Self(Cow::Borrowed("latest"));

    /// Returns the tag as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Tag {
    type Err = TagError;

    fn from_str(text: &str) -> Result<Self, TagError> {
        let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        let is_tag = text.len() <= TAG_MAX
            && text.bytes().next().is_some_and(is_word)
            && text.bytes().all(|byte| is_word(byte) || matches!(byte, b'.' | b'-'));
        if is_tag { Ok(Self(text.to_owned().into())) } else { Err(TagError(text.into())) }
    }
}

impl TryFrom<String> for Tag {
    type Error = TagError;

    fn try_from(text: String) -> Result<Self, TagError> {
        text.parse()
    }
}

impl From<Tag> for String {
    fn from(tag: Tag) -> Self {
        tag.0.into_owned()
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The name by which a registry finds a manifest: a tag or a digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ManifestName(String);

/// A text is neither a tag nor a digest.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{}` is neither a tag nor a digest", .0.escape_debug())]
pub(crate) struct ManifestNameError(String);

impl ManifestName {
    /// Returns the name as text.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ManifestName {
    type Err = ManifestNameError;

    fn from_str(text: &str) -> Result<Self, ManifestNameError> {
        let is_name = text.parse::<Tag>().is_ok() || is_digest(text);
        if is_name { Ok(Self(text.into())) } else { Err(ManifestNameError(text.into())) }
    }
}

/// Returns whether a text is a digest of any algorithm.
pub(super) fn is_digest(digest: &str) -> bool {
    let Some((algorithm, hex)) = digest.split_once(':') else { return false };
    let plain = algorithm.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    plain && !algorithm.is_empty() && hex.len() >= 32 && hex.bytes().all(|b| b.is_ascii_hexdigit())
}

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
            let found = text.parse::<RefName>().unwrap().tag();
            assert_eq!(found.as_ref().map(Tag::as_str), expected, "{text}");
        };
        check("42", Some("42"));
        check("quay.io/me/a:1", Some("1"));
        check("a+b", None);
    }
}
