//! *Edits* a text line by line.

use super::super::super::budget::WorkBudget;
use super::super::super::content::TEXT_MAX;
use super::super::super::status::CommandRefusal;
use super::regex::Regex;
use super::script::{SedAction, SedAddress, SedCommand, SedLine};

/// Work that a command counts for on each line, in bytes.
const COMMAND_COST: usize = 16;

/// Returns a text after the commands of a script. A last line without a line end keeps none.
pub(super) fn edit_text(
    text: &[u8],
    commands: &[SedCommand],
    budget: &WorkBudget,
) -> Result<Vec<u8>, CommandRefusal> {
    let refused = |message: &str| CommandRefusal::new(message.to_owned());
    if text.contains(&0) {
        return Err(refused("`sed` is evaluated for texts, and this file has NUL bytes"));
    }
    let mut output = Vec::new();
    let lines: Vec<&[u8]> = text.split_inclusive(|byte| *byte == b'\n').collect();
    for (number, line) in lines.iter().enumerate() {
        let body = line.strip_suffix(b"\n").unwrap_or(line);
        let is_last = number + 1 == lines.len();
        if let Some(edited) = edit_line(body, (number + 1, is_last), commands, budget)? {
            output.extend_from_slice(&edited);
            output.extend_from_slice(&line[body.len()..]);
        }
        if output.len() > TEXT_MAX {
            return Err(refused("`sed` is evaluated for small texts only"));
        }
    }
    Ok(output)
}

/// Returns a line after the commands of a script; `None` if it is deleted.
fn edit_line(
    line: &[u8],
    position: (usize, bool),
    commands: &[SedCommand],
    budget: &WorkBudget,
) -> Result<Option<Vec<u8>>, CommandRefusal> {
    let exhausted =
        |problem: super::super::super::budget::Exhausted| CommandRefusal::new(problem.to_string());
    let mut line = line.to_vec();
    for command in commands {
        budget.spend(COMMAND_COST + line.len()).map_err(exhausted)?;
        let is_meant = match &command.address {
            SedAddress::All => true,
            SedAddress::Line(own) => own.is_at(position),
            SedAddress::Lines(first, last) => is_between(*first, *last, position),
            SedAddress::Pattern(regex) => {
                check_locale(regex, &line)?;
                regex.find(&line, 0, budget).map_err(exhausted)?.is_some()
            }
        };
        if is_meant == command.is_negated {
            continue;
        }
        match &command.action {
            SedAction::Delete => return Ok(None),
            SedAction::Substitute(substitution) => {
                check_locale(&substitution.regex, &line)?;
                line = substitution.apply(&line, budget).map_err(exhausted)?;
            }
        }
    }
    Ok(Some(line))
}

impl SedLine {
    fn is_at(self, (number, is_last): (usize, bool)) -> bool {
        match self {
            Self::Number(own) => own == number,
            Self::Last => is_last,
        }
    }
}

/// Returns whether a line is in a range; one that ends before it starts has one line.
fn is_between(first: SedLine, last: SedLine, position: (usize, bool)) -> bool {
    let (number, _) = position;
    match (first, last) {
        (SedLine::Last, _) => first.is_at(position),
        (SedLine::Number(first), SedLine::Number(last)) => {
            number == first || (first..=last).contains(&number)
        }
        (SedLine::Number(first), SedLine::Last) => number >= first,
    }
}

/// Refuses a line with characters of several bytes where it matters what a character is.
fn check_locale(regex: &Regex, line: &[u8]) -> Result<(), CommandRefusal> {
    // A line that an earlier `s` made of several is no line to `.`, `^` and `$`.
    if line.contains(&b'\n') {
        let message = "`sed` is evaluated without commands behind one that adds a line end";
        return Err(CommandRefusal::new(message));
    }
    if !regex.depends_on_locale || line.is_ascii() {
        return Ok(());
    }
    let message = "`.` and `[^…]` of `sed` are evaluated for lines of ASCII characters: with others \
                   the result depends on the locale";
    Err(CommandRefusal::new(message))
}
