//! The *flags* of an instruction, `--name` or `--name=value`, each known and given once
//! (moby/buildkit `frontend/dockerfile/instructions/bflag.go`).

use std::collections::BTreeMap;

use super::Switch;
use crate::frontend::dockerfile::syntax::Word;
use crate::recipe::diagnostic::{Diagnostic, Span};

/// What a flag takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Takes {
    /// A value.
    Value,
    /// A value, and it can be given again.
    Values,
    /// Nothing, or `true` or `false`.
    Switch,
}

/// The flags of one instruction.
#[derive(Debug, Default)]
pub(super) struct Flags {
    values: BTreeMap<&'static str, Vec<Word>>,
    switches: BTreeMap<&'static str, (Switch, Span)>,
}

impl Flags {
    /// Reads flags; what is wrong with each is reported.
    pub(super) fn read(
        keyword: &str,
        flags: &[Word],
        known: &[(&'static str, Takes)],
        problems: &mut Vec<Diagnostic>,
    ) -> Self {
        let mut read = Self::default();
        for flag in flags {
            if let Err(problem) = read.take(keyword, flag, known) {
                problems.push(*problem);
            }
        }
        read
    }

    fn take(
        &mut self,
        keyword: &str,
        flag: &Word,
        known: &[(&'static str, Takes)],
    ) -> Result<(), Box<Diagnostic>> {
        let wrong = |message: String| Diagnostic::new(message).at(flag.span.clone());
        let text = flag.text.trim_start_matches("--");
        let (name, value) = match text.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (text, None),
        };
        let Some((name, takes)) = known.iter().find(|(known, _)| *known == name).copied() else {
            return Err(Box::new(unknown(keyword, name, flag, known)));
        };
        let is_again = self.values.contains_key(name) || self.switches.contains_key(name);
        if is_again && takes != Takes::Values {
            let problem = wrong(format!("duplicate flag specified: --{name}"));
            return Err(Box::new(problem.help("remove one of them")));
        }
        match (takes, value) {
            (Takes::Switch, value) => {
                let switch = match value.map(str::to_ascii_lowercase).as_deref() {
                    None | Some("true") => Switch::On,
                    Some("false") => Switch::Off,
                    Some(_) => {
                        let problem = wrong(format!("expecting boolean value for flag --{name}"));
                        return Err(Box::new(problem.help(format!("write `--{name}`"))));
                    }
                };
                self.switches.insert(name, (switch, flag.span.clone()));
            }
            (_, Some(value)) => {
                let word = Word { text: value.to_owned(), span: flag.span.clone() };
                self.values.entry(name).or_default().push(word);
            }
            (_, None) => {
                let problem = wrong(format!("missing a value on flag: --{name}"));
                return Err(Box::new(problem.help(format!("write `--{name}=VALUE`"))));
            }
        }
        Ok(())
    }

    pub(super) fn value(&mut self, name: &str) -> Option<Word> {
        self.values(name).pop()
    }

    pub(super) fn values(&mut self, name: &str) -> Vec<Word> {
        self.values.remove(name).unwrap_or_default()
    }

    pub(super) fn switch(&mut self, name: &str) -> Option<(Switch, Span)> {
        self.switches.remove(name)
    }
}

fn unknown(keyword: &str, name: &str, flag: &Word, known: &[(&str, Takes)]) -> Diagnostic {
    let problem = Diagnostic::new(format!("unknown flag: --{name}")).at(flag.span.clone());
    let all: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
    match similar(name, &all) {
        Some(other) => problem.help(format!("did you mean `--{other}`?")),
        None if all.is_empty() => problem.help(format!("{keyword} has no flags")),
        None => problem.help(format!("{keyword} has --{}", all.join(", --"))),
    }
}

/// Returns what somebody may have meant.
pub(super) fn similar<'k>(word: &str, known: &[&'k str]) -> Option<&'k str> {
    let score = |other: &&str| strsim::jaro_winkler(word, other);
    let best = known.iter().max_by(|a, b| score(a).total_cmp(&score(b)))?;
    (score(best) > 0.75).then_some(best)
}
