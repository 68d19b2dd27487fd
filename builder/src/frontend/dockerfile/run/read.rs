//! `read` assigns the fields of a line to variables (POSIX.1-2017, Shell & Utilities 4, `read`).

use std::ops::Range;

use super::content::Content;
use super::error::RunError;
use super::shell::Shell;
use super::word::variable_name;

/// Separators of fields if `IFS` is not set.
const DEFAULT_SEPARATORS: &str = " \t\n";

impl Shell<'_> {
    /// Reads a line of standard input; fails at its end, also if a last line has no line end.
    pub(super) fn read_line(
        &mut self,
        words: &[String],
        separators: Option<&str>,
        range: Range<usize>,
    ) -> Result<(), RunError> {
        let not = |what: &str| RunError::not_evaluated(what, range.clone());
        let (is_raw, names) = match words {
            [option, names @ ..] if option == "-r" => (true, names),
            names => (false, names),
        };
        let is_name = |name: &String| !name.is_empty() && variable_name(name) == name;
        if names.is_empty() || !names.iter().all(is_name) {
            return Err(not("`read` without names of variables"));
        }
        let input = std::mem::take(&mut self.process.input);
        let Some(text) = input.text(self.process.inputs) else {
            return Err(not("`read` of what is not known before the build"));
        };
        self.parameters.spend(text.len(), &range)?;
        let len = text.iter().position(|byte| *byte == b'\n');
        let (line, rest) = match len {
            Some(len) => (&text[..len], &text[len + 1..]),
            None => (&text[..], &[][..]),
        };
        let line = std::str::from_utf8(line).ok().filter(|line| !line.contains('\0'));
        let line = line.ok_or_else(|| not("`read` of what is no text"))?;
        if !is_raw && line.contains('\\') {
            return Err(not("a backslash in a line, without `read -r`,"));
        }
        let separators = separators.unwrap_or(DEFAULT_SEPARATORS);
        for (name, value) in names.iter().zip(split_line(line, names.len(), separators)) {
            self.parameters.assign(name, value.to_owned(), range.clone())?;
        }
        self.process.input = Content::Text(rest.to_vec());
        self.failure = match len {
            Some(_) => None,
            None => Some(RunError::new("`read` fails: its input ends", range)),
        };
        Ok(())
    }
}

/// Returns as many fields of a line as there are variables; the last is the rest of the line.
fn split_line<'l>(line: &'l str, count: usize, separators: &str) -> Vec<&'l str> {
    let is_blank = |c: char| matches!(c, ' ' | '\t' | '\n') && separators.contains(c);
    let is_separator = |c: char| separators.contains(c);
    let mut rest = line.trim_start_matches(is_blank);
    let mut fields = Vec::new();
    while fields.len() + 1 < count {
        let end = rest.find(is_separator).unwrap_or(rest.len());
        fields.push(&rest[..end]);
        rest = rest[end..].trim_start_matches(is_blank);
        // A separator that is no blank stands between two fields, with or without blanks around it.
        if let Some(next) = rest.chars().next().filter(|next| is_separator(*next)) {
            rest = rest[next.len_utf8()..].trim_start_matches(is_blank);
        }
    }
    let rest = rest.trim_end_matches(is_blank);
    // One separator behind a last field ends that field.
    let only = rest.char_indices().next_back().filter(|(_, last)| is_separator(*last));
    let only = only.map(|(at, _)| rest[..at].trim_end_matches(is_blank));
    fields.push(only.filter(|field| !field.contains(is_separator)).unwrap_or(rest));
    fields
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_split_into_fields() {
        let check = |line: &str, count: usize, separators: &str, expected: &[&str]| {
            assert_eq!(split_line(line, count, separators), expected, "{line:?} {separators:?}");
        };
        check("  a  b c ", 1, DEFAULT_SEPARATORS, &["a  b c"]);
        check("  a  b c ", 2, DEFAULT_SEPARATORS, &["a", "b c"]);
        check("a", 3, DEFAULT_SEPARATORS, &["a", "", ""]);
        check("  a ", 1, "", &["  a "]);
        check("a:b:c", 2, ":", &["a", "b:c"]);
        check("a::c", 3, ":", &["a", "", "c"]);
        check("a:b:", 2, ":", &["a", "b"]);
        check("a : b", 2, ": ", &["a", "b"]);
        check("a , b , ", 2, " ,", &["a", "b"]);
        check("a b c ,", 2, " ,", &["a", "b c ,"]);
    }
}
