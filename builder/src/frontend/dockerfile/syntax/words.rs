//! How the arguments of an instruction are split into *words*: each instruction has one of a few
//! ways (moby/buildkit `frontend/dockerfile/parser/line_parsers.go`).

use std::ops::Range;

/// A word with its range in the instruction's line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LineWord {
    pub(super) text: String,
    pub(super) range: Range<usize>,
}

/// Returns whether a character separates the keyword, flags and words.
pub(super) fn is_blank(c: char) -> bool {
    matches!(c, '\t' | '\u{b}' | '\u{c}' | '\r' | ' ')
}

/// Splits at blanks, quoted or not.
pub(super) fn split_at_blanks(line: &str, range: Range<usize>) -> Vec<LineWord> {
    let mut pieces = Vec::new();
    let mut at = range.start;
    for text in line[range].split(is_blank) {
        if !text.is_empty() {
            pieces.push(LineWord { text: text.to_owned(), range: at..at + text.len() });
        }
        at += text.len() + 1;
    }
    pieces
}

/// Splits at white space that is neither quoted nor escaped. Quotes and escapes stay in the words
/// until variables are replaced.
pub(super) fn split_outside_quotes(line: &str, range: Range<usize>, escape: char) -> Vec<LineWord> {
    let mut pieces = Vec::new();
    let mut word: Option<LineWord> = None;
    let mut quote = None;
    let offset = range.start;
    let mut characters = line[range].char_indices();
    while let Some((at, c)) = characters.next() {
        let at = at + offset;
        if quote.is_none() && c.is_whitespace() {
            pieces.extend(word.take());
            continue;
        }
        let piece = word.get_or_insert_with(|| LineWord { text: String::new(), range: at..at });
        if quote == Some(c) {
            quote = None;
        } else if quote.is_none() && matches!(c, '\'' | '"') {
            quote = Some(c);
        }
        if c == escape && quote != Some('\'') {
            // An escape character at the end of the line is dropped.
            let Some((_, next)) = characters.next() else { break };
            piece.text.push(c);
            piece.text.push(next);
            piece.range.end = at + c.len_utf8() + next.len_utf8();
        } else {
            piece.text.push(c);
            piece.range.end = at + c.len_utf8();
        }
    }
    pieces.extend(word.filter(|piece| !piece.text.is_empty()));
    pieces
}

/// Splits off the leading words that start with `--`; a `--` alone ends them. Returns them, with
/// quotes and escapes resolved, and the offset of the rest.
pub(super) fn split_flags(line: &str, range: Range<usize>) -> (Vec<LineWord>, usize) {
    let mut flags = Vec::new();
    let mut at = range.start;
    loop {
        let rest = &line[at..range.end];
        at += rest.len() - rest.trim_start().len();
        if !line[at..range.end].starts_with("--") {
            return (flags, at);
        }
        let (text, len) = read_flag(&line[at..range.end]);
        let end = at + len;
        if text == "--" {
            return (flags, end);
        }
        flags.push(LineWord { text, range: at..end });
        at = end;
    }
}

/// Returns the first word, and its length as written, in bytes.
fn read_flag(text: &str) -> (String, usize) {
    let mut word = String::new();
    let mut quote = None;
    let mut characters = text.char_indices();
    while let Some((at, c)) = characters.next() {
        match (quote, c) {
            (None, c) if c.is_whitespace() => return (word, at),
            (None, '\'' | '"') => quote = Some(c),
            (Some(open), c) if open == c => quote = None,
            (_, '\\') => word.extend(characters.next().map(|(_, next)| next)),
            _ => word.push(c),
        }
    }
    (word, text.len())
}

/// Returns the strings of a JSON list, or `None` if it is not JSON.
pub(super) fn parse_json_list(text: &str) -> Option<Result<Vec<String>, NotStrings>> {
    let text = text.trim_start();
    if !text.starts_with('[') {
        return None;
    }
    let values: Vec<serde_json::Value> = serde_json::from_str(text).ok()?;
    let string = |value| match value {
        serde_json::Value::String(text) => Ok(text),
        _ => Err(NotStrings),
    };
    Some(values.into_iter().map(string).collect())
}

/// A JSON list that has something other than strings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NotStrings;

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(pieces: &[LineWord]) -> Vec<&str> {
        pieces.iter().map(|piece| piece.text.as_str()).collect()
    }

    #[test]
    fn quotes_and_escapes_keep_words_together() {
        let check = |line: &str, expected: &[&str]| {
            let pieces = split_outside_quotes(line, 0..line.len(), '\\');
            assert_eq!(texts(&pieces), expected, "{line}");
        };
        check("a b", &["a", "b"]);
        check("  a=1\t b='2 3'  ", &["a=1", "b='2 3'"]);
        check(r#"a="b \" c" d"#, &[r#"a="b \" c""#, "d"]);
        check(r"a=b\ c d", &[r"a=b\ c", "d"]);
        check(r"a='b\' c", &[r"a='b\'", "c"]);
        check("a='b c", &["a='b c"]);
        check("''", &["''"]);
        check(r"a\", &["a"]);
        check(r#""a\"#, &[r#""a"#]);
        check("", &[]);
    }

    #[test]
    fn flags_stand_in_front() {
        let check = |line: &str, expected: &[&str], rest: &str| {
            let (pieces, at) = split_flags(line, 0..line.len());
            assert_eq!((texts(&pieces), &line[at..]), (expected.to_vec(), rest), "{line}");
        };
        check("--a=b --c x --d", &["--a=b", "--c"], "x --d");
        check("x --a", &[], "x --a");
        check("--a='b c' x", &["--a=b c"], "x");
        check(r"--a=b\ c x", &["--a=b c"], "x");
        check("--a -- --b", &["--a"], " --b");
        check("--", &[], "");
        check("  --a", &["--a"], "");
        check("- -a", &[], "- -a");
        check("--a='b", &["--a=b"], "");
    }

    #[test]
    fn json_lists_hold_strings() {
        let check = |text: &str, expected: Option<Result<&[&str], NotStrings>>| {
            let found = parse_json_list(text);
            let expected = expected.map(|list| {
                list.map(|list| list.iter().map(ToString::to_string).collect::<Vec<_>>())
            });
            assert_eq!(found, expected, "{text}");
        };
        check("[]", Some(Ok(&[])));
        check(r#" ["a", "b\n"] "#, Some(Ok(&["a", "b\n"])));
        check(r#"["a", 1]"#, Some(Err(NotStrings)));
        check(r#"["a""#, None);
        check("['a']", None);
        check(r#"["a"] b"#, None);
        check("a", None);
    }
}
