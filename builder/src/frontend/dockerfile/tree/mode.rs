//! A *mode change* is the argument of `chmod`: an octal number or `u=rwX,go=rX`, with the rules of
//! GNU coreutils ("File permissions" in its manual).

use thiserror::Error;

/// The umask of every builder's processes: the bits that group and others do not get.
pub(crate) const UMASK: u32 = 0o022;

/// All bits that a mode has.
const ALL: u32 = 0o7777;
const SET_IDS: u32 = 0o6000;
/// One bit of each of user, group and others.
const EXECUTE: u32 = 0o111;

/// What the changed mode belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ModeSubject {
    /// A file: `X` is `x` if any execute bit is set.
    File,
    /// A directory: `X` is `x`, and set-user-ID and set-group-ID stay unless they are named.
    Directory,
}

/// A text that is not a mode.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("invalid mode: `{0}`")]
pub(crate) struct ModeError(pub String);

/// A change of a mode.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ModeChange {
    clauses: Vec<ModeClause>,
    octal: Option<u32>,
}

/// One operator with its operands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct ModeClause {
    /// Bits of the named classes; 0 if none is named.
    who: u32,
    operator: ModeOperator,
    value: ModeValue,
    /// The set-user-ID and set-group-ID bits that the clause names: others stay on directories.
    named: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ModeOperator {
    Set,
    Add,
    Remove,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ModeValue {
    Bits(u32),
    /// Bits, and the execute bits if the rule of `X` applies.
    WithX(u32),
    /// The permissions of the class with these bits.
    CopyOf(u32),
}

impl ModeChange {
    /// Parses an octal or symbolic mode.
    pub(crate) fn parse(text: &str) -> Result<Self, ModeError> {
        let wrong = || ModeError(text.to_owned());
        if text.starts_with(|first: char| first.is_ascii_digit()) {
            let bits = parse_octal(text).ok_or_else(wrong)?;
            let named = if text.len() < 5 { bits } else { ALL };
            let value = ModeValue::Bits(bits);
            let clause = ModeClause { who: ALL, operator: ModeOperator::Set, value, named };
            return Ok(Self { clauses: vec![clause], octal: Some(bits) });
        }
        let mut clauses = Vec::new();
        for part in text.split(',') {
            parse_clauses(part, &mut clauses).ok_or_else(wrong)?;
        }
        Ok(Self { clauses, octal: None })
    }

    /// Returns the mode if it was given as a number.
    pub(crate) fn octal(&self) -> Option<u32> {
        self.octal
    }

    /// Returns the changed `mode`. Where no class is named, the bits of `umask` stay.
    pub(crate) fn apply(&self, mode: u32, subject: ModeSubject, umask: u32) -> u32 {
        self.adjust(mode, subject, umask).0
    }

    /// Returns the changed `mode`, and the bits that were set or cleared, whatever their value was.
    pub(crate) fn adjust(&self, mode: u32, subject: ModeSubject, umask: u32) -> (u32, u32) {
        self.clauses.iter().fold((mode & ALL, 0), |(bits, all), clause| {
            let (bits, changed) = clause.adjust(bits, subject, umask);
            (bits, all | changed)
        })
    }
}

impl ModeClause {
    fn adjust(self, mode: u32, subject: ModeSubject, umask: u32) -> (u32, u32) {
        let kept = match subject {
            ModeSubject::File => 0,
            ModeSubject::Directory => SET_IDS & !self.named,
        };
        let who = if self.who == 0 { !umask } else { self.who };
        let value = self.value.bits(mode, subject) & who & !kept & ALL;
        match self.operator {
            // With no class named all bits are set anew; the umask only limits those that are
            // given.
            ModeOperator::Set => {
                let changed = if self.who == 0 { ALL } else { self.who } & !kept;
                (mode & !changed | value, changed)
            }
            ModeOperator::Add => (mode | value, value),
            ModeOperator::Remove => (mode & !value, value),
        }
    }
}

impl ModeValue {
    fn bits(self, mode: u32, subject: ModeSubject) -> u32 {
        match self {
            Self::WithX(bits) if subject == ModeSubject::Directory || mode & EXECUTE != 0 => {
                bits | EXECUTE
            }
            Self::Bits(bits) | Self::WithX(bits) => bits,
            Self::CopyOf(class) => {
                let has = |kind: u32| if mode & class & kind != 0 { kind } else { 0 };
                has(0o444) | has(0o222) | has(EXECUTE)
            }
        }
    }
}

fn parse_octal(text: &str) -> Option<u32> {
    u32::from_str_radix(text, 8).ok().filter(|bits| *bits <= ALL)
}

/// Parses `[ugoa]*` and then, once or more, an operator and its operand.
fn parse_clauses(part: &str, clauses: &mut Vec<ModeClause>) -> Option<()> {
    let mut rest = part.trim_start_matches(['u', 'g', 'o', 'a']);
    let named = &part[..part.len() - rest.len()];
    let who = named.chars().fold(0, |who, class| who | class_bits(class));
    loop {
        let operator = match rest.chars().next()? {
            '=' => ModeOperator::Set,
            '+' => ModeOperator::Add,
            '-' => ModeOperator::Remove,
            _ => return None,
        };
        let end = rest[1..].find(['=', '+', '-']).map_or(rest.len(), |end| end + 1);
        clauses.push(parse_operation(who, operator, &rest[1..end])?);
        rest = &rest[end..];
        if rest.is_empty() {
            return Some(());
        }
    }
}

fn parse_operation(who: u32, operator: ModeOperator, text: &str) -> Option<ModeClause> {
    if text.starts_with(|first: char| first.is_ascii_digit()) {
        let value = ModeValue::Bits(parse_octal(text).filter(|_| who == 0)?);
        return Some(ModeClause { who: ALL, operator, value, named: ALL });
    }
    if let "u" | "g" | "o" = text {
        let class = text.chars().fold(0, |_, class| class_bits(class) & 0o777);
        return Some(ModeClause { who, operator, value: ModeValue::CopyOf(class), named: 0 });
    }
    let bits =
        text.chars().try_fold(0, |bits, permission| Some(bits | permission_bits(permission)?))?;
    let value = if text.contains('X') { ModeValue::WithX(bits) } else { ModeValue::Bits(bits) };
    let named = if who == 0 { bits } else { bits & who };
    Some(ModeClause { who, operator, value, named })
}

fn class_bits(class: char) -> u32 {
    match class {
        'u' => 0o4700,
        'g' => 0o2070,
        'o' => 0o1007,
        _ => ALL,
    }
}

fn permission_bits(permission: char) -> Option<u32> {
    match permission {
        'r' => Some(0o444),
        'w' => Some(0o222),
        'x' => Some(EXECUTE),
        'X' => Some(0),
        's' => Some(SET_IDS),
        't' => Some(0o1000),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, subject: ModeSubject, before: u32, expected: u32) {
        let change = ModeChange::parse(text).unwrap();
        let found = change.apply(before, subject, UMASK);
        assert_eq!(found, expected, "{text} of {before:o}: {found:o}, not {expected:o}");
    }

    #[test]
    fn modes_as_chmod_understands_them() {
        use ModeSubject::{Directory, File};
        check("644", File, 0o777, 0o644);
        check("0", File, 0o777, 0);
        check("7777", File, 0, 0o7777);
        check("755", File, 0o6711, 0o755);
        check("755", Directory, 0o6711, 0o6755);
        check("0755", Directory, 0o2711, 0o2755);
        check("00755", Directory, 0o6711, 0o755);
        check("2755", Directory, 0o711, 0o2755);
        check("u=rwX,go=rX", File, 0o600, 0o644);
        check("u=rwX,go=rX", File, 0o700, 0o755);
        check("u=rwX,go=rX", Directory, 0o600, 0o755);
        check("+x", File, 0o644, 0o755);
        check("+w", File, 0o444, 0o644);
        check("a+w", File, 0o444, 0o666);
        check("-w", File, 0o666, 0o466);
        check("a-w", File, 0o666, 0o444);
        check("g=u", File, 0o640, 0o660);
        check("o=u-w", File, 0o640, 0o644);
        check("go=", File, 0o777, 0o700);
        check("=", File, 0o4777, 0);
        check("=", Directory, 0o6777, 0o6000);
        check("=r", File, 0o777, 0o444);
        check("u+s", File, 0o755, 0o4755);
        check("g+s", Directory, 0o755, 0o2755);
        check("u-s", Directory, 0o6755, 0o2755);
        check("u=rwx", Directory, 0o4700, 0o4700);
        check("u=rwxs", File, 0, 0o4700);
        check("g=s", File, 0o070, 0o2000);
        check("+t", Directory, 0o777, 0o1777);
        check("o-t", Directory, 0o1777, 0o777);
        check("u+t", Directory, 0o777, 0o777);
        check("u+x,g+x", File, 0o600, 0o710);
        check("u+rw-x", File, 0o100, 0o600);
        check("=755", Directory, 0o6000, 0o755);
        check("+111", File, 0o644, 0o755);
        check("u+", File, 0o644, 0o644);
    }

    #[test]
    fn what_is_no_mode_is_refused() {
        for text in ["", "8", "77777", "0x7", "x", "u", "u=rwx,", ",", "u+z", "u=7", "+ug", "=758"]
        {
            assert_eq!(ModeChange::parse(text), Err(ModeError(text.into())), "{text}");
        }
        assert_eq!(ModeError("x".into()).to_string(), "invalid mode: `x`");
    }

    #[test]
    fn an_octal_number_is_told() {
        let check = |text, expected| {
            assert_eq!(ModeChange::parse(text).unwrap().octal(), expected, "{text}");
        };
        check("644", Some(0o644));
        check("07777", Some(0o7777));
        check("a=rw", None);
        check("u+x", None);
    }
}
