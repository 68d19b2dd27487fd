//! The *script* of `sed`: commands with addresses.

use super::super::super::status::CommandRefusal;
use super::regex::{Regex, RegexSyntax};
use super::substitution::{Substitution, parse_replacement};

/// Characters that can separate the parts of `s`.
const SEPARATORS: &str = "/,#:@!;%=~_|+";

/// Separators that mean something in a regular expression, so that programs disagree about one
/// behind a backslash.
const SPECIAL_SEPARATORS: &str = "|+";

/// A command with its address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SedCommand {
    pub(super) address: SedAddress,
    /// `!` behind the address.
    pub(super) is_negated: bool,
    pub(super) action: SedAction,
}

/// The lines that a command is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum SedAddress {
    All,
    /// One line.
    Line(SedLine),
    /// A line and those behind it, up to another.
    Lines(SedLine, SedLine),
    Pattern(Regex),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SedLine {
    /// Number, from 1.
    Number(usize),
    /// `$`
    Last,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum SedAction {
    Delete,
    Substitute(Substitution),
}

/// Parses a script.
pub(super) fn parse_script(
    script: &str,
    syntax: RegexSyntax,
) -> Result<Vec<SedCommand>, CommandRefusal> {
    let mut parser = ScriptParser { rest: script, syntax };
    let commands = parser.read_commands();
    commands.map_err(|what| {
        CommandRefusal::new(format!("{what} in the script of `sed` is not evaluated")).help(
            "`s/…/…/`, `s/…/…/g` and `d` are evaluated, with a number, `$`, a range of them or \
             `/…/` in front; for anything else COPY the edited file",
        )
    })
}

struct ScriptParser<'t> {
    rest: &'t str,
    syntax: RegexSyntax,
}

impl ScriptParser<'_> {
    fn read_commands(&mut self) -> Result<Vec<SedCommand>, String> {
        let mut commands = Vec::new();
        loop {
            self.rest = self.rest.trim_start_matches([' ', '\t', '\n', ';']);
            if self.rest.is_empty() {
                return Ok(commands);
            }
            let address = self.read_address()?;
            let is_negated = self.skip('!');
            self.skip_blanks();
            let action = match self.next() {
                Some('d') => SedAction::Delete,
                Some('s') => SedAction::Substitute(self.read_substitution()?),
                Some(other) => return Err(format!("`{}`", other.escape_debug())),
                None => return Err("an address without a command".into()),
            };
            self.skip_blanks();
            if !(self.rest.is_empty() || self.rest.starts_with([';', '\n'])) {
                let next = self.rest.chars().next().unwrap_or_default();
                return Err(format!("`{}` behind a command", next.escape_debug()));
            }
            commands.push(SedCommand { address, is_negated, action });
        }
    }

    fn next(&mut self) -> Option<char> {
        let next = self.rest.chars().next()?;
        self.rest = &self.rest[next.len_utf8()..];
        Some(next)
    }

    fn skip(&mut self, letter: char) -> bool {
        let rest = self.rest.strip_prefix(letter);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn skip_blanks(&mut self) {
        self.rest = self.rest.trim_start_matches([' ', '\t']);
    }

    fn read_address(&mut self) -> Result<SedAddress, String> {
        if self.skip('/') {
            let pattern = Regex::parse(&self.read_part('/')?, self.syntax)?;
            self.skip_blanks();
            return if self.rest.starts_with(',') {
                Err("a range from a pattern".into())
            } else {
                Ok(SedAddress::Pattern(pattern))
            };
        }
        let Some(first) = self.read_line()? else { return Ok(SedAddress::All) };
        self.skip_blanks();
        if !self.skip(',') {
            return Ok(SedAddress::Line(first));
        }
        self.skip_blanks();
        let last = self.read_line()?.ok_or("this end of a range")?;
        self.skip_blanks();
        Ok(SedAddress::Lines(first, last))
    }

    fn read_line(&mut self) -> Result<Option<SedLine>, String> {
        if self.skip('$') {
            return Ok(Some(SedLine::Last));
        }
        let end = self.rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(self.rest.len());
        let (digits, rest) = self.rest.split_at(end);
        if digits.is_empty() {
            return Ok(None);
        }
        self.rest = rest;
        let number = digits.parse().ok().filter(|number| *number > 0);
        let number = number.ok_or_else(|| format!("the line `{digits}`"))?;
        if self.rest.starts_with('~') {
            return Err("a step of lines".into());
        }
        Ok(Some(SedLine::Number(number)))
    }

    fn read_substitution(&mut self) -> Result<Substitution, String> {
        let separator = self.next().filter(|letter| SEPARATORS.contains(*letter));
        let separator = separator.ok_or("this separator of `s`")?;
        let pattern = self.read_part(separator)?;
        let regex = Regex::parse(&pattern, self.syntax)?;
        let replacement = self.read_part(separator)?;
        let pieces = parse_replacement(&replacement, regex.groups)?;
        let is_global = self.skip('g');
        if self.rest.starts_with(|c: char| c.is_ascii_alphanumeric()) {
            let flag = self.rest.chars().next().unwrap_or_default();
            return Err(format!("the flag `{flag}` of `s`"));
        }
        Ok(Substitution { regex, pieces, is_global })
    }

    /// Reads up to a separator; one behind a backslash is part of the text.
    fn read_part(&mut self, separator: char) -> Result<String, String> {
        let mut part = String::new();
        loop {
            match self.next().ok_or("a part of a command that does not end")? {
                next if next == separator => return Ok(part),
                '\\' => match self.next().ok_or("a backslash at the end")? {
                    next if next == separator && SPECIAL_SEPARATORS.contains(next) => {
                        return Err(format!("`\\{next}` where `{next}` is the separator"));
                    }
                    next if next == separator => part.push(next),
                    next => part.extend(['\\', next]),
                },
                '\n' => return Err("a line end inside of a command".into()),
                next => part.push(next),
            }
        }
    }
}
