//! A *script* is a RUN line in the language of `sh`: commands, joined by `&&`, `||`, `;` and line
//! ends (POSIX.1-2017, Shell & Utilities 2.9).

use std::ops::Range;

use super::error::RunError;
use super::reader::ShellReader;
use super::word::{Quoting, ShellWord, WordPart};

/// Lists that are run one after the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Script(pub(super) Vec<CommandList>);

/// Commands joined by `&&` and `||`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct CommandList(pub(super) Vec<(ListOperator, ShellCommand)>);

/// When a command is run, given the status of what was run before it in its list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ListOperator {
    First,
    And,
    Or,
}

/// A command of at least one word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ShellCommand {
    pub(super) words: Vec<ShellWord>,
    pub(super) range: Range<usize>,
}

impl Script {
    pub(super) fn parse(text: &str) -> Result<Self, RunError> {
        let mut reader = ShellReader::new(text);
        let mut lists = Vec::new();
        loop {
            skip_lines(&mut reader);
            if reader.peek().is_none() {
                return Ok(Self(lists));
            }
            lists.push(read_list(&mut reader)?);
            if let Some(';') = reader.peek() {
                reader.at += 1;
            }
        }
    }
}

fn read_list(reader: &mut ShellReader<'_>) -> Result<CommandList, RunError> {
    let mut commands = vec![(ListOperator::First, read_command(reader)?)];
    loop {
        let join = match reader.peek() {
            None | Some('\n' | ';') => return Ok(CommandList(commands)),
            _ if reader.skip("&&") => ListOperator::And,
            _ if reader.skip("||") => ListOperator::Or,
            Some('|') => return Err(reader.not_evaluated("a pipe", 1)),
            Some(_) => return Err(reader.not_evaluated("a command in the background", 1)),
        };
        skip_lines(reader);
        commands.push((join, read_command(reader)?));
    }
}

fn read_command(reader: &mut ShellReader<'_>) -> Result<ShellCommand, RunError> {
    let start = reader.at;
    let mut words: Vec<ShellWord> = Vec::new();
    loop {
        skip_blanks(reader);
        match reader.peek() {
            None | Some('\n' | ';' | '&' | '|') => break,
            Some(_) => words.push(check_word(reader.read_word()?)?),
        }
    }
    let Some(last) = words.last() else {
        let end = reader.at + reader.peek().map_or(0, char::len_utf8);
        return Err(RunError::new("a command is missing", start.min(reader.at)..end));
    };
    let range = words[0].range.start..last.range.end;
    Ok(ShellCommand { words, range })
}

/// Refuses words whose expansion depends on the shell, or on the homes of users.
fn check_word(word: ShellWord) -> Result<ShellWord, RunError> {
    let unquoted = |part: &WordPart| match part {
        WordPart::Text(text, Quoting::Unquoted) => Some(text.clone()),
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

/// Skips blanks, continued lines and a comment.
fn skip_blanks(reader: &mut ShellReader<'_>) {
    while reader.skip(" ") || reader.skip("\t") || reader.skip("\\\n") {}
    if let Some('#') = reader.peek() {
        reader.at += reader.rest().find('\n').unwrap_or(reader.rest().len());
    }
}

/// Skips line ends and blanks before a command.
fn skip_lines(reader: &mut ShellReader<'_>) {
    skip_blanks(reader);
    while reader.skip("\n") {
        skip_blanks(reader);
    }
}
