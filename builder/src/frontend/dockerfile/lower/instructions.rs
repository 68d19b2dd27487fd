//! The effect of each instruction on a stage.

use serde_json::{Value, json};

use super::evaluation::Evaluation;
use super::port::exposed_ports;
use super::result::{EvaluationResult, tree_diagnostic};
use super::signal::is_signal;
use super::stage::StageState;
use crate::frontend::artifact::ImageSetting;
use crate::frontend::dockerfile::instruction::{Instruction, InstructionKind};
use crate::frontend::dockerfile::syntax::DockerfileWord;
use crate::oci::tar::Owner;
use crate::recipe::diagnostic::{Diagnostic, Span};

impl Evaluation<'_, '_> {
    /// Evaluates the triggers of the stage's base, then the stage's instructions.
    pub(super) fn evaluate_stage(&mut self, triggers: &[Instruction]) -> EvaluationResult<()> {
        if !triggers.is_empty() {
            self.stage.config.set("OnBuild", Value::Null);
        }
        for instruction in triggers {
            self.evaluate_instruction(instruction)?;
        }
        let dockerfile = self.loader.request.dockerfile;
        for instruction in &dockerfile.stages[self.number].instructions {
            self.evaluate_instruction(instruction)?;
        }
        Ok(())
    }

    fn evaluate_instruction(&mut self, instruction: &Instruction) -> EvaluationResult<()> {
        match &instruction.kind {
            InstructionKind::Add(copy) | InstructionKind::Copy(copy) => {
                self.evaluate_copy(instruction, copy)?;
            }
            InstructionKind::Run(run) => self.evaluate_run(instruction, run)?,
            InstructionKind::Arg(arguments) => self.declare_args(arguments)?,
            InstructionKind::Env(pairs) => self.set_env(pairs, &instruction.span)?,
            InstructionKind::Label(pairs) => {
                for (name, value) in self.expand_pairs(pairs)? {
                    self.stage.config.set_label(&name, &value);
                    let span = instruction.span.clone();
                    self.stage.origins.insert(ImageSetting::Label(name), span);
                }
            }
            InstructionKind::Expose(words) => self.expose_ports(words)?,
            InstructionKind::Volume(words) => self.add_volumes(words)?,
            InstructionKind::User(word) => {
                let user = self.expand_nonempty(word, "USER")?;
                self.stage.config.set("User", json!(user));
            }
            InstructionKind::Workdir(word) => self.set_workdir(word)?,
            InstructionKind::StopSignal(word) => self.set_stop_signal(word)?,
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
                self.stage.add_trigger(&word.text);
                let setting = ImageSetting::Container("OnBuild".into());
                self.stage.origins.insert(setting, instruction.span.clone());
                return Ok(());
            }
            // FROM starts a stage and is never inside of one.
            InstructionKind::From(_) => return Ok(()),
        }
        if let Some(name) = setting_name(&instruction.kind) {
            let (setting, span) = (ImageSetting::Container(name.into()), instruction.span.clone());
            self.stage.origins.insert(setting, span);
        }
        self.stage.commit(instruction.text.clone());
        Ok(())
    }

    fn declare_args(
        &mut self,
        arguments: &[(DockerfileWord, Option<DockerfileWord>)],
    ) -> EvaluationResult<()> {
        for (name, default) in arguments {
            // A default that is not used may contain what cannot be expanded.
            let given = &self.loader.request.build_args;
            let default = default.as_ref().filter(|_| !given.contains_key(&name.text));
            let default = default.map(|word| self.expand_word(word)).transpose()?;
            self.variables.declare_arg(&name.text, default);
        }
        Ok(())
    }

    fn set_env(
        &mut self,
        pairs: &[(DockerfileWord, DockerfileWord)],
        span: &Span,
    ) -> EvaluationResult<()> {
        // All of them see the variables from before.
        for (name, value) in self.expand_pairs(pairs)? {
            self.stage.config.set_env(&name, &value);
            self.variables.set_env(&name, value);
            self.stage.origins.insert(ImageSetting::Variable(name), span.clone());
        }
        Ok(())
    }

    fn expose_ports(&mut self, words: &[DockerfileWord]) -> EvaluationResult<()> {
        for word in words {
            for port in self.expand_words(word)? {
                let wrong = |message: String| {
                    let problem = Diagnostic::new(message).at(word.span.clone());
                    Box::new(problem.help("write it like `80`, `53/udp` or `8000-8010`"))
                };
                for key in exposed_ports(&port).map_err(wrong)? {
                    self.stage.config.insert("ExposedPorts", &key, json!({}));
                }
            }
        }
        Ok(())
    }

    fn add_volumes(&mut self, words: &[DockerfileWord]) -> EvaluationResult<()> {
        for word in words {
            let path = self.expand_nonempty(word, "VOLUME")?;
            self.stage.config.insert("Volumes", &path, json!({}));
        }
        Ok(())
    }

    fn set_workdir(&mut self, word: &DockerfileWord) -> EvaluationResult<()> {
        let path = self.expand_nonempty(word, "WORKDIR")?;
        // As in BuildKit, an unknown user is not an error before a command is run.
        let root = Owner { uid: 0, gid: 0 };
        let owner = self.identity(&word.span).map_or(root, |identity| identity.owner);
        let moved = self.stage.set_workdir(&path, owner);
        Ok(moved.map_err(|error| tree_diagnostic(&error, &word.span))?)
    }

    fn set_stop_signal(&mut self, word: &DockerfileWord) -> EvaluationResult<()> {
        let signal = self.expand_word(word)?;
        if !is_signal(&signal) {
            let problem = Diagnostic::new(format!("invalid signal: `{signal}`"));
            return Err(Box::new(problem.at(word.span.clone()).help("for example SIGTERM, or 15")));
        }
        self.stage.config.set("StopSignal", json!(signal));
        Ok(())
    }
}

/// Returns the field of the config that an instruction sets.
fn setting_name(kind: &InstructionKind) -> Option<&'static str> {
    Some(match kind {
        InstructionKind::Expose(_) => "ExposedPorts",
        InstructionKind::Volume(_) => "Volumes",
        InstructionKind::User(_) => "User",
        InstructionKind::Workdir(_) => "WorkingDir",
        InstructionKind::StopSignal(_) => "StopSignal",
        InstructionKind::Maintainer(_) => "author",
        InstructionKind::Shell(_) => "Shell",
        InstructionKind::Cmd(_) => "Cmd",
        InstructionKind::Entrypoint(_) => "Entrypoint",
        InstructionKind::Healthcheck(_) => "Healthcheck",
        _ => return None,
    })
}

impl StageState {
    /// Adds an instruction for images that are built on this one.
    fn add_trigger(&mut self, text: &str) {
        let mut triggers = match self.config.get("OnBuild") {
            Some(Value::Array(triggers)) => triggers.clone(),
            _ => Vec::new(),
        };
        triggers.push(json!(text));
        self.config.set("OnBuild", triggers.into());
    }
}
