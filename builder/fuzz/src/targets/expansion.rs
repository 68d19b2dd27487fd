//! Expands any text. It must not panic, and one word has the characters of its words.

use diskette_builder::frontend::dockerfile::{expand_body, expand_text};

use super::valid_text;

fn value(name: &str) -> Option<String> {
    match name {
        "a" => Some("one two".into()),
        "b" => Some("*?\\$a'\"".into()),
        "e" => Some(String::new()),
        _ => None,
    }
}

/// Runs the target.
pub fn run(bytes: &[u8]) {
    let text = valid_text(bytes);
    for escape in ['\\', '`'] {
        let Ok((word, words)) = expand_text(escape, text, &value) else { continue };
        let dense = |text: &str| text.split_whitespace().collect::<String>();
        assert_eq!(dense(&word), dense(&words.concat()));
        assert!(words.iter().all(|word| !word.is_empty()));
    }
    let body = expand_body(text, &value);
    assert!(text.contains(['$', '\\']) || body.as_deref() == Ok(text));
}
