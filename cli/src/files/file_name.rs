//! *File names* that come from an image.

use std::fmt;
use std::str::FromStr;

use diskette_builder::recipe::NAME_MAX;

/// The name of a file that is made in a directory of the user: it is visible, and no option or path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FileName(String);

/// A text is not used as the name of a file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{}` is not used as the name of a file", .0.escape_debug())]
pub(crate) struct FileNameError(String);

impl FromStr for FileName {
    type Err = FileNameError;

    fn from_str(text: &str) -> Result<Self, FileNameError> {
        // Printable characters are those that are shown without an escape.
        let is_plain = |char: char| {
            char != '/' && (matches!(char, '\'' | '"') || char.escape_debug().count() == 1)
        };
        let is_name = !text.is_empty()
            && text.len() <= NAME_MAX
            && !text.starts_with(['.', '-', ' ', '~'])
            && text.chars().all(is_plain);
        if is_name { Ok(Self(text.into())) } else { Err(FileNameError(text.into())) }
    }
}

impl fmt::Display for FileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hidden_and_hostile_names_are_refused() {
        for name in ["disk.img", "fedora 42 (1).qcow2", "ä.raw", "it's", "a.b..c"] {
            assert_eq!(name.parse().map(|name: FileName| name.to_string()), Ok(name.into()));
        }
        let long = "a".repeat(256);
        for name in [
            "",
            ".",
            "..",
            ".profile",
            ".ssh",
            "-rf",
            "~",
            "a/b",
            "../a",
            "a\nb",
            "a\0",
            "a\u{1b}[2J",
            "a\u{9b}m",
            "a\u{202e}gmi",
            "a\\b",
            " a",
            &long,
        ] {
            assert_eq!(name.parse::<FileName>(), Err(FileNameError(name.into())));
        }
    }
}
