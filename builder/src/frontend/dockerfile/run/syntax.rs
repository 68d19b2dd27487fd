//! A *script* is what a RUN line says in the language of `sh`: commands, joined by `&&`, `||`, `;`
//! and line ends (POSIX.1-2017, Shell & Utilities 2.9).

use std::ops::Range;

use super::error::RunError;
use super::reader::Reader;
use super::word::{Part, Quoting, Word};

/// Lists that are run one after the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Script(pub(super) Vec<List>);

/// Commands joined by `&&` and `||`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct List(pub(super) Vec<(Join, Command)>);

/// When a command is run, given the status of what was run before it in its list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Join {
    First,
    And,
    Or,
}

/// At least one word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Command {
    pub(super) words: Vec<Word>,
    pub(super) range: Range<usize>,
}

impl Script {
    pub(super) fn parse(text: &str) -> Result<Self, RunError> {
        let mut reader = Reader::new(text);
        let mut lists = Vec::new();
        loop {
            lines(&mut reader);
            if reader.peek().is_none() {
                return Ok(Self(lists));
            }
            lists.push(list(&mut reader)?);
            if let Some(';') = reader.peek() {
                reader.at += 1;
            }
        }
    }
}

fn list(reader: &mut Reader<'_>) -> Result<List, RunError> {
    let mut commands = vec![(Join::First, command(reader)?)];
    loop {
        let join = match reader.peek() {
            None | Some('\n' | ';') => return Ok(List(commands)),
            _ if reader.skip("&&") => Join::And,
            _ if reader.skip("||") => Join::Or,
            Some('|') => return Err(reader.refused("a pipe", 1)),
            Some(_) => return Err(reader.refused("a command in the background", 1)),
        };
        lines(reader);
        commands.push((join, command(reader)?));
    }
}

fn command(reader: &mut Reader<'_>) -> Result<Command, RunError> {
    let start = reader.at;
    let mut words: Vec<Word> = Vec::new();
    loop {
        blanks(reader);
        match reader.peek() {
            None | Some('\n' | ';' | '&' | '|') => break,
            Some(_) => words.push(check(reader.word()?)?),
        }
    }
    let Some(last) = words.last() else {
        let end = reader.at + reader.peek().map_or(0, char::len_utf8);
        return Err(RunError::new("a command is missing", start.min(reader.at)..end));
    };
    let range = words[0].range.start..last.range.end;
    Ok(Command { words, range })
}

/// Refuses words that shells, or the homes of users, make different things of.
fn check(word: Word) -> Result<Word, RunError> {
    let unquoted = |part: &Part| match part {
        Part::Text(text, Quoting::Unquoted) => Some(text.clone()),
        _ => None,
    };
    let first = word.parts.first().and_then(unquoted).unwrap_or_default();
    if first.starts_with('~') || first.contains("=~") || first.contains(":~") {
        let problem = RunError::not_evaluated("`~`", word.range);
        return Err(problem.help("write the directory's path, or quote the tilde"));
    }
    let text: String = word.parts.iter().filter_map(unquoted).collect();
    let inside = text.split_once('{').and_then(|(_, rest)| rest.rsplit_once('}'));
    if inside.is_some_and(|(list, _)| list.contains(',') || list.contains("..")) {
        // bash, which is the `sh` of some images.
        let problem = RunError::not_evaluated("a list in braces", word.range);
        return Err(problem.help("it means several words to some shells and one to others"));
    }
    Ok(word)
}

/// Goes past blanks, continued lines and a comment.
fn blanks(reader: &mut Reader<'_>) {
    while reader.skip(" ") || reader.skip("\t") || reader.skip("\\\n") {}
    if let Some('#') = reader.peek() {
        reader.at += reader.rest().find('\n').unwrap_or(reader.rest().len());
    }
}

/// Goes past what may stand in front of a command.
fn lines(reader: &mut Reader<'_>) {
    blanks(reader);
    while reader.skip("\n") {
        blanks(reader);
    }
}
