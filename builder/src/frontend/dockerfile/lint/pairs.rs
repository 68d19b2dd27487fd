//! Rules about *pairs* of names and values: those of ARG, ENV and LABEL.

use super::rules::{LEGACY_KEY_VALUE_FORMAT, SECRETS_IN_ARG_OR_ENV};
use super::stage::StageCheck;
use crate::frontend::dockerfile::instruction::InstructionHead;
use crate::frontend::dockerfile::stages::ArgDeclaration;
use crate::frontend::dockerfile::syntax::DockerfileWord;

/// Parts of a name that mark a secret, and those with which it is none.
const SECRET_WORDS: [&str; 10] = [
    "apikey",
    "auth",
    "credential",
    "credentials",
    "key",
    "password",
    "pword",
    "passwd",
    "secret",
    "token",
];
const HARMLESS_WORDS: [&str; 3] = ["public", "file", "version"];

impl StageCheck<'_, '_> {
    pub(super) fn check_args(&mut self, head: &InstructionHead, arguments: &[ArgDeclaration]) {
        for (name, default) in arguments {
            self.check_secret(head, "ARG", name);
            let is_given = self.subject.build_args.contains_key(&name.text);
            let default = default.as_ref().filter(|_| !is_given);
            let value = default.map(|word| self.expand(head, word).unwrap_or_default());
            self.facts.variables.declare_arg(&name.text, value);
        }
    }

    pub(super) fn check_env(
        &mut self,
        head: &InstructionHead,
        pairs: &[(DockerfileWord, DockerfileWord)],
    ) {
        // All of them see the variables from before.
        let mut values = Vec::new();
        for (name, value) in pairs {
            let expanded = self.expand(head, name).zip(self.expand(head, value));
            values.push(expanded.unwrap_or_else(|| (name.text.clone(), String::new())));
            self.check_pair(head, name, value);
            self.check_secret(head, "ENV", name);
        }
        for (name, value) in values {
            self.facts.variables.set_env(&name, value);
        }
    }

    /// Checks that there is an equals sign between a name and its value.
    pub(super) fn check_pair(
        &mut self,
        head: &InstructionHead,
        name: &DockerfileWord,
        value: &DockerfileWord,
    ) {
        let between = name.span.range.end..value.span.range.start;
        let text = name.span.source.text.get(between).unwrap_or("=");
        if !text.contains('=') {
            let keyword = &head.keyword.text;
            let message = format!(
                "\"{keyword} key=value\" should be used instead of legacy \"{keyword} key value\" \
                 format"
            );
            self.report(&LEGACY_KEY_VALUE_FORMAT, head, &name.span, message);
        }
    }

    fn check_secret(&mut self, head: &InstructionHead, keyword: &str, name: &DockerfileWord) {
        let lower = name.text.to_ascii_lowercase();
        let has = |words: &[&str]| lower.split('_').any(|part| words.contains(&part));
        if has(&SECRET_WORDS) && !has(&HARMLESS_WORDS) {
            let text = &name.text;
            let message = format!(
                "Do not use ARG or ENV instructions for sensitive data ({keyword} \"{text}\")"
            );
            self.report(&SECRETS_IN_ARG_OR_ENV, head, &name.span, message);
        }
    }
}
