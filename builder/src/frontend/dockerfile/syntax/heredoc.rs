//! *Here-documents*: files whose content is in the Dockerfile itself, after the instruction
//! (<https://docs.docker.com/reference/dockerfile/#here-documents>).

use super::words::LineWord;

/// A here-document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Heredoc {
    /// Word that ends it; in an image it is the name of the file.
    pub(crate) name: String,
    /// Content, with a line end after each line.
    pub(crate) content: String,
    /// Whether variables are replaced.
    pub(crate) expansion: HeredocExpansion,
    tabs: Tabs,
}

/// What happens to variables in a here-document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HeredocExpansion {
    /// They are replaced.
    Yes,
    /// They stay: the word is quoted.
    No,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tabs {
    Kept,
    /// Those at the start of each line are removed: `<<-`.
    Cut,
}

impl Heredoc {
    /// Parses a word like `<<EOF`, `<<-EOF` or `<<"EOF"`.
    pub(super) fn parse(word: &LineWord) -> Option<Self> {
        let rest = word.text.trim_start_matches(|c: char| c.is_ascii_digit()).strip_prefix("<<")?;
        let (tabs, rest) = match rest.strip_prefix('-') {
            Some(rest) => (Tabs::Cut, rest),
            None => (Tabs::Kept, rest),
        };
        let name: String = unquote(rest)?;
        if name.is_empty() || rest.contains('<') {
            return None;
        }
        let expansion = if name == rest { HeredocExpansion::Yes } else { HeredocExpansion::No };
        Some(Self { name, content: String::new(), expansion, tabs })
    }

    /// Adds a line; returns whether it was the last.
    pub(super) fn push_line(&mut self, line: &str) -> bool {
        let line = match self.tabs {
            Tabs::Kept => line,
            Tabs::Cut => line.trim_start_matches('\t'),
        };
        if line == self.name {
            return true;
        }
        self.content.push_str(line);
        self.content.push('\n');
        false
    }
}

/// Removes quotes and escapes; returns `None` if a quote is not closed.
fn unquote(text: &str) -> Option<String> {
    let mut name = String::new();
    let mut quote = None;
    let mut characters = text.chars();
    while let Some(c) = characters.next() {
        match (quote, c) {
            (None, '\'' | '"') => quote = Some(c),
            (Some(open), c) if open == c => quote = None,
            (None | Some('"'), '\\') => name.push(characters.next()?),
            _ => name.push(c),
        }
    }
    quote.is_none().then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_begin_documents() {
        let check = |text: &str, expected: Option<(&str, HeredocExpansion, Tabs)>| {
            let word = LineWord { text: text.into(), range: 0..0 };
            let found = Heredoc::parse(&word);
            let found = found.as_ref().map(|found| (&*found.name, found.expansion, found.tabs));
            assert_eq!(found, expected, "{text}");
        };
        check("<<EOF", Some(("EOF", HeredocExpansion::Yes, Tabs::Kept)));
        check("<<-EOF", Some(("EOF", HeredocExpansion::Yes, Tabs::Cut)));
        check("3<<EOF", Some(("EOF", HeredocExpansion::Yes, Tabs::Kept)));
        check("<<'EOF'", Some(("EOF", HeredocExpansion::No, Tabs::Kept)));
        check("<<\"E\"OF", Some(("EOF", HeredocExpansion::No, Tabs::Kept)));
        check("<<\\EOF", Some(("EOF", HeredocExpansion::No, Tabs::Kept)));
        check("<<\"a b.txt\"", Some(("a b.txt", HeredocExpansion::No, Tabs::Kept)));
        check("<<", None);
        check("<<''", None);
        check("<<<EOF", None);
        check("<<'EOF", None);
        check("a<<EOF", None);
        check("<EOF", None);
    }

    #[test]
    fn a_document_ends_with_its_word() {
        let check = |word: &str, lines: &[&str], expected: &str| {
            let mut document =
                Heredoc::parse(&LineWord { text: word.into(), range: 0..0 }).unwrap();
            let ends: Vec<bool> = lines.iter().map(|line| document.push_line(line)).collect();
            assert_eq!(ends.iter().position(|end| *end), Some(lines.len() - 1), "{word}");
            assert_eq!(document.content, expected);
        };
        check("<<E", &["a", "", "\tE", " b", "E"], "a\n\n\tE\n b\n");
        check("<<-E", &["\t\ta", "b\tc", "\tE"], "a\nb\tc\n");
        check("<<E", &["E"], "");
    }
}
