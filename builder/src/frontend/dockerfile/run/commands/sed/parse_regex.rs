//! Parses *regular expressions*.

use super::regex::{ByteSet, Regex, RegexItem, RegexSyntax};

/// Characters that a backslash makes literal; letters, digits and some others mean something else
/// behind one.
const ESCAPED: &[u8] = b".*[]^$\\/-&\"#:@,%=!~;_ ";

impl Regex {
    /// Parses an expression; the error says what is not evaluated.
    pub(super) fn parse(text: &str, syntax: RegexSyntax) -> Result<Self, String> {
        let mut parser = RegexParser { rest: text.as_bytes(), syntax, open: Vec::new() };
        let mut regex = Self {
            items: Vec::new(),
            is_at_start: false,
            is_at_end: false,
            groups: 0,
            depends_on_locale: false,
        };
        if text.is_empty() {
            return Err("an empty regular expression".into());
        }
        regex.is_at_start = parser.skip(b'^');
        while let [first, rest @ ..] = parser.rest {
            if (*first, rest) == (b'$', &[][..]) {
                regex.is_at_end = true;
                break;
            }
            parser.rest = rest;
            parser.read_item(*first, &mut regex)?;
        }
        if !parser.open.is_empty() {
            return Err("a group that is not closed".into());
        }
        Ok(regex)
    }
}

struct RegexParser<'t> {
    rest: &'t [u8],
    syntax: RegexSyntax,
    /// Numbers of the groups that are open.
    open: Vec<usize>,
}

impl RegexParser<'_> {
    fn skip(&mut self, byte: u8) -> bool {
        let found = self.rest.first() == Some(&byte);
        if found {
            self.rest = &self.rest[1..];
        }
        found
    }

    fn read_item(&mut self, first: u8, regex: &mut Regex) -> Result<(), String> {
        let is_extended = self.syntax == RegexSyntax::Extended;
        let escaped = if first == b'\\' {
            let [next, rest @ ..] = self.rest else {
                return Err("a backslash at the end".into());
            };
            self.rest = rest;
            Some(*next)
        } else {
            None
        };
        let set = match (first, escaped) {
            (b'(', None) if is_extended => return self.open_group(regex),
            (b')', None) if is_extended => return self.close_group(regex),
            (_, Some(b'(')) if !is_extended => return self.open_group(regex),
            (_, Some(b')')) if !is_extended => return self.close_group(regex),
            (_, Some(next)) if ESCAPED.contains(&next) => ByteSet::of(next),
            (_, Some(next)) if is_extended && b"+?(){}|".contains(&next) => ByteSet::of(next),
            (_, Some(next)) => return Err(format!("`\\{}`", char::from(next).escape_debug())),
            (b'[', None) => self.read_set(regex)?,
            (b'.', None) => {
                regex.depends_on_locale = true;
                ByteSet::default().inverted()
            }
            (b'*' | b'^' | b'$', None) => {
                return Err(format!("`{}` at this position", char::from(first)));
            }
            (b'+' | b'?' | b'{' | b'}' | b'|', None) if is_extended => {
                return Err(format!("`{}` at this position", char::from(first)));
            }
            (byte, None) => ByteSet::of(byte),
        };
        let item = self.read_repetition(set)?;
        if !first.is_ascii() && !matches!(item[..], [RegexItem::One(_)]) {
            return Err("a repetition of a character that is not ASCII".into());
        }
        regex.items.extend(item);
        Ok(())
    }

    /// Reads how often a character is repeated.
    fn read_repetition(&mut self, set: ByteSet) -> Result<Vec<RegexItem>, String> {
        let is_basic = self.syntax == RegexSyntax::Basic;
        let (sign, rest) = match self.rest {
            [b'*', rest @ ..] => (b'*', rest),
            [b'\\', sign @ (b'+' | b'?' | b'{'), rest @ ..] if is_basic => (*sign, rest),
            [sign @ (b'+' | b'?' | b'{'), rest @ ..] if !is_basic => (*sign, rest),
            _ => return Ok(vec![RegexItem::One(set)]),
        };
        self.rest = rest;
        match sign {
            b'*' => Ok(vec![RegexItem::Any(set)]),
            b'+' => Ok(vec![RegexItem::One(set), RegexItem::Any(set)]),
            b'?' => Ok(vec![RegexItem::Maybe(set)]),
            _ => Err("a number of repetitions".into()),
        }
    }

    fn open_group(&mut self, regex: &mut Regex) -> Result<(), String> {
        regex.groups += 1;
        self.open.push(regex.groups);
        regex.items.push(RegexItem::Open(regex.groups));
        // Here `*` and `^` mean something else to some programs.
        match self.rest.first() {
            Some(b'*' | b'^') => Err("this start of a group".into()),
            _ => Ok(()),
        }
    }

    fn close_group(&mut self, regex: &mut Regex) -> Result<(), String> {
        let group = self.open.pop().ok_or("a group that is not open")?;
        regex.items.push(RegexItem::Close(group));
        let is_repeated = matches!(
            (self.syntax, self.rest),
            (_, [b'*', ..])
                | (RegexSyntax::Extended, [b'+' | b'?' | b'{', ..])
                | (RegexSyntax::Basic, [b'\\', b'+' | b'?' | b'{', ..])
        );
        if is_repeated { Err("a repetition of a group".into()) } else { Ok(()) }
    }

    /// Reads a set behind its `[`.
    fn read_set(&mut self, regex: &mut Regex) -> Result<ByteSet, String> {
        let mut set = ByteSet::default();
        let is_inverted = self.skip(b'^');
        let end = self.rest.iter().position(|byte| *byte == b']').unwrap_or(0);
        if matches!(&self.rest[..end], [b':', .., b':']) {
            return Err("`[:…:]` outside of `[…]`".into());
        }
        let mut is_first = true;
        loop {
            let [low, rest @ ..] = self.rest else { return Err("a `[` without a `]`".into()) };
            self.rest = rest;
            match (*low, rest) {
                (b']', _) if !is_first => break,
                (b'[', [b':', ..]) => {
                    regex.depends_on_locale = true;
                    self.read_class(&mut set)?;
                }
                (b'\\', _) | (b'[', [b'.' | b'=', ..]) => {
                    return Err("a backslash or a collating symbol inside of `[…]`".into());
                }
                (low, [b'-', high, rest @ ..]) if *high != b']' => {
                    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric();
                    if !is_plain(&low) || !is_plain(high) || low > *high {
                        return Err("this range inside of `[…]`".into());
                    }
                    // What a `-` behind a range means is not defined.
                    if matches!(rest, [b'-', next, ..] if *next != b']') {
                        return Err("this range inside of `[…]`".into());
                    }
                    self.rest = rest;
                    (low..=*high).for_each(|byte| set.add(byte));
                }
                (low, _) if low.is_ascii() => set.add(low),
                _ => return Err("a character inside of `[…]` that is not ASCII".into()),
            }
            is_first = false;
        }
        if is_inverted {
            regex.depends_on_locale = true;
            set = set.inverted();
        }
        Ok(set)
    }

    /// Reads a class behind its `[`, for example `:digit:]`.
    fn read_class(&mut self, set: &mut ByteSet) -> Result<(), String> {
        let text = String::from_utf8_lossy(self.rest).into_owned();
        let class = text.split_once(":]").and_then(|(name, _)| name.strip_prefix(':'));
        let class = class.ok_or("a `[:` without a `:]`")?;
        let has: fn(&u8) -> bool = match class {
            "alpha" => u8::is_ascii_alphabetic,
            "digit" => u8::is_ascii_digit,
            "alnum" => u8::is_ascii_alphanumeric,
            "upper" => u8::is_ascii_uppercase,
            "lower" => u8::is_ascii_lowercase,
            "punct" => u8::is_ascii_punctuation,
            "xdigit" => u8::is_ascii_hexdigit,
            "space" => |byte| matches!(byte, b' ' | b'\t'..=b'\r'),
            "blank" => |byte| matches!(byte, b' ' | b'\t'),
            _ => return Err(format!("the class `[:{class}:]`")),
        };
        (0..128).filter(has).for_each(|byte| set.add(byte));
        self.rest = &self.rest[class.len() + ":".len() + ":]".len()..];
        Ok(())
    }
}
