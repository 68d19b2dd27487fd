//! Reads any text as a Dockerfile. It must not panic, and what it says must point into the text.

use std::sync::Arc;

use diskette_builder::frontend::dockerfile::parse;
use diskette_builder::recipe::diagnostic::SourceText;

use super::valid_text;

/// Runs the target.
pub fn run(bytes: &[u8]) {
    let text = valid_text(bytes);
    let source = Arc::new(SourceText { name: "Dockerfile".into(), text: text.into() });
    let Err(problems) = parse(&source) else { return };
    assert!(!problems.is_empty());
    for problem in problems {
        assert!(!problem.message.is_empty());
        assert!(problem.span.is_none_or(|span| text.get(span.range).is_some()));
    }
}
