//! *Options* of a command, as GNU's `getopt_long` finds them: anywhere among the operands, short
//! ones together, long ones abbreviated.

use std::slice::Iter;

use super::status::CommandRefusal;

/// An option: its letters, its long name, and whether a value follows.
pub(super) type KnownOption = (&'static str, &'static str, OptionValue);

/// Whether a value follows an option.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OptionValue {
    Nothing,
    Value,
}

/// Arguments of a command, separated into options and operands.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct CommandArguments {
    /// Options by long name, with their values, and the number of operands in front of each.
    options: Vec<(&'static str, String, usize)>,
    pub(super) operands: Vec<String>,
}

impl CommandArguments {
    /// Separates options from operands, and refuses unknown options.
    pub(super) fn parse(
        command: &str,
        known: &[KnownOption],
        words: &[String],
    ) -> Result<Self, CommandRefusal> {
        let mut arguments = Self::default();
        let mut words = words.iter();
        while let Some(word) = words.next() {
            let result = if word == "--" {
                arguments.operands.extend(words.by_ref().cloned());
                Ok(())
            } else if let Some(long) = word.strip_prefix("--") {
                arguments.read_long(known, long, &mut words).ok_or(word.clone())
            } else if word.starts_with('-') && word != "-" {
                arguments.read_short(known, &word[1..], &mut words)
            } else {
                arguments.operands.push(word.clone());
                Ok(())
            };
            result.map_err(|option| {
                CommandRefusal::new(format!("`{option}` of `{command}` is not evaluated"))
            })?;
        }
        Ok(arguments)
    }

    /// Reads `name` or `name=value`; returns `None` if it is unknown.
    fn read_long(
        &mut self,
        known: &[KnownOption],
        text: &str,
        more: &mut Iter<'_, String>,
    ) -> Option<()> {
        let (name, value) = match text.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (text, None),
        };
        let (name, takes) = find_long(known, name)?;
        let value = match (takes, value) {
            (OptionValue::Nothing, None) => "",
            (OptionValue::Nothing, Some(_)) => return None,
            (OptionValue::Value, Some(value)) => value,
            (OptionValue::Value, None) => more.next()?,
        };
        self.options.push((name, value.to_owned(), self.operands.len()));
        Some(())
    }

    /// Reads the letters of short options; the error is the unknown one.
    fn read_short(
        &mut self,
        known: &[KnownOption],
        letters: &str,
        more: &mut Iter<'_, String>,
    ) -> Result<(), String> {
        for (at, letter) in letters.char_indices() {
            let unknown = || format!("-{letter}");
            let option = known.iter().find(|(short, ..)| short.contains(letter));
            let &(_, name, takes) = option.ok_or_else(unknown)?;
            let rest = &letters[at + letter.len_utf8()..];
            let value = match takes {
                OptionValue::Nothing => "",
                OptionValue::Value if rest.is_empty() => more.next().ok_or_else(unknown)?,
                OptionValue::Value => rest,
            };
            self.options.push((name, value.to_owned(), self.operands.len()));
            if takes == OptionValue::Value {
                break;
            }
        }
        Ok(())
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.value(name).is_some()
    }

    /// Returns the last value of an option.
    pub(super) fn value(&self, name: &str) -> Option<&str> {
        self.values(name).next_back()
    }

    /// Returns all values of an option, in their order.
    pub(super) fn values(&self, name: &str) -> impl DoubleEndedIterator<Item = &str> {
        let found = self.options.iter().filter(move |(own, ..)| *own == name);
        found.map(|(_, value, _)| value.as_str())
    }

    /// Returns whether an option stands behind an operand.
    pub(super) fn is_behind_operand(&self, name: &str) -> bool {
        self.options.iter().any(|(own, _, before)| *own == name && *before > 0)
    }
}

/// Finds a long option by its name, or by an unambiguous prefix of it.
fn find_long(known: &[KnownOption], name: &str) -> Option<(&'static str, OptionValue)> {
    let exact = known.iter().find(|(_, long, _)| *long == name);
    let mut similar = known.iter().filter(|(_, long, _)| long.starts_with(name));
    let only = similar.next().filter(|_| similar.next().is_none() && !name.is_empty());
    exact.or(only).map(|(_, long, takes)| (*long, *takes))
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: &[KnownOption] = &[
        ("p", "parents", OptionValue::Nothing),
        ("m", "mode", OptionValue::Value),
        ("rR", "recursive", OptionValue::Nothing),
        ("", "preserve-root", OptionValue::Nothing),
    ];

    #[test]
    fn options_stand_anywhere() {
        let check = |line: &str, expected: &str| {
            let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
            let found = CommandArguments::parse("cmd", KNOWN, &words).map_or_else(
                |refusal| refusal.message,
                |found| {
                    let options =
                        found.options.iter().map(|(name, value, _)| format!("{name}={value}"));
                    [options.collect::<Vec<_>>().join(" "), found.operands.join(" ")].join(" | ")
                },
            );
            assert_eq!(found, expected, "{line}");
        };
        check("-p a", "parents= | a");
        check("a -p b", "parents= | a b");
        check("-pm 755 a", "parents= mode=755 | a");
        check("-pm755 a", "parents= mode=755 | a");
        check("--mode=1 --mode 2 a", "mode=1 mode=2 | a");
        check("--par --rec", "parents= recursive= | ");
        check("-R -- -p", "recursive= | -p");
        check("- a", " | - a");
        check("--p", "`--p` of `cmd` is not evaluated");
        check("--parents=x", "`--parents=x` of `cmd` is not evaluated");
        check("--mode", "`--mode` of `cmd` is not evaluated");
        check("-m", "`-m` of `cmd` is not evaluated");
        check("-pZ a", "`-Z` of `cmd` is not evaluated");
        check("--help", "`--help` of `cmd` is not evaluated");
    }
}
