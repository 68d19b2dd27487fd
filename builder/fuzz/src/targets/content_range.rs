//! Any text is the value of `Content-Range`. A range that is accepted is one, and the same when it is written
//! out.

use diskette_builder::fuzzing::parse_content_range;

use super::valid_text;

/// Runs the target.
pub fn run(bytes: &[u8]) {
    let text = valid_text(bytes);
    let Some((first, last, len)) = parse_content_range(text) else { return };
    assert!(first <= last && len.is_none_or(|len| last < len), "{text:?}");
    let len = len.map_or("*".to_owned(), |len| len.to_string());
    let written = format!("bytes {first}-{last}/{len}");
    assert_eq!(parse_content_range(&written), parse_content_range(text));
}
