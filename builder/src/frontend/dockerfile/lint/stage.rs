//! Rules about the *instructions* of a stage, which see its variables.

use std::collections::{BTreeMap, BTreeSet};

use super::findings::{Findings, did_you_mean, similar_word};
use super::rules::{
    EXPOSE_INVALID_FORMAT, EXPOSE_PROTO_CASING, JSON_ARGS_RECOMMENDED, LintRule,
    MULTIPLE_INSTRUCTIONS, UNDEFINED_VAR, WORKDIR_RELATIVE_PATH,
};
use super::{BaseFacts, LintSubject};
use crate::frontend::dockerfile::expand::Expander;
use crate::frontend::dockerfile::instruction::{
    CommandForm, CopyInstruction, Instruction, InstructionHead, InstructionKind,
};
use crate::frontend::dockerfile::scope::StageScope;
use crate::frontend::dockerfile::syntax::{DockerfileWord, HeredocExpansion};
use crate::recipe::diagnostic::Span;

/// What the rules know of a stage.
#[derive(Clone)]
pub(super) struct StageFacts<'a> {
    pub(super) variables: StageScope<'a>,
    environment: BaseEnvironment,
    has_shell: bool,
    has_workdir: bool,
}

/// Whether the variables of a stage's base are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum BaseEnvironment {
    Known,
    Unknown,
}

impl<'a> StageFacts<'a> {
    /// Returns what is known of a stage on an image; without `base` it was not loaded.
    pub(super) fn on_base(subject: &LintSubject<'a>, base: Option<&BaseFacts>) -> Self {
        let mut variables = subject.scope.new_stage();
        let nothing = BTreeMap::new();
        let environment = base.map_or(&nothing, |base| &base.environment);
        for (name, value) in environment {
            variables.set_env(name, value.clone());
        }
        if !environment.contains_key("PATH") {
            variables.set_env("PATH", String::new());
        }
        Self {
            variables,
            environment: base.map_or(BaseEnvironment::Unknown, |_| BaseEnvironment::Known),
            has_shell: base.is_some_and(|base| base.has_shell),
            has_workdir: false,
        }
    }
}

/// The rules on the instructions of one stage.
pub(super) struct StageCheck<'a, 'f> {
    pub(super) subject: &'f LintSubject<'a>,
    pub(super) facts: StageFacts<'a>,
    pub(super) findings: &'f mut Findings,
    /// Last positions of instructions of which only the last counts.
    pub(super) last: BTreeMap<String, Span>,
}

impl StageCheck<'_, '_> {
    pub(super) fn check_instruction(&mut self, instruction: &Instruction) {
        let head = &instruction.head;
        match &instruction.kind {
            InstructionKind::Add(copy) | InstructionKind::Copy(copy) => self.check_copy(head, copy),
            InstructionKind::Arg(arguments) => self.check_args(head, arguments),
            InstructionKind::Env(pairs) => self.check_env(head, pairs),
            InstructionKind::Label(pairs) => {
                for (name, value) in pairs {
                    self.expand(head, name);
                    self.expand(head, value);
                    self.check_pair(head, name, value);
                }
            }
            InstructionKind::Expose(words) => self.check_ports(head, words),
            InstructionKind::Volume(words) => words.iter().for_each(|word| {
                self.expand(head, word);
            }),
            InstructionKind::User(word) | InstructionKind::StopSignal(word) => {
                self.expand(head, word);
            }
            InstructionKind::Workdir(word) => self.check_workdir(head, word),
            InstructionKind::Shell(_) => self.facts.has_shell = true,
            InstructionKind::Cmd(command) | InstructionKind::Entrypoint(command) => {
                self.check_once(head);
                self.check_command(head, command);
            }
            InstructionKind::Healthcheck(_) => self.check_once(head),
            InstructionKind::Maintainer(_)
            | InstructionKind::OnBuild(_)
            | InstructionKind::Run(_)
            | InstructionKind::From(_) => {}
        }
    }

    pub(super) fn report(
        &mut self,
        rule: &'static LintRule,
        head: &InstructionHead,
        at: &Span,
        text: String,
    ) {
        self.findings.report(rule, &head.comments, at, text);
    }

    fn check_copy(&mut self, head: &InstructionHead, copy: &CopyInstruction) {
        let flags = copy.chown.iter().chain(&copy.chmod).chain(&copy.checksum).chain(&copy.exclude);
        let words = copy.sources.iter().chain([&copy.destination]).chain(flags);
        words.for_each(|word| {
            self.expand(head, word);
        });
        let documents = copy.heredocs.iter();
        for document in documents.filter(|it| it.expansion == HeredocExpansion::Yes) {
            let unset = {
                let lookup = |name: &str| self.facts.variables.get(name);
                let expander = Expander::new('\\', &lookup);
                let body = expander.expand_body(&document.content);
                body.map(|_| expander.unset_names()).unwrap_or_default()
            };
            self.report_unset(head, &head.keyword.span, unset);
        }
    }

    fn check_ports(&mut self, head: &InstructionHead, words: &[DockerfileWord]) {
        for word in words {
            let lookup = |name: &str| self.facts.variables.get(name);
            let expander = Expander::new(self.subject.dockerfile.escape, &lookup);
            let ports = expander.expand_words(&word.text).unwrap_or_default();
            for port in ports {
                let (address, protocol) = port.split_once('/').unwrap_or((&port, ""));
                if protocol != protocol.to_lowercase() {
                    let message = format!(
                        "Defined protocol '{port}' in EXPOSE instruction should be lowercase"
                    );
                    self.report(&EXPOSE_PROTO_CASING, head, &word.span, message);
                }
                if address.contains(':') && !address.trim_start_matches(':').is_empty() {
                    let message = format!(
                        "EXPOSE instruction should not define an IP address or host-port mapping, \
                         found '{port}'"
                    );
                    self.report(&EXPOSE_INVALID_FORMAT, head, &word.span, message);
                }
            }
        }
    }

    fn check_workdir(&mut self, head: &InstructionHead, word: &DockerfileWord) {
        let Some(path) = self.expand(head, word) else { return };
        if !self.facts.has_workdir && !path.starts_with('/') {
            let message = format!(
                "Relative workdir \"{path}\" can have unexpected results if the base image changes"
            );
            self.report(&WORKDIR_RELATIVE_PATH, head, &word.span, message);
        }
        self.facts.has_workdir = true;
    }

    fn check_command(&mut self, head: &InstructionHead, command: &CommandForm) {
        if matches!(command, CommandForm::Shell(_)) && !self.facts.has_shell {
            let message = format!(
                "JSON arguments recommended for {} to prevent unintended behavior related to OS \
                 signals",
                head.keyword.text
            );
            self.report(&JSON_ARGS_RECOMMENDED, head, &head.keyword.span, message);
        }
    }

    /// Checks that an instruction is the only one of its keyword; that before it has no effect.
    fn check_once(&mut self, head: &InstructionHead) {
        let InstructionHead { keyword, .. } = head;
        let before = self.last.insert(keyword.text.to_ascii_uppercase(), keyword.span.clone());
        if let Some(at) = before {
            let message = format!(
                "Multiple {} instructions should not be used in the same stage because only the \
                 last one will be used",
                keyword.text
            );
            self.report(&MULTIPLE_INSTRUCTIONS, head, &at, message);
        }
    }

    /// Replaces the variables in a word, and reports those that are not set.
    pub(super) fn expand(
        &mut self,
        head: &InstructionHead,
        word: &DockerfileWord,
    ) -> Option<String> {
        let (text, unset) = {
            let lookup = |name: &str| self.facts.variables.get(name);
            let expander = Expander::new(self.subject.dockerfile.escape, &lookup);
            (expander.expand_word(&word.text).ok()?, expander.unset_names())
        };
        self.report_unset(head, &word.span, unset);
        Some(text)
    }

    fn report_unset(&mut self, head: &InstructionHead, at: &Span, unset: BTreeSet<String>) {
        if self.facts.environment == BaseEnvironment::Unknown {
            return;
        }
        for name in unset {
            if self.facts.variables.declares(&name) || name.starts_with("BUILDKIT_SBOM_SCAN_") {
                continue;
            }
            let similar = self.findings.has_room_for_suggestions();
            let similar =
                similar.then(|| similar_word(&name, self.facts.variables.names())).flatten();
            let message =
                format!("Usage of undefined variable '${name}'{}", did_you_mean(similar, "$"));
            self.report(&UNDEFINED_VAR, head, at, message);
        }
    }
}
