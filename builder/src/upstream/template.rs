//! A *template* is a text of a catalogue in which `{arch}` and `{arch.uname}` stand for the
//! architecture of a platform, so that one entry serves all platforms.

use std::fmt;

use regex::Regex;
use thiserror::Error;

use crate::oci::image::platform::Platform;

/// A text with placeholders.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpstreamTemplate(String);

/// Why a template cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TemplateError {
    /// A placeholder has an unknown name.
    #[error("`{{{0}}}` stands for nothing")]
    Unknown(String),
    /// It is not a regular expression.
    #[error("not a regular expression: {0}")]
    Pattern(String),
}

/// Names of architectures: those of OCI (Go's names), and those of `uname -m`.
const ARCHITECTURE_NAMES: [(&str, &str); 6] = [
    ("amd64", "x86_64"),
    ("arm64", "aarch64"),
    ("s390x", "s390x"),
    ("ppc64le", "ppc64le"),
    ("riscv64", "riscv64"),
    ("386", "i686"),
];

/// Returns the architecture of a platform as `uname -m` names it.
pub(super) fn machine_name(platform: &Platform) -> &str {
    let architecture = platform.architecture.as_str();
    ARCHITECTURE_NAMES
        .iter()
        .find(|(oci, _)| *oci == architecture)
        .map_or(architecture, |(_, uname)| uname)
}

impl UpstreamTemplate {
    /// Creates a template; placeholders are checked when it is filled in.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Fills in the architecture. Other braces are kept: they may belong to a regular expression.
    pub(crate) fn fill(&self, platform: &Platform) -> Result<String, TemplateError> {
        let text = self.0.replace("{arch}", &platform.architecture);
        let text = text.replace("{arch.uname}", machine_name(platform));
        match find_placeholder(&text) {
            Some(name) => Err(TemplateError::Unknown(name.to_owned())),
            None => Ok(text),
        }
    }

    /// Returns the regular expression, with the architecture filled in; it matches whole names only.
    pub(crate) fn to_regex(&self, platform: &Platform) -> Result<Regex, TemplateError> {
        let text = self.fill(platform)?;
        Regex::new(&format!("^(?:{text})$")).map_err(|error| {
            let last = error.to_string().lines().last().unwrap_or_default().to_owned();
            TemplateError::Pattern(last.trim_start_matches("error: ").to_owned())
        })
    }
}

/// Returns the first placeholder's name; `{4}` and `{2,3}` are repetitions and not placeholders.
fn find_placeholder(text: &str) -> Option<&str> {
    let is_name = |name: &&str| {
        name.starts_with(|c: char| c.is_ascii_alphabetic())
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
    };
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        // `\p{Letter}` is a class of characters.
        let is_class = before.ends_with("\\p") || before.ends_with("\\P");
        let name = after.split_once('}').map(|(name, _)| name).filter(|_| !is_class);
        if let Some(name) = name.filter(is_name) {
            return Some(name);
        }
        rest = after;
    }
    None
}

impl fmt::Display for UpstreamTemplate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn architectures_are_filled_in() {
        let check = |text: &str, platform: &str, expected: Result<&str, &str>| {
            let found = UpstreamTemplate::new(text).fill(&platform.parse().unwrap());
            let found = found.map_err(|error| error.to_string());
            assert_eq!(found, expected.map(str::to_owned).map_err(str::to_owned), "{text}");
        };
        check("a/{arch}/{arch.uname}", "linux/amd64", Ok("a/amd64/x86_64"));
        check("{arch.uname}", "linux/arm64", Ok("aarch64"));
        check("{arch.uname}-{arch}", "linux/mips64le", Ok("mips64le-mips64le"));
        check(r"\d{4}\p{Lu}{2,3}[{]", "linux/amd64", Ok(r"\d{4}\p{Lu}{2,3}[{]"));
        check("{version}", "linux/amd64", Err("`{version}` stands for nothing"));
        check("{4}{arch.foo}", "linux/amd64", Err("`{arch.foo}` stands for nothing"));
    }

    #[test]
    fn patterns_match_whole_names() {
        let platform = "linux/arm64".parse().unwrap();
        let pattern =
            UpstreamTemplate::new(r"a-(?<version>\d+)|b\.{arch}").to_regex(&platform).unwrap();
        let check = |name: &str, expected: bool| {
            assert_eq!(pattern.is_match(name), expected, "{name}");
        };
        check("a-1", true);
        check("b.arm64", true);
        check("xa-1", false);
        check("a-1x", false);
        check("b-arm64", false);
        let wrong = UpstreamTemplate::new("a(").to_regex(&platform).unwrap_err().to_string();
        assert_eq!(wrong, "not a regular expression: unclosed group");
    }
}
