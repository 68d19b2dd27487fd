//! Loads any text as a spec. It must not panic, and what it says must point into the text.
//!
//! The examples are the seeds: in `builder/fuzz`, run
//! `cargo +nightly fuzz run spec corpus/spec ../../spec-files -- -dict=spec.dict`.

use std::sync::Arc;

use diskette_builder::engine::source::NoInputFiles;
use diskette_builder::frontend::spec;
use diskette_builder::recipe::diagnostic::SourceText;

use super::valid_text;

/// Runs the target.
pub fn run(bytes: &[u8]) {
    let text = valid_text(bytes);
    let source = Arc::new(SourceText { name: "fuzz.yaml".into(), text: text.into() });
    let Err(problems) = spec::load_recipes(&source, &NoInputFiles, None) else { return };
    assert!(!problems.is_empty());
    for problem in problems {
        assert!(!problem.message.is_empty() && !problem.help.is_empty());
        let span = problem.span.as_ref();
        assert!(span.is_none_or(|span| text.get(span.range.clone()).is_some()));
    }
}
