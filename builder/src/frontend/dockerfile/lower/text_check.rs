//! The *text check* of a stage reports, before a base is loaded, what the text and the build contexts
//! alone decide: a base can take long to download, and none could mend these problems.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};

use super::copy::{refuse_later_stage, refuse_variables};
use super::evaluation::Evaluation;
use super::loader::{StageLoader, parse_image};
use super::result::EvaluationResult;
use super::run::check_run;
use super::sources::{find_sources, is_url};
use super::stage::StageState;
use super::variables::expand_word;
use crate::frontend::dockerfile::instruction::{
    CopyInstruction, FlagSwitch, Instruction, InstructionKind,
};
use crate::frontend::dockerfile::syntax::DockerfileWord;
use crate::recipe::diagnostic::Diagnostic;

impl StageLoader<'_> {
    /// Returns the problems of a stage.
    pub(super) fn check_text(&self, number: usize) -> Vec<Diagnostic> {
        if self.is_replaced(number) {
            return Vec::new();
        }
        let evaluation = Evaluation {
            loader: self,
            stages: &BTreeMap::new(),
            number,
            stage: StageState::scratch(self.target_platform()),
            variables: self.new_scope(),
        };
        let mut check = TextCheck { evaluation, unknown: BTreeSet::new(), shell: FlagSwitch::Off };
        let instructions = &self.request.dockerfile.stages[number].instructions;
        let problems = instructions.iter().filter_map(|it| check.check_instruction(it).err());
        problems.map(|problem| *problem).collect()
    }
}

/// The check of one stage.
struct TextCheck<'e, 'a> {
    /// A stage without files, whose variables are those that the stage sets itself.
    evaluation: Evaluation<'e, 'a>,
    /// Variables of the stage whose values depend on its base.
    unknown: BTreeSet<String>,
    /// Whether the stage has set a shell of its own.
    shell: FlagSwitch,
}

impl TextCheck<'_, '_> {
    fn check_instruction(&mut self, instruction: &Instruction) -> EvaluationResult<()> {
        match &instruction.kind {
            InstructionKind::Arg(arguments) => self.declare_args(arguments),
            InstructionKind::Env(pairs) => self.set_env(pairs),
            InstructionKind::Shell(_) => self.shell = FlagSwitch::On,
            InstructionKind::Run(run) if self.shell == FlagSwitch::Off => {
                return check_run(instruction, run);
            }
            InstructionKind::Add(copy) | InstructionKind::Copy(copy) => {
                self.check_flags(copy)?;
                return self.check_sources(copy);
            }
            _ => {}
        }
        Ok(())
    }

    fn declare_args(&mut self, arguments: &[(DockerfileWord, Option<DockerfileWord>)]) {
        for (name, default) in arguments {
            let value = default.as_ref().map(|word| self.known_value(word));
            match value {
                Some(None) => drop(self.unknown.insert(name.text.clone())),
                Some(Some(_)) => drop(self.unknown.remove(&name.text)),
                None => {}
            }
            self.evaluation.variables.declare_arg(&name.text, value.flatten());
        }
    }

    fn set_env(&mut self, pairs: &[(DockerfileWord, DockerfileWord)]) {
        // All of them see the variables from before.
        let values: Vec<_> = pairs.iter().map(|(_, value)| self.known_value(value)).collect();
        for ((name, _), value) in pairs.iter().zip(values) {
            match value {
                None => drop(self.unknown.insert(name.text.clone())),
                Some(value) => {
                    self.unknown.remove(&name.text);
                    self.evaluation.variables.set_env(&name.text, value);
                }
            }
        }
    }

    /// Returns a word with its variables replaced, unless it depends on one that the base may set.
    fn known_value(&self, word: &DockerfileWord) -> Option<String> {
        let is_known = Cell::new(true);
        let lookup = |name: &str| {
            let value = self.evaluation.variables.get(name);
            let value = value.filter(|_| !self.unknown.contains(name));
            is_known.set(is_known.get() && value.is_some());
            value
        };
        let dockerfile = self.evaluation.loader.request.dockerfile;
        expand_word(dockerfile, &lookup, word).ok().filter(|_| is_known.get())
    }

    fn check_flags(&self, copy: &CopyInstruction) -> EvaluationResult<()> {
        if copy.chmod.as_ref().is_some_and(|word| self.known_value(word).is_some()) {
            self.evaluation.parse_mode(copy)?;
        }
        // That of a local source is refused, whatever it is.
        let has_local = copy.sources.iter().any(|word| !is_url(&word.text));
        let known = copy.checksum.as_ref().filter(|word| self.known_value(word).is_some());
        known
            .filter(|_| !has_local)
            .map_or(Ok(()), |word| self.evaluation.parse_checksum(word).map(drop))
    }

    fn check_sources(&self, copy: &CopyInstruction) -> EvaluationResult<()> {
        let (loader, number) = (self.evaluation.loader, self.evaluation.number);
        let name = copy.from.as_ref().map_or("", |word| word.text.as_str());
        if let Some(word) = &copy.from {
            refuse_variables(word)?;
            let dockerfile = loader.request.dockerfile;
            if dockerfile.find_stage(name, number).is_some() || loader.named_image(name).is_some() {
                return Ok(());
            }
            if loader.request.contexts.context(name).is_none() {
                refuse_later_stage(dockerfile, word)?;
                if loader.is_scratch(name) {
                    return Ok(());
                }
                return parse_image(name, &word.span).map(drop);
            }
        }
        if copy.parents == FlagSwitch::On {
            return Ok(());
        }
        let known = copy.sources.iter().filter_map(|word| Some((self.known_value(word)?, word)));
        let local: Vec<_> = known.filter(|(source, _)| !is_url(source)).collect();
        if local.is_empty() {
            return Ok(());
        }
        let origin = self.evaluation.context_origin(name)?;
        local.iter().try_for_each(|(source, word)| find_sources(&origin, source, word).map(drop))
    }
}
