//! `s` of `sed` replaces what an expression matches.

use super::super::super::budget::{Exhausted, WorkBudget};
use super::regex::Regex;

/// What `s` does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Substitution {
    pub(super) regex: Regex,
    pub(super) pieces: Vec<ReplacementPiece>,
    /// Whether every match of a line is replaced, and not the first alone.
    pub(super) is_global: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ReplacementPiece {
    Text(Vec<u8>),
    /// What the group with this number matched; 0 is the whole match.
    Group(usize),
}

/// Parses a replacement for an expression with a number of groups; the error says what is not
/// evaluated.
pub(super) fn parse_replacement(
    text: &str,
    groups: usize,
) -> Result<Vec<ReplacementPiece>, String> {
    let mut pieces = Vec::new();
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        let literal = match letter {
            '&' => {
                pieces.push(ReplacementPiece::Group(0));
                continue;
            }
            '\\' => match letters.next() {
                Some(digit @ '0'..='9') => {
                    let group = usize::try_from(u32::from(digit) - u32::from('0'));
                    let group = group.unwrap_or_default();
                    if group > groups || digit == '0' {
                        return Err(format!("`\\{digit}` without such a group"));
                    }
                    pieces.push(ReplacementPiece::Group(group));
                    continue;
                }
                Some('n' | '\n') => '\n',
                Some(next) if next.is_ascii_punctuation() || next == ' ' => next,
                next => {
                    let shown = next.map_or(String::new(), |next| next.escape_debug().to_string());
                    return Err(format!("`\\{shown}` in a replacement"));
                }
            },
            letter => letter,
        };
        let bytes = literal.encode_utf8(&mut [0; 4]).as_bytes().to_vec();
        match pieces.last_mut() {
            Some(ReplacementPiece::Text(text)) => text.extend(bytes),
            _ => pieces.push(ReplacementPiece::Text(bytes)),
        }
    }
    Ok(pieces)
}

impl Substitution {
    /// Returns a line with its matches replaced.
    pub(super) fn apply(&self, line: &[u8], budget: &WorkBudget) -> Result<Vec<u8>, Exhausted> {
        let mut output = Vec::new();
        let (mut copied, mut from, mut last_end) = (0, 0, None);
        while from <= line.len() {
            let Some(found) = self.regex.find(line, from, budget)? else { break };
            let (start, end) = found.first().copied().unwrap_or((from, from));
            // Nothing, right behind a match, is no match of its own.
            if start < end || last_end != Some(start) {
                output.extend_from_slice(&line[copied..start]);
                for piece in &self.pieces {
                    output.extend_from_slice(match piece {
                        ReplacementPiece::Text(text) => text,
                        ReplacementPiece::Group(group) => {
                            found.get(*group).map_or(&[][..], |(start, end)| &line[*start..*end])
                        }
                    });
                }
                copied = end;
                budget.spend(output.len() / 64 + self.pieces.len())?;
            }
            if !self.is_global {
                break;
            }
            last_end = Some(end);
            from = if start == end { end + 1 } else { end };
        }
        output.extend_from_slice(&line[copied.min(line.len())..]);
        budget.spend(output.len())?;
        Ok(output)
    }
}
