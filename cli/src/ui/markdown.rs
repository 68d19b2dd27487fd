//! *Markdown* of texts that come from others: they are shown as they are, in GitHub's flavour
//! (<https://github.github.com/gfm/>).

use super::visible::visible;

/// Returns a text as it is shown in a paragraph or a cell of a table, on one line. Of a text longer
/// than `max` characters, the beginning.
pub(crate) fn markdown_text(text: &str, max: usize) -> String {
    let mut escaped = String::with_capacity(text.len());
    let mut chars = text.chars();
    for char in chars.by_ref().take(max) {
        match char {
            '\n' | '\r' | '\t' => escaped.push(' '),
            // Any punctuation of ASCII may be escaped; these have a meaning, or lead to links.
            '\\' | '|' | '`' | '*' | '_' | '[' | ']' | '(' | ')' | '!' | '#' | '~' | '@' | '$'
            | '&' | '<' | '>' => {
                escaped.push('\\');
                escaped.push(char);
            }
            char => escaped.push(char),
        }
    }
    if chars.next().is_some() {
        escaped.push('…');
    }
    // URLs and names of hosts become links by themselves.
    visible(&escaped).replace("://", ":/\\/").replace("www.", "www\\.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_escaped() {
        let check = |text: &str, expected: &str| {
            assert_eq!(markdown_text(text, 20), expected, "{text:?}");
        };
        check("1.2-rc", "1.2-rc");
        check("a|b\nc", "a\\|b c");
        check("<b>&amp;", "\\<b\\>\\&amp;");
        check("![x](y)", "\\!\\[x\\]\\(y\\)");
        check("\u{1b}[0m", "\\u{1b}\\[0m");
        check("www.a", "www\\.a");
        check("https://a:1", "https:/\\/a:1");
        check("ääääääääääääääääääääz", "ääääääääääääääääääää…");
    }
}
