//! Reads any text as a Dockerfile. It must not panic, and what it says must point into the text.
//!
//! In `builder/fuzz`, run `cargo +nightly fuzz run dockerfile -- -dict=dockerfile.dict`.

#![no_main]

use std::sync::Arc;

use diskette_builder::recipe::diagnostic::SourceText;
use diskette_builder::frontend::dockerfile::parse;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let source = Arc::new(SourceText { name: "Dockerfile".into(), text: text.into() });
    let Err(problems) = parse(&source) else { return };
    assert!(!problems.is_empty());
    for problem in problems {
        assert!(!problem.message.is_empty());
        assert!(problem.span.is_none_or(|span| text.get(span.range).is_some()));
    }
});
