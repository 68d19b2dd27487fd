//! The *language* of an input: that of specs, or that of Dockerfiles.

use std::path::Path;

/// Language of an input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum InputLanguage {
    Spec,
    Dockerfile,
}

impl InputLanguage {
    /// Detects the language by the name of the file, else by its beginning: a spec is a mapping, a
    /// Dockerfile has an instruction.
    pub(super) fn detect(path: &Path, text: &str) -> Self {
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
        if [".yaml", ".yml", ".json"].iter().any(|end| name.ends_with(end)) {
            return Self::Spec;
        }
        if name.contains("dockerfile") || name.contains("containerfile") {
            return Self::Dockerfile;
        }
        let mut lines = text.trim_start_matches('\u{feff}').lines().map(str::trim);
        let first = lines.find(|line| !line.is_empty() && !line.starts_with('#'));
        let word = first.and_then(|line| line.split_whitespace().next()).unwrap_or_default();
        if word.chars().all(|c| c.is_ascii_alphabetic()) && !word.is_empty() {
            Self::Dockerfile
        } else {
            Self::Spec
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_language_is_that_of_the_name_or_the_text() {
        let check = |path: &str, text: &str, expected: InputLanguage| {
            assert_eq!(InputLanguage::detect(Path::new(path), text), expected, "{path}: {text}");
        };
        check("a.yaml", "FROM scratch", InputLanguage::Spec);
        check("Dockerfile", "apiVersion: diskette/v1", InputLanguage::Dockerfile);
        check("b/Containerfile.vm", "", InputLanguage::Dockerfile);
        check("vm.dockerfile", "", InputLanguage::Dockerfile);
        check("-", "# syntax=docker/dockerfile:1\n\nFROM scratch", InputLanguage::Dockerfile);
        check("-", "\u{feff}from a", InputLanguage::Dockerfile);
        check("-", "apiVersion: diskette/v1", InputLanguage::Spec);
        check("-", "# yaml\n---\napiVersion: diskette/v1", InputLanguage::Spec);
        check("-", "{apiVersion: diskette/v1}", InputLanguage::Spec);
        check("-", "", InputLanguage::Spec);
    }
}
