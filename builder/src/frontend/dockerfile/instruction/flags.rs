//! The *flags* of an instruction, `--name` or `--name=value`, each known and given once
//! (moby/buildkit `frontend/dockerfile/instructions/bflag.go`).

use std::collections::BTreeMap;

use super::FlagSwitch;
use crate::frontend::dockerfile::syntax::DockerfileWord;
use crate::recipe::diagnostic::{Diagnostic, Span};

/// Value that a flag takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FlagValue {
    /// A value.
    Value,
    /// A value; the flag can be repeated.
    Values,
    /// An optional `true` or `false`.
    Switch,
}

/// The flags of one instruction.
#[derive(Debug, Default)]
pub(super) struct InstructionFlags {
    values: BTreeMap<&'static str, Vec<DockerfileWord>>,
    switches: BTreeMap<&'static str, (FlagSwitch, Span)>,
}

impl InstructionFlags {
    /// Reads flags, and reports what is wrong with each.
    pub(super) fn read(
        keyword: &str,
        flags: &[DockerfileWord],
        known: &[(&'static str, FlagValue)],
        problems: &mut Vec<Diagnostic>,
    ) -> Self {
        let mut read = Self::default();
        for flag in flags {
            if let Err(problem) = read.read_flag(keyword, flag, known) {
                problems.push(*problem);
            }
        }
        read
    }

    fn read_flag(
        &mut self,
        keyword: &str,
        flag: &DockerfileWord,
        known: &[(&'static str, FlagValue)],
    ) -> Result<(), Box<Diagnostic>> {
        let wrong = |message: String| Diagnostic::new(message).at(flag.span.clone());
        let text = flag.text.trim_start_matches("--");
        let (name, value) = match text.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (text, None),
        };
        let Some((name, takes)) = known.iter().find(|(known, _)| *known == name).copied() else {
            return Err(Box::new(unknown_flag(keyword, name, flag, known)));
        };
        let is_again = self.values.contains_key(name) || self.switches.contains_key(name);
        if is_again && takes != FlagValue::Values {
            let problem = wrong(format!("duplicate flag specified: --{name}"));
            return Err(Box::new(problem.help("remove one of them")));
        }
        match (takes, value) {
            (FlagValue::Switch, value) => {
                let switch = parse_switch(value).ok_or_else(|| {
                    let problem = wrong(format!("expecting boolean value for flag --{name}"));
                    Box::new(problem.help(format!("write `--{name}`")))
                })?;
                self.switches.insert(name, (switch, flag.span.clone()));
            }
            (_, Some(value)) => {
                let word = DockerfileWord { text: value.to_owned(), span: flag.span.clone() };
                self.values.entry(name).or_default().push(word);
            }
            (_, None) => {
                let problem = wrong(format!("missing a value on flag: --{name}"));
                return Err(Box::new(problem.help(format!("write `--{name}=VALUE`"))));
            }
        }
        Ok(())
    }

    pub(super) fn take_value(&mut self, name: &str) -> Option<DockerfileWord> {
        self.take_values(name).pop()
    }

    pub(super) fn take_values(&mut self, name: &str) -> Vec<DockerfileWord> {
        self.values.remove(name).unwrap_or_default()
    }

    pub(super) fn take_switch(&mut self, name: &str) -> Option<(FlagSwitch, Span)> {
        self.switches.remove(name)
    }
}

/// Parses the value of a switch, which is on without one.
fn parse_switch(value: Option<&str>) -> Option<FlagSwitch> {
    match value.map(str::to_ascii_lowercase).as_deref() {
        None | Some("true") => Some(FlagSwitch::On),
        Some("false") => Some(FlagSwitch::Off),
        Some(_) => None,
    }
}

fn unknown_flag(
    keyword: &str,
    name: &str,
    flag: &DockerfileWord,
    known: &[(&str, FlagValue)],
) -> Diagnostic {
    let problem = Diagnostic::new(format!("unknown flag: --{name}")).at(flag.span.clone());
    let all: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
    match find_similar(name, &all) {
        Some(other) => problem.help(format!("did you mean `--{other}`?")),
        None if all.is_empty() => problem.help(format!("{keyword} has no flags")),
        None => problem.help(format!("{keyword} has --{}", all.join(", --"))),
    }
}

/// Returns the known word that is most similar, if it is similar enough.
pub(super) fn find_similar<'k>(word: &str, known: &[&'k str]) -> Option<&'k str> {
    let score = |other: &&str| strsim::jaro_winkler(word, other);
    let best = known.iter().max_by(|a, b| score(a).total_cmp(&score(b)))?;
    (score(best) > 0.75).then_some(best)
}
