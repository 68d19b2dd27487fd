//! An *expanded* text, with the positions of the spaces that separate its words.

use std::ops::Range;

#[derive(Default)]
pub(super) struct ExpandedText {
    text: String,
    spaces: Vec<Range<usize>>,
}

impl ExpandedText {
    /// Returns the text as one word.
    pub(super) fn into_text(self) -> String {
        self.text
    }

    /// Returns the words that are not empty.
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

    /// Adds a value that was substituted outside of quotes.
    pub(super) fn push_value(&mut self, value: &str) {
        for character in value.chars() {
            self.push(character);
        }
    }

    /// Adds text whose spaces do not separate words.
    pub(super) fn push_quoted(&mut self, text: &str) {
        self.text.push_str(text);
    }
}
