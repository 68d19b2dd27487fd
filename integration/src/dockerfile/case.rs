//! A **case** is a Dockerfile with all that it takes to build it, and what shall come out.
//!
//! Its header: `base: NAME` is the image that the result is told against (nothing: an empty one);
//! `args: …` more arguments of both builders, parted by blanks (`{context}` is the context's directory);
//! `env: K=V` is set for both; `fails: TEXT` says that it must not build, and what our message
//! contains (again: all of them); `accept: WHAT, WHAT | REASON` that the peer differs there, see
//! [`super::judge`].
//!
//! Its sections: `Dockerfile`, `context` (entries), `tree` (the entries by which the image differs from
//! the base), `config` (its fields that differ, each with its JSON); any other is a file of the context.

use serde_json::Value;

use super::entry::{Entry, EntryKind};
use super::sections::{Block, Section};

/// One Dockerfile and what shall come of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Case {
    /// Unique in its file.
    pub name: String,
    /// The line that it begins on.
    pub line: usize,
    /// The image that the result is told against.
    pub base: Option<String>,
    /// More arguments.
    pub args: Vec<String>,
    /// More variables of the environment.
    pub env: Vec<(String, String)>,
    /// What the builders find.
    pub context: Vec<Entry>,
    /// What shall come out.
    pub expected: ExpectedResult,
    /// Where the peer differs: what, and why.
    pub accepted: Vec<(String, String)>,
}

/// What shall come out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExpectedResult {
    /// An image that differs from its base so; `None` before it was recorded.
    Image(Option<ImageChange>),
    /// An error whose message contains all of these.
    Failure(Vec<String>),
}

/// By what an image differs from its base.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ImageChange {
    /// A layer on the base that makes the tree.
    pub entries: Vec<Entry>,
    /// Fields of the config; `null` for those that are no longer there.
    pub fields: Vec<(String, Value)>,
}

impl Case {
    /// Reads a file of cases; an error begins with the number of its line.
    pub fn parse_all(text: &str) -> Result<Vec<Self>, String> {
        Block::parse_all(text)?.iter().map(Self::parse).collect()
    }

    fn parse(block: &Block<'_>) -> Result<Self, String> {
        let mut case = Self {
            name: block.name.to_owned(),
            line: block.line,
            base: None,
            args: Vec::new(),
            env: Vec::new(),
            context: Vec::new(),
            expected: ExpectedResult::Image(None),
            accepted: Vec::new(),
        };
        for (key, value) in &block.header {
            case.header(key, value).map_err(|why| format!("{}: {why}", block.line))?;
        }
        for section in &block.sections {
            case.section(section)?;
        }
        case.check().map_err(|why| format!("{}: {why}", block.line))?;
        Ok(case)
    }

    fn header(&mut self, key: &str, value: &str) -> Result<(), String> {
        match (key, &mut self.expected) {
            ("base", _) => self.base = Some(value.to_owned()),
            ("args", _) => self.args.extend(value.split(' ').map(str::to_owned)),
            ("env", _) => {
                let (name, value) = value.split_once('=').ok_or("env wants K=V")?;
                self.env.push((name.to_owned(), value.to_owned()));
            }
            ("fails", ExpectedResult::Failure(parts)) => parts.push(value.to_owned()),
            ("fails", expected) => *expected = ExpectedResult::Failure(vec![value.to_owned()]),
            ("accept", _) => {
                let wrong = format!("{value:?} has no ` | REASON`");
                let (what, reason) = value.split_once(" | ").ok_or(wrong)?;
                let what = what.split(", ").map(|what| (what.to_owned(), reason.to_owned()));
                self.accepted.extend(what);
            }
            _ => return Err(format!("no key of a case is called {key:?}")),
        }
        Ok(())
    }

    fn section(&mut self, section: &Section<'_>) -> Result<(), String> {
        let lines = section.lines.iter().copied();
        match section.name {
            "context" => self.context.extend(Entry::parse_all(lines)?),
            "tree" => self.change().entries = Entry::parse_all(lines)?,
            "config" => {
                let lines = lines.filter(|(_, line)| !line.is_empty());
                self.change().fields = lines.map(field).collect::<Result<_, _>>()?;
            }
            path => {
                let kind = EntryKind::File(section.text().into_bytes());
                let path = path.to_owned();
                self.context.push(Entry { path, mode: 0o644, owner: (0, 0), kind });
            }
        }
        Ok(())
    }

    fn change(&mut self) -> &mut ImageChange {
        if !matches!(self.expected, ExpectedResult::Image(Some(_))) {
            self.expected = ExpectedResult::Image(Some(ImageChange::default()));
        }
        let ExpectedResult::Image(Some(change)) = &mut self.expected else { unreachable!() };
        change
    }

    fn check(&self) -> Result<(), String> {
        if !self.context.iter().any(|entry| entry.path == "Dockerfile") {
            return Err("there is no Dockerfile".into());
        }
        Ok(())
    }
}

fn field((number, line): (usize, &str)) -> Result<(String, Value), String> {
    let (name, json) = line.split_once(' ').unwrap_or((line, ""));
    let value = serde_json::from_str(json);
    Ok((name.to_owned(), value.map_err(|error| format!("{number}: {name}: {error}"))?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_case_has_all_its_parts() {
        let text = "=== one\nbase: b\nargs: --target x\nenv: K=V\naccept: /a mode, /b extra | it is so\n\
                    --- Dockerfile\nFROM b\n--- context\ndir d\n--- .dockerignore\nx\n\
                    --- tree\nfile a\n--- config\nUser \"u\"\n";
        let cases = Case::parse_all(text).unwrap();
        let [case] = &cases[..] else { panic!("{cases:?}") };
        assert_eq!(case.base.as_deref(), Some("b"));
        assert_eq!(case.args, ["--target", "x"]);
        assert_eq!(case.env, [("K".to_owned(), "V".to_owned())]);
        let context: Vec<_> = case.context.iter().map(Entry::to_string).collect();
        assert_eq!(
            context,
            ["file Dockerfile = \"FROM b\\n\"", "dir d", "file .dockerignore = \"x\\n\""]
        );
        let ExpectedResult::Image(Some(change)) = &case.expected else { panic!("{case:?}") };
        assert_eq!(change.fields, [("User".to_owned(), json!("u"))]);
        assert_eq!(change.entries.len(), 1);
        let accepted = ["/a mode", "/b extra"].map(|what| (what.to_owned(), "it is so".to_owned()));
        assert_eq!(case.accepted, accepted);
    }

    #[test]
    fn bad_cases_are_explained() {
        for (head, expected) in [
            ("--- x", "1: there is no Dockerfile"),
            ("colour: red", "1: no key of a case is called \"colour\""),
            ("env: K", "1: env wants K=V"),
            ("accept: /a mode", "1: \"/a mode\" has no ` | REASON`"),
            ("--- config\nUser u", "3: User: expected value at line 1 column 1"),
            ("--- tree\nfolder u", "3: no kind of entry is called \"folder\""),
        ] {
            assert_eq!(Case::parse_all(&format!("=== a\n{head}\n")).unwrap_err(), expected);
        }
    }
}
