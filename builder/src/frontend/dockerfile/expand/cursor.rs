//! A *cursor* is the part of a text that is still to be read.

pub(super) struct Cursor<'t>(&'t str);

impl<'t> Cursor<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self(text)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Takes a name: a shell's special parameter, a number, or letters, digits and `_`. It is
    /// empty if there is none.
    pub(super) fn take_name(&mut self) -> &'t str {
        let Some(first) = self.peek() else { return "" };
        let length = if first.is_numeric() {
            self.0.find(|c: char| !c.is_numeric())
        } else if "@*#?-$!".contains(first) {
            Some(first.len_utf8())
        } else {
            self.0.find(|c: char| !c.is_alphanumeric() && c != '_')
        };
        let (name, rest) = self.0.split_at(length.unwrap_or(self.0.len()));
        self.0 = rest;
        name
    }

    pub(super) fn peek(&self) -> Option<char> {
        self.0.chars().next()
    }

    pub(super) fn next(&mut self) -> Option<char> {
        let next = self.peek()?;
        self.0 = &self.0[next.len_utf8()..];
        Some(next)
    }

    /// Takes the next character as a text, which is empty at the end.
    pub(super) fn take_character(&mut self) -> &'t str {
        let (character, rest) = self.0.split_at(self.peek().map_or(0, char::len_utf8));
        self.0 = rest;
        character
    }

    /// Takes the text before `end`, and skips `end`. Returns `None` if `end` does not follow.
    pub(super) fn take_until(&mut self, end: char) -> Option<&'t str> {
        let (inside, rest) = self.0.split_once(end)?;
        self.0 = rest;
        Some(inside)
    }

    /// Skips `wanted` if it is next; returns whether it was.
    pub(super) fn take_if(&mut self, wanted: char) -> bool {
        let rest = self.0.strip_prefix(wanted);
        self.0 = rest.unwrap_or(self.0);
        rest.is_some()
    }
}
