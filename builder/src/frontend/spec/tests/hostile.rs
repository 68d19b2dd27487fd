//! Texts that are no specs.

use proptest::prelude::*;

use super::{EXAMPLES, load_recipes, source};

#[test]
fn too_large_a_text_is_refused() {
    let problems = load_recipes(&source(&"#".repeat(2 << 20))).unwrap_err();
    assert_eq!(problems[0].to_string(), "`diskette.yaml` is larger than 1 MiB");
}

/// Loads a text, and checks the positions of all problems.
fn load_anything(text: &str) {
    let source = source(text);
    let Err(problems) = load_recipes(&source) else { return };
    assert!(!problems.is_empty(), "{text:?}");
    for problem in problems {
        assert!(!problem.message.is_empty() && !problem.help.is_empty(), "{problem:?}");
        let span = problem.span.as_ref();
        assert!(span.is_none_or(|span| text.get(span.range.clone()).is_some()), "{problem:?}");
        assert!(problem.to_string().ends_with(&problem.message));
    }
}

proptest! {
    #[test]
    fn no_text_is_too_odd(text in "[\\PC\n\t\r]{0,200}") {
        load_anything(&text);
    }

    #[test]
    fn no_yaml_is_too_odd(text in "([a-c]|é|[ \n:\\-\\[\\]{},'\"&*!|>%@#?.\t\r]){0,80}") {
        load_anything(&text);
    }

    #[test]
    fn no_change_to_a_spec_is_too_odd(
        example in 0..EXAMPLES.len(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), 0..12_usize, "([ \n:\\-\\[\\]{},'\"&*!~]|\\PC){0,3}"), 1..4),
    ) {
        let mut text: Vec<char> = EXAMPLES[example].1.chars().collect();
        for (at, length, new) in changes {
            let start = at.index(text.len() + 1);
            let end = (start + length).min(text.len());
            text.splice(start..end, new.chars());
        }
        load_anything(&text.into_iter().collect::<String>());
    }
}
