//! A *pattern* is what `*`, `?` and `[…]` mean to a shell (POSIX.1-2017, Shell & Utilities 2.13),
//! in the locale that builds have: a character is a byte.

/// A byte of a word after expansion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ExpandedByte {
    /// It matches itself.
    Plain(u8),
    /// It was not quoted, and can be special.
    Active(u8),
}

impl ExpandedByte {
    pub(super) fn byte(self) -> u8 {
        let (Self::Plain(byte) | Self::Active(byte)) = self;
        byte
    }
}

/// A pattern, compiled. Matching takes time in proportion to pattern and text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ShellPattern(Vec<Atom>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Atom {
    Byte(u8),
    Any,
    Star,
    OneOf(Vec<(u8, u8)>),
    NoneOf(Vec<(u8, u8)>),
}

/// A pattern that shells interpret differently.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct AmbiguousPattern(pub(super) &'static str);

/// Returns whether a word has wildcards.
pub(super) fn is_pattern(letters: &[ExpandedByte]) -> bool {
    letters.iter().any(|letter| matches!(letter, ExpandedByte::Active(b'*' | b'?' | b'[')))
}

/// Returns a word with all its bytes quoted.
pub(super) fn quote_all(letters: &[ExpandedByte]) -> Vec<ExpandedByte> {
    letters.iter().map(|letter| ExpandedByte::Plain(letter.byte())).collect()
}

impl ShellPattern {
    pub(super) fn new(letters: &[ExpandedByte]) -> Result<Self, AmbiguousPattern> {
        let mut atoms = Vec::new();
        let mut rest = letters;
        while let [first, after @ ..] = rest {
            rest = after;
            atoms.push(match first {
                ExpandedByte::Active(b'*') if atoms.last() == Some(&Atom::Star) => continue,
                ExpandedByte::Active(b'*') => Atom::Star,
                ExpandedByte::Active(b'?') => Atom::Any,
                ExpandedByte::Active(b'[') => match parse_set(after)? {
                    Some((atom, len)) => {
                        rest = &after[len..];
                        atom
                    }
                    None => Atom::Byte(b'['),
                },
                ExpandedByte::Active(b'\\') => {
                    return Err(AmbiguousPattern("a backslash in a value"));
                }
                letter => Atom::Byte(letter.byte()),
            });
        }
        Ok(Self(atoms))
    }

    pub(super) fn matches(&self, text: &[u8]) -> bool {
        self.prefixes(text).last() == Some(text.len())
    }

    /// Returns the lengths of the prefixes of a text that match, in ascending order.
    pub(super) fn prefixes(&self, text: &[u8]) -> impl Iterator<Item = usize> {
        let mut states = vec![false; self.0.len() + 1];
        states[0] = true;
        self.pass_stars(&mut states);
        (0..=text.len()).filter(move |len| {
            if let Some(at) = len.checked_sub(1) {
                self.step(&mut states, text[at]);
            }
            states[self.0.len()]
        })
    }

    /// Returns the pattern that matches the same texts reversed.
    pub(super) fn reversed(mut self) -> Self {
        self.0.reverse();
        self
    }

    /// Advances the states by a byte. The n-th state says that the first n atoms match what was
    /// read so far.
    fn step(&self, states: &mut [bool], byte: u8) {
        for (at, atom) in self.0.iter().enumerate().rev() {
            let matched = states[at] && atom.matches(byte);
            states[at + 1] = match atom {
                Atom::Star => states[at + 1],
                _ => matched,
            };
        }
        states[0] = false;
        self.pass_stars(states);
    }

    /// Advances the states past stars, which may match nothing.
    fn pass_stars(&self, states: &mut [bool]) {
        for (at, atom) in self.0.iter().enumerate() {
            if *atom == Atom::Star {
                states[at + 1] |= states[at];
            }
        }
    }
}

impl Atom {
    fn matches(&self, byte: u8) -> bool {
        let has =
            |ranges: &[(u8, u8)]| ranges.iter().any(|(low, high)| (*low..=*high).contains(&byte));
        match self {
            Self::Byte(own) => *own == byte,
            Self::Any | Self::Star => true,
            Self::OneOf(ranges) => has(ranges),
            Self::NoneOf(ranges) => !has(ranges),
        }
    }
}

/// Parses what follows `[`, and returns its length; `None` if no `]` follows.
fn parse_set(letters: &[ExpandedByte]) -> Result<Option<(Atom, usize)>, AmbiguousPattern> {
    let is_negated = letters.first() == Some(&ExpandedByte::Active(b'!'));
    let start = usize::from(is_negated);
    // A `]` that comes first is a member.
    let closing = letters.iter().skip(start + 1).position(|l| *l == ExpandedByte::Active(b']'));
    let Some(end) = closing.map(|at| at + start + 1) else { return Ok(None) };
    let members = &letters[start..end];
    if members.first() == Some(&ExpandedByte::Active(b'^')) {
        return Err(AmbiguousPattern("`[^`"));
    }
    let is_class = |pair: &[ExpandedByte]| {
        matches!(pair, [ExpandedByte::Active(b'['), ExpandedByte::Active(b':' | b'.' | b'=')])
    };
    if members.windows(2).any(is_class) {
        return Err(AmbiguousPattern("a class of characters"));
    }
    if members
        .iter()
        .any(|letter| *letter == ExpandedByte::Active(b'\\') || !letter.byte().is_ascii())
    {
        return Err(AmbiguousPattern("this member of `[…]`"));
    }
    let mut ranges = Vec::new();
    let mut rest = members;
    while let [low, after @ ..] = rest {
        rest = after;
        let mut high = low;
        if let [ExpandedByte::Active(b'-'), last, after @ ..] = rest {
            high = last;
            rest = after;
        }
        ranges.push((low.byte(), high.byte()));
    }
    let atom = if is_negated { Atom::NoneOf(ranges) } else { Atom::OneOf(ranges) };
    Ok(Some((atom, end + 1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(text: &str) -> Result<ShellPattern, AmbiguousPattern> {
        ShellPattern::new(&text.bytes().map(ExpandedByte::Active).collect::<Vec<_>>())
    }

    #[test]
    fn patterns_match_as_in_a_shell() {
        let check = |text: &str, name: &str, expected: bool| {
            assert_eq!(pattern(text).unwrap().matches(name.as_bytes()), expected, "{text} {name}");
        };
        check("", "", true);
        check("", "a", false);
        check("*", "", true);
        check("a*c", "abbc", true);
        check("a*c", "abbcd", false);
        check("*a*b*", "xxaxxb", true);
        check("?", "a", true);
        check("?", "é", false);
        check("??", "é", true);
        check("[abc]", "b", true);
        check("[a-c]x", "bx", true);
        check("[a-c]", "d", false);
        check("[!a-c]", "d", true);
        check("[!a-c]", "b", false);
        check("[]a]", "]", true);
        check("[!]a]", "]", false);
        check("[a-]", "-", true);
        check("[-a]", "-", true);
        check("[c-a]", "b", false);
        check("[ab", "[ab", true);
        check("[", "[", true);
        check("[]", "[]", true);
        check("a[!]b", "a[!]b", true);
    }

    #[test]
    fn what_shells_do_not_agree_on_is_refused() {
        for text in ["[^a]", "[[:alpha:]]", "a\\*", "[\\a]", "[é]"] {
            assert!(pattern(text).is_err(), "{text}");
        }
    }

    #[test]
    fn many_stars_take_no_longer_than_few() {
        let text = "a".repeat(20_000);
        assert!(!pattern(&"*a".repeat(200)).unwrap().matches(format!("{text}b").as_bytes()));
    }

    #[test]
    fn quoted_letters_mean_themselves() {
        let quoted: Vec<ExpandedByte> = "*[a]".bytes().map(ExpandedByte::Plain).collect();
        assert!(!is_pattern(&quoted));
        assert!(ShellPattern::new(&quoted).unwrap().matches(b"*[a]"));
        let range =
            [ExpandedByte::Active(b'['), ExpandedByte::Active(b'a'), ExpandedByte::Plain(b'-')];
        let range =
            [&range[..], &[ExpandedByte::Active(b'c'), ExpandedByte::Active(b']')]].concat();
        assert!(!ShellPattern::new(&range).unwrap().matches(b"b"));
    }
}
