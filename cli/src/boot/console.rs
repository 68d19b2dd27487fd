//! The *console* is the output of a machine's first serial line. It is searched without the
//! sequences that move a cursor, and only its end is kept.

use regex::bytes::{Regex, RegexBuilder};

/// Minimum length of the kept text, in bytes.
const KEPT: usize = 64 << 10;

/// Maximum length of a line in messages, in characters.
const LINE_MAX: usize = 200;

/// Parses the regular expression that the console has to match.
pub(super) fn parse_expect(text: &str) -> Result<Regex, String> {
    let regex = RegexBuilder::new(text).multi_line(true).build();
    regex.map_err(|error| error.to_string())
}

/// The end of the console's output, as text.
#[derive(Debug, Default)]
pub(super) struct Console {
    text: Vec<u8>,
    state: EscapeState,
}

/// State of the parser of escape sequences (ECMA-48).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum EscapeState {
    #[default]
    Text,
    /// After ESC.
    Escape,
    /// After ESC and intermediate bytes, such as those that select a character set.
    Intermediate,
    /// After ESC `[`.
    Control,
    /// In a string that BEL or ESC `\` ends, such as a window title.
    String,
    /// In such a string, after ESC.
    StringEscape,
}

const ESCAPE: u8 = 0x1b;
const BELL: u8 = 7;

impl Console {
    /// Adds output of the console.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.step(*byte);
        }
        if self.text.len() > 2 * KEPT {
            self.text.drain(..self.text.len() - KEPT);
        }
    }

    fn step(&mut self, byte: u8) {
        self.state = match (self.state, byte) {
            (EscapeState::String, ESCAPE) => EscapeState::StringEscape,
            (_, ESCAPE) => EscapeState::Escape,
            (EscapeState::Text, _) => {
                self.write(byte);
                EscapeState::Text
            }
            (EscapeState::Escape, b']' | b'P' | b'X' | b'^' | b'_') => EscapeState::String,
            (EscapeState::Escape | EscapeState::Intermediate, 0x20..=0x2f) => {
                EscapeState::Intermediate
            }
            (EscapeState::Escape, b'[') | (EscapeState::Control, 0x20..=0x3f) => {
                EscapeState::Control
            }
            (EscapeState::String, byte) if byte != BELL => EscapeState::String,
            _ => EscapeState::Text,
        };
    }

    fn write(&mut self, byte: u8) {
        match byte {
            b'\n' | b'\t' | 0x20..=0x7e | 0x80.. => self.text.push(byte),
            _ => {}
        }
    }

    /// Returns the line with the first match, if there is any.
    pub(super) fn find(&self, expected: &Regex) -> Option<String> {
        let found = expected.find(&self.text)?;
        let start = self.text[..found.start()].rsplit(|&byte| byte == b'\n').next()?;
        let rest = self.text[found.start()..].split(|&byte| byte == b'\n').next()?;
        Some(printable_line(&[start, rest].concat()))
    }

    /// Returns the last lines that are not empty.
    pub(super) fn tail(&self, lines: usize) -> Vec<String> {
        let all = self.text.split(|&byte| byte == b'\n').map(printable_line);
        let all: Vec<String> = all.filter(|line| !line.is_empty()).collect();
        all[all.len().saturating_sub(lines)..].to_vec()
    }
}

fn printable_line(line: &[u8]) -> String {
    let line = String::from_utf8_lossy(line);
    line.trim().chars().filter(|char| !char.is_control()).take(LINE_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn console(text: &[u8]) -> Console {
        let mut console = Console::default();
        // Byte by byte, as from a serial line.
        text.chunks(1).for_each(|byte| console.push(byte));
        console
    }

    #[test]
    fn sequences_are_no_text() {
        let check = |text: &str, expected: &str| {
            assert_eq!(
                String::from_utf8_lossy(&console(text.as_bytes()).text),
                expected,
                "{text:?}"
            );
        };
        check("plain\r\n", "plain\n");
        check("\x1b[2J\x1b[01;01Hlogin: ", "login: ");
        check("lo\x1b[1mgin\x1b[0m:", "login:");
        check("\x1b]0;title\x07a\x1b]2;other\x1b\\b", "ab");
        check("\x1b(Ba\x1b=b\x1b7c", "abc");
        check("\x1b\x1b[1ma", "a");
        check("a\0b\x07c\x08", "abc");
        check("Grüße", "Grüße");
        check("\x1b", "");
        check("\x1b[31", "");
    }

    #[test]
    fn a_match_is_shown_with_its_line() {
        let check = |text: &str, expected: &str, line: Option<&str>| {
            let found = console(text.as_bytes()).find(&parse_expect(expected).unwrap());
            assert_eq!(found.as_deref(), line, "{text:?}");
        };
        check("Debian 12\n\nvm login: ", "login:", Some("vm login:"));
        check("Debian 12\nvm lo", "login:", None);
        check("one\ntwo\nthree", "^two$", Some("two"));
        check("one\ntwo\nthree", "^wo", None);
        check("a\nb\nc", "(?s)a.b", Some("a"));
    }

    #[test]
    fn only_the_end_is_kept() {
        let mut console = Console::default();
        for line in 0..100_000 {
            console.push(format!("line {line}\n").as_bytes());
            assert!(console.text.len() <= 2 * KEPT);
        }
        assert_eq!(console.tail(2), ["line 99998", "line 99999"]);
        assert!(console.tail(1_000_000).len() > 1000);
    }
}
