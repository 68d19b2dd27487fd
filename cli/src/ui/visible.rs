//! *Visible* text: what comes from others is shown so that it cannot move the cursor of a terminal,
//! look like something else, or be a command of the runner of GitHub Actions.

use std::borrow::Cow;
use std::fmt::Write as _;

/// Returns a text with its control characters and invisible marks as escapes, except line breaks and
/// tabs.
pub(crate) fn visible(text: &str) -> Cow<'_, str> {
    if !text.contains(is_invisible) {
        return Cow::Borrowed(text);
    }
    let show = |char: char| match char {
        char if is_invisible(char) => char.escape_unicode().to_string(),
        char => char.to_string(),
    };
    Cow::Owned(text.chars().map(show).collect())
}

/// Returns lines of a source for a renderer that shows the control characters of ASCII itself. Columns
/// stay as they are. A byte order mark is kept: it changes nothing.
pub(crate) fn visible_source(text: &str) -> Cow<'_, str> {
    let is_replaced = |char: char| !char.is_ascii() && char != '\u{feff}' && is_invisible(char);
    if !text.contains(is_replaced) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.replace(is_replaced, "\u{fffd}"))
}

/// Returns a text on one line.
pub(crate) fn visible_line(text: &str) -> String {
    visible(text).replace('\n', "\\n").replace('\t', "\\t")
}

/// Returns the lines of a text so that none is a workflow command of GitHub Actions
/// (<https://docs.github.com/en/actions/reference/workflow-commands-for-github-actions>): those begin
/// with `::` after spaces, and the older ones have `##[`.
pub(crate) fn without_commands(text: &str) -> Cow<'_, str> {
    if !text.contains("::") && !text.contains("##[") {
        return Cow::Borrowed(text);
    }
    let show = |line: &str| {
        let rest = line.trim_start();
        let line = match rest.strip_prefix("::") {
            Some(after) => format!("{}\\::{after}", &line[..line.len() - rest.len()]),
            None => line.to_owned(),
        };
        line.replace("##[", "#\\#[")
    };
    Cow::Owned(text.split_inclusive('\n').map(show).collect())
}

/// Returns lines of text for people, of which none is a workflow command.
pub(crate) fn visible_text(text: &str) -> String {
    without_commands(&visible(text)).into_owned()
}

/// Returns a JSON text in which strings have escapes for what JSON allows unescaped.
pub(crate) fn visible_json(json: &str) -> Cow<'_, str> {
    if !json.contains(is_invisible) {
        return Cow::Borrowed(json);
    }
    // All of them are in strings, and in the first plane of Unicode, except tags.
    let mut shown = String::with_capacity(json.len());
    for char in json.chars() {
        if !is_invisible(char) {
            shown.push(char);
            continue;
        }
        for unit in char.encode_utf16(&mut [0; 2]) {
            // Writing to a string does not fail.
            let _written = write!(shown, "\\u{unit:04x}");
        }
    }
    Cow::Owned(shown)
}

/// Returns whether a character is shown as nothing, or changes how others are shown.
fn is_invisible(char: char) -> bool {
    /// Marks of directions and of joins, separators of lines, annotations and tags.
    const MARKS: [(char, char); 9] = [
        ('\u{ad}', '\u{ad}'),
        ('\u{61c}', '\u{61c}'),
        ('\u{180e}', '\u{180e}'),
        ('\u{200b}', '\u{200f}'),
        ('\u{2028}', '\u{202e}'),
        ('\u{2060}', '\u{206f}'),
        ('\u{feff}', '\u{feff}'),
        ('\u{fff9}', '\u{fffb}'),
        ('\u{e0000}', '\u{e007f}'),
    ];
    let is_mark = || MARKS.iter().any(|(first, last)| (*first..=*last).contains(&char));
    match char {
        '\n' | '\t' => false,
        char => char.is_control() || (!char.is_ascii() && is_mark()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_said_is_shown_escaped() {
        let check = |text: &str, expected: &str| assert_eq!(visible(text), expected, "{text:?}");
        check("plain ä 日本 `x`\n\tand more", "plain ä 日本 `x`\n\tand more");
        check("\u{1b}[2J\u{1b}]0;x\u{7}", r"\u{1b}[2J\u{1b}]0;x\u{7}");
        check("a\u{9b}31m\u{7f}", r"a\u{9b}31m\u{7f}");
        check("exe\u{202e}gpj\u{2066}\u{200f}", r"exe\u{202e}gpj\u{2066}\u{200f}");
        check("a\rb\u{2028}c\u{200b}d\0", r"a\u{d}b\u{2028}c\u{200b}d\u{0}");
        assert_eq!(visible_line("a\n::error::b\t\u{1b}"), r"a\n::error::b\t\u{1b}");
        assert_eq!(
            visible_json("{\"a\":\"\u{9b}\u{202e}ä\u{e0001}\"}"),
            "{\"a\":\"\\u009b\\u202eä\\udb40\\udc01\"}"
        );
    }

    #[test]
    fn no_line_is_a_workflow_command() {
        let check = |text: &str, expected: &str| {
            assert_eq!(without_commands(text), expected, "{text:?}");
        };
        check("std::fmt is a path", "std::fmt is a path");
        check("::error::x", r"\::error::x");
        check("a\n  ::add-mask::x\n::b", "a\n  \\::add-mask::x\n\\::b");
        check("a ##[error]b", r"a #\#[error]b");
    }
}
