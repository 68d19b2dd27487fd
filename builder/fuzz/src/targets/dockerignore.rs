//! Reads any text as an ignore file, and asks it about the path in its last line. It must not
//! panic, what it says must point into the text, and what is left out as a whole must hold nothing that is
//! not ignored.

use std::sync::Arc;

use diskette_builder::frontend::dockerfile::pattern::{
    DoubleStar, Glob, IgnoreFile, clean_path, has_wildcards,
};
use diskette_builder::recipe::diagnostic::SourceText;

use super::valid_text;

/// Runs the target.
pub fn run(bytes: &[u8]) {
    let input = valid_text(bytes);
    let (text, path) = input.rsplit_once('\n').unwrap_or(("", input));
    let path = clean_path(path);
    assert_eq!(clean_path(&path), path);
    let source = Arc::new(SourceText { name: ".dockerignore".into(), text: text.into() });
    match IgnoreFile::parse(&source) {
        Ok(ignore) => {
            let hider = ignore.hiding_rule(&path);
            assert_eq!(hider.is_some(), ignore.is_ignored(&path));
            let span = hider.and_then(|hider| hider.origin);
            assert!(span.is_none_or(|span| text.get(span.range).is_some()));
            for (at, _) in path.match_indices('/') {
                assert!(!ignore.is_ignored_whole(&path[..at]) || ignore.is_ignored(&path));
            }
        }
        Err(problem) => {
            assert!(!problem.message.is_empty() && !problem.help.is_empty());
            let span = problem.span.expect("the line");
            assert!(text.get(span.range).is_some());
        }
    }
    for line in text.lines().take(4) {
        for stars in [DoubleStar::Within, DoubleStar::Across] {
            let Ok(glob) = Glob::parse(line, stars) else { continue };
            assert!(has_wildcards(line) || line.contains('\\') || glob.matches(line));
            glob.matches(&path);
        }
    }
}
