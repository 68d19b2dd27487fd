//! What each instruction does to a stage.

use serde_json::{Value, json};

use super::evaluation::Evaluation;
use super::outcome::{Outcome, wrong_tree};
use super::port::ports;
use super::signal::is_signal;
use super::stage::Stage;
use crate::frontend::dockerfile::instruction::{Instruction, InstructionKind};
use crate::frontend::dockerfile::syntax::Word;
use crate::oci::tar::Owner;
use crate::recipe::diagnostic::Diagnostic;

impl Evaluation<'_, '_> {
    /// Evaluates the stage's instructions, those of its base for whoever builds on it first.
    pub(super) fn run(&mut self) -> Outcome<()> {
        for instruction in self.triggers()? {
            self.instruction(&instruction)?;
        }
        let dockerfile = self.loader.request.dockerfile;
        for instruction in &dockerfile.stages[self.number].instructions {
            self.instruction(instruction)?;
        }
        Ok(())
    }

    fn instruction(&mut self, instruction: &Instruction) -> Outcome<()> {
        match &instruction.kind {
            InstructionKind::Add(copy) | InstructionKind::Copy(copy) => {
                self.copy(instruction, copy)?;
            }
            InstructionKind::Run(run) => self.run_line(instruction, run)?,
            InstructionKind::Arg(arguments) => self.arg(arguments)?,
            InstructionKind::Env(pairs) => self.env(pairs)?,
            InstructionKind::Label(pairs) => {
                for (name, value) in self.pairs(pairs)? {
                    self.stage.config.set_label(&name, &value);
                }
            }
            InstructionKind::Expose(words) => self.expose(words)?,
            InstructionKind::Volume(words) => self.volume(words)?,
            InstructionKind::User(word) => {
                let user = self.named(word, "USER")?;
                self.stage.config.set("User", json!(user));
            }
            InstructionKind::Workdir(word) => self.workdir(word)?,
            InstructionKind::StopSignal(word) => self.stop_signal(word)?,
            InstructionKind::Maintainer(word) => {
                self.stage.config.set_image("author", json!(word.text));
            }
            InstructionKind::Shell(words) => self.stage.config.set("Shell", json!(words)),
            InstructionKind::Cmd(command) => self.stage.set_cmd(command),
            InstructionKind::Entrypoint(command) => self.stage.set_entrypoint(command),
            InstructionKind::Healthcheck(check) => {
                self.stage.config.set("Healthcheck", check.to_json());
            }
            InstructionKind::OnBuild(word) => {
                self.stage.on_build(&word.text);
                return Ok(());
            }
            // Each begins a stage; what a stage holds is none.
            InstructionKind::From(_) => return Ok(()),
        }
        self.stage.commit(instruction.text.clone());
        Ok(())
    }

    fn arg(&mut self, arguments: &[(Word, Option<Word>)]) -> Outcome<()> {
        for (name, default) in arguments {
            let default = default.as_ref().map(|word| self.expand(word)).transpose()?;
            self.variables.arg(&name.text, default);
        }
        Ok(())
    }

    fn env(&mut self, pairs: &[(Word, Word)]) -> Outcome<()> {
        // All of them see the variables from before.
        for (name, value) in self.pairs(pairs)? {
            self.stage.config.set_env(&name, &value);
            self.variables.env(&name, value);
        }
        Ok(())
    }

    fn expose(&mut self, words: &[Word]) -> Outcome<()> {
        for word in words {
            for port in self.expand_words(word)? {
                let wrong = |message: String| {
                    let problem = Diagnostic::new(message).at(word.span.clone());
                    Box::new(problem.help("write it like `80`, `53/udp` or `8000-8010`"))
                };
                for key in ports(&port).map_err(wrong)? {
                    self.stage.config.insert("ExposedPorts", &key, json!({}));
                }
            }
        }
        Ok(())
    }

    fn volume(&mut self, words: &[Word]) -> Outcome<()> {
        for word in words {
            let path = self.named(word, "VOLUME")?;
            self.stage.config.insert("Volumes", &path, json!({}));
        }
        Ok(())
    }

    fn workdir(&mut self, word: &Word) -> Outcome<()> {
        let path = self.named(word, "WORKDIR")?;
        // As in BuildKit, a user that nobody knows is no reason to fail before something is run.
        let root = Owner { uid: 0, gid: 0 };
        let owner = self.identity(&word.span).map_or(root, |identity| identity.owner);
        let moved = self.stage.set_workdir(&path, owner);
        Ok(moved.map_err(|error| wrong_tree(&error, &word.span))?)
    }

    fn stop_signal(&mut self, word: &Word) -> Outcome<()> {
        let signal = self.expand(word)?;
        if !is_signal(&signal) {
            let problem = Diagnostic::new(format!("invalid signal: `{signal}`"));
            return Err(Box::new(problem.at(word.span.clone()).help("for example SIGTERM, or 15")));
        }
        self.stage.config.set("StopSignal", json!(signal));
        Ok(())
    }
}

impl Stage {
    /// Adds an instruction for images on top of this one.
    fn on_build(&mut self, text: &str) {
        let mut triggers = match self.config.get("OnBuild") {
            Some(Value::Array(triggers)) => triggers.clone(),
            _ => Vec::new(),
        };
        triggers.push(json!(text));
        self.config.set("OnBuild", triggers.into());
    }
}
