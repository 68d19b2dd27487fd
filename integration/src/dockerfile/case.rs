//! A **case** is a Dockerfile with all that is needed to build it, and the expected result.
//!
//! Its header: `base: NAME` is the image that the result is compared with (default: an empty one);
//! `args: …` are further arguments of both builders, separated by blanks (`{context}` is the context's
//! directory); `env: K=V` is a variable for both; `fails: TEXT` says that the build fails, and that
//! diskette's message contains the text (several lines: all of them); `accept: WHAT, WHAT | REASON`
//! says that buildah differs there, see [`super::judge`].
//!
//! Its sections: `Dockerfile`, `context` (entries), `tree` (the entries by which the image differs from
//! the base), `config` (the fields that differ, each with its JSON); any other section is a file of the
//! context.

use serde_json::Value;

use super::entry::{Entry, EntryKind};
use super::sections::{Block, Section};

/// One Dockerfile and its expected result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Case {
    /// Name of the case, unique in its file.
    pub name: String,
    /// Number of the line on which it begins.
    pub line: usize,
    /// Name of the image that the result is compared with.
    pub base: Option<String>,
    /// Further arguments of both builders.
    pub args: Vec<String>,
    /// Further environment variables of both builders.
    pub env: Vec<(String, String)>,
    /// Files of the build context.
    pub context: Vec<Entry>,
    /// Expected result.
    pub expected: ExpectedResult,
    /// Accepted differences of buildah, each with its reason.
    pub accepted: Vec<(String, String)>,
}

/// Expected result of a build.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExpectedResult {
    /// An image, with its differences from the base; `None` before they are recorded.
    Image(Option<ImageChange>),
    /// An error whose message contains all these texts.
    Failure(Vec<String>),
}

/// The differences between an image and its base.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ImageChange {
    /// Entries of a layer that makes the tree of the image from that of the base.
    pub entries: Vec<Entry>,
    /// Fields of the config; `null` for those that were removed.
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
