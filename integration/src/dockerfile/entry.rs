//! An **entry** is one file, directory or link, written in one line:
//! `KIND [MODE] [UID:GID] PATH [= VALUE]`.
//!
//! Modes are octal (644 for files and 755 for directories if none is given), the value is a file's
//! content or a link's target and goes to the end of the line. A path or value with blanks or control
//! characters at its ends or within is a JSON string. A `tar` is followed by its entries, indented.

use std::fmt;

use super::compression::Compression;
use crate::disk::sha256;

/// Maximum length of a content that is shown, in bytes; longer ones are shown as digests.
const SHOWN_BYTES: usize = 200;

/// Numbers of user and group.
pub type Owner = (u64, u64);

/// One file, directory or link, or the removal of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Relative path without a `/` at either end; empty for the root directory.
    pub path: String,
    /// The lower twelve bits of the mode; without meaning for links.
    pub mode: u32,
    /// Owner in layers and archives; it is ignored in a context.
    pub owner: Owner,
    /// Kind of the entry, with its content.
    pub kind: EntryKind,
}

/// Kind of an entry, with its content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EntryKind {
    /// `dir`: a directory.
    Directory,
    /// `file`: a regular file with its content.
    File(Vec<u8>),
    /// `link`: a symbolic link with its target.
    Link(String),
    /// `hard`: a hard link to the file with that path.
    Hard(String),
    /// `fifo`: a named pipe.
    Fifo,
    /// `gone`: a whiteout, which removes the path from lower layers.
    Gone,
    /// `opaque`: an opaque whiteout, which removes the content of that directory from lower layers.
    Opaque,
    /// `host`: the program with that path on this machine, and its libraries.
    Host,
    /// `packed-gz` and the like: a file with its content before compression.
    Packed(Compression, Vec<u8>),
    /// `tar`: an archive of the indented entries that follow; its value is the compression.
    Tar(Compression, Vec<Entry>),
}

impl Entry {
    /// Parses lines, each with its number.
    pub fn parse_all<'a>(
        lines: impl IntoIterator<Item = (usize, &'a str)>,
    ) -> Result<Vec<Self>, String> {
        let mut entries = Vec::<Self>::new();
        for (number, line) in lines {
            if line.trim().is_empty() || line.starts_with('#') {
                continue;
            }
            let entry = Self::parse(line.trim_start()).map_err(|why| format!("{number}: {why}"))?;
            match entries.last_mut() {
                Some(Self { kind: EntryKind::Tar(_, inner), .. }) if line.starts_with(' ') => {
                    inner.push(entry);
                }
                _ if line.starts_with(' ') => {
                    return Err(format!("{number}: an indented line that follows no tar"));
                }
                _ => entries.push(entry),
            }
        }
        Ok(entries)
    }

    /// Parses one line.
    pub fn parse(line: &str) -> Result<Self, String> {
        let (kind, rest) = word(line)?;
        let (mode, rest) = optional(rest, mode)?;
        let (owner, rest) = optional(rest, owner)?;
        let (path, rest) = word(rest)?;
        let value = match rest.strip_prefix("= ") {
            Some(value) => Some(unquoted(value)?),
            None if rest == "=" => Some(String::new()),
            None if rest.is_empty() => None,
            None => return Err(format!("{rest:?} follows the path; a value begins with `= `")),
        };
        let kind = EntryKind::parse(&kind, value)?;
        let mode = mode.unwrap_or(kind.usual_mode());
        let path = path.trim_matches('/').to_owned();
        Ok(Self { path, mode, owner: owner.unwrap_or_default(), kind })
    }
}

impl EntryKind {
    fn parse(name: &str, value: Option<String>) -> Result<Self, String> {
        let content = |value: Option<String>| value.unwrap_or_default().into_bytes();
        let needed = |value: Option<String>| value.ok_or(format!("a {name} needs `= VALUE`"));
        if let Some(compression) = name.strip_prefix("packed-") {
            return Ok(Self::Packed(Compression::parse(compression)?, content(value)));
        }
        match name {
            "file" => return Ok(Self::File(content(value))),
            "link" => return Ok(Self::Link(needed(value)?)),
            "hard" => return Ok(Self::Hard(needed(value)?.trim_matches('/').to_owned())),
            "tar" => return Ok(Self::Tar(Compression::parse(&needed(value)?)?, Vec::new())),
            _ => {}
        }
        let kind = match name {
            "dir" => Self::Directory,
            "fifo" => Self::Fifo,
            "gone" => Self::Gone,
            "opaque" => Self::Opaque,
            "host" => Self::Host,
            _ => return Err(format!("no kind of entry is called {name:?}")),
        };
        if value.is_some() {
            return Err(format!("a {name} has no value"));
        }
        Ok(kind)
    }

    fn usual_mode(&self) -> u32 {
        match self {
            Self::Directory | Self::Host => 0o755,
            Self::Link(_) => 0o777,
            _ => 0o644,
        }
    }
}

/// Splits a word, or a JSON string, off the front of a text.
fn word(text: &str) -> Result<(String, &str), String> {
    if text.starts_with('"') {
        let mut strings = serde_json::Deserializer::from_str(text).into_iter::<String>();
        let string = strings.next().and_then(Result::ok).ok_or(format!("bad string: {text}"))?;
        return Ok((string, text[strings.byte_offset()..].trim_start()));
    }
    let (word, rest) = text.split_once(' ').unwrap_or((text, ""));
    if word.is_empty() {
        return Err("the line ends before the path".into());
    }
    Ok((word.to_owned(), rest.trim_start()))
}

/// Splits the next word off if `read` recognizes it.
fn optional<T>(text: &str, read: fn(&str) -> Option<T>) -> Result<(Option<T>, &str), String> {
    if text.starts_with('"') {
        return Ok((None, text));
    }
    let (next, rest) = word(text)?;
    Ok(read(&next).map_or((None, text), |read| (Some(read), rest)))
}

fn mode(word: &str) -> Option<u32> {
    let digits = word.bytes().all(|byte| byte.is_ascii_digit());
    ((3..=4).contains(&word.len()) && digits).then(|| u32::from_str_radix(word, 8).ok())?
}

fn owner(word: &str) -> Option<Owner> {
    let (user, group) = word.split_once(':')?;
    Some((user.parse().ok()?, group.parse().ok()?))
}

fn unquoted(value: &str) -> Result<String, String> {
    if !value.starts_with('"') {
        return Ok(value.to_owned());
    }
    serde_json::from_str(value).map_err(|error| format!("{value}: {error}"))
}

/// Returns a text unchanged, or as a JSON string if it would not be read back otherwise.
pub fn quoted(text: &str) -> String {
    let plain = !text.starts_with('"') && text.trim() == text && !text.contains(char::is_control);
    if plain { text.to_owned() } else { serde_json::Value::from(text).to_string() }
}

/// Returns a content as text, or as its digest if it is not text or too long.
pub fn shown(content: &[u8]) -> String {
    match str::from_utf8(content) {
        Ok(text) if text.len() <= SHOWN_BYTES => text.to_owned(),
        _ => format!("sha256:{}", sha256(content)),
    }
}

impl fmt::Display for Entry {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, value) = match &self.kind {
            EntryKind::Directory => ("dir", None),
            EntryKind::File(content) if content.is_empty() => ("file", None),
            EntryKind::File(content) => ("file", Some(shown(content))),
            EntryKind::Link(target) => ("link", Some(target.clone())),
            EntryKind::Hard(first) => ("hard", Some(first.clone())),
            EntryKind::Fifo => ("fifo", None),
            EntryKind::Gone => ("gone", None),
            EntryKind::Opaque => ("opaque", None),
            EntryKind::Host => ("host", None),
            EntryKind::Packed(_, content) => ("packed", Some(shown(content))),
            EntryKind::Tar(..) => ("tar", None),
        };
        formatter.write_str(name)?;
        if self.mode != self.kind.usual_mode() {
            write!(formatter, " {:03o}", self.mode)?;
        }
        if self.owner != (0, 0) {
            write!(formatter, " {}:{}", self.owner.0, self.owner.1)?;
        }
        let path = if self.path.is_empty() { "/" } else { &self.path };
        let reads_back = quoted(path) == path && !path.contains(' ') && mode(path).is_none();
        let path = if reads_back { path } else { &serde_json::Value::from(path).to_string() };
        write!(formatter, " {path}")?;
        value.map_or(Ok(()), |value| write!(formatter, " = {}", quoted(&value)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_read_back_as_they_were() {
        for line in [
            "file a",
            "file a = hello",
            "file 4755 7:8 d/a = a = b",
            "file \"with blank\" = \" edge\"",
            "file \"644\" = \"two\\nlines\"",
            "dir 1777 tmp",
            "dir /",
            "link 5:6 bin = usr/bin",
            "hard b = a",
            "fifo 600 pipe",
            "gone etc/motd",
            "opaque srv",
        ] {
            assert_eq!(Entry::parse(line).unwrap().to_string(), line);
        }
    }

    #[test]
    fn what_is_usual_is_left_out() {
        let check = |line, expected| assert_eq!(Entry::parse(line).unwrap().to_string(), expected);
        check("file 644 0:0 /a =", "file a");
        check("dir 0755 0:0 d/", "dir d");
        check("dir 0700 d", "dir 700 d");
    }

    #[test]
    fn bad_lines_are_explained() {
        for (lines, expected) in [
            ("file", "1: the line ends before the path"),
            ("dir d = x", "1: a dir has no value"),
            ("link l", "1: a link needs `= VALUE`"),
            ("folder d", "1: no kind of entry is called \"folder\""),
            ("file a b", "1: \"b\" follows the path; a value begins with `= `"),
            ("file \"a", "1: bad string: \"a"),
            ("dir d\n file x", "2: an indented line that follows no tar"),
            ("tar t = rar", "1: no compression is called \"rar\"; use none, gz, bz2, xz or zst"),
        ] {
            let lines = lines.lines().enumerate().map(|(index, line)| (index + 1, line));
            assert_eq!(Entry::parse_all(lines).unwrap_err(), expected);
        }
    }

    #[test]
    fn long_and_binary_contents_are_digests() {
        assert_eq!(shown(b"text"), "text");
        assert!(shown(&[0xff]).starts_with("sha256:"));
        assert!(shown(&[b'a'; SHOWN_BYTES + 1]).starts_with("sha256:"));
    }
}
