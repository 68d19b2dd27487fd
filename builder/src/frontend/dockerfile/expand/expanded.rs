//! An *expanded* text, with the places of the spaces in it that divide words.

use std::ops::Range;

#[derive(Default)]
pub(super) struct Expanded {
    text: String,
    spaces: Vec<Range<usize>>,
}

impl Expanded {
    /// Returns all of it, as one word.
    pub(super) fn into_text(self) -> String {
        self.text
    }

    /// Returns the words in it that are not empty.
    pub(super) fn words(&self) -> Vec<String> {
        let mut words = Vec::new();
        let mut start = 0;
        for space in &self.spaces {
            words.push(&self.text[start..space.start]);
            start = space.end;
        }
        words.push(&self.text[start..]);
        words.into_iter().filter(|word| !word.is_empty()).map(str::to_owned).collect()
    }

    /// Adds a character that is neither quoted nor escaped.
    pub(super) fn push(&mut self, character: char) {
        let start = self.text.len();
        self.text.push(character);
        if character.is_whitespace() {
            self.spaces.push(start..self.text.len());
        }
    }

    /// Adds what was substituted outside of quotes.
    pub(super) fn push_value(&mut self, value: &str) {
        for character in value.chars() {
            self.push(character);
        }
    }

    /// Adds what does not divide words.
    pub(super) fn push_quoted(&mut self, text: &str) {
        self.text.push_str(text);
    }
}
