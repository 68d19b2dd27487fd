//! Rules about the *text* of a file: cases, names of stages, comments and empty lines.

use std::collections::BTreeSet;

use super::findings::Findings;
use super::rules::{
    CONSISTENT_INSTRUCTION_CASING, DUPLICATE_STAGE_NAME, FROM_AS_CASING,
    INVALID_DEFINITION_DESCRIPTION, MAINTAINER_DEPRECATED, NO_EMPTY_CONTINUATION,
    RESERVED_STAGE_NAME, STAGE_NAME_CASING,
};
use crate::frontend::dockerfile::instruction::{Instruction, InstructionHead, InstructionKind};
use crate::frontend::dockerfile::stages::{Dockerfile, DockerfileStage};
use crate::frontend::dockerfile::syntax::DockerfileWord;

impl Findings {
    pub(super) fn check_text(&mut self, dockerfile: &Dockerfile) {
        for line in &dockerfile.empty_lines {
            self.report(&NO_EMPTY_CONTINUATION, &[], line, "Empty continuation line".into());
        }
        dockerfile.global_args.iter().for_each(|arg| self.check_description(arg));
        for stage in &dockerfile.stages {
            self.check_from_case(stage);
            for instruction in &stage.instructions {
                self.check_description(instruction);
                self.check_maintainer(instruction);
            }
        }
        self.check_stage_names(dockerfile);
        self.check_keywords(dockerfile);
    }

    fn check_maintainer(&mut self, instruction: &Instruction) {
        if let InstructionKind::Maintainer(_) = &instruction.kind {
            let message = "Maintainer instruction is deprecated in favor of using label";
            let head = &instruction.head;
            self.report(&MAINTAINER_DEPRECATED, &head.comments, &head.keyword.span, message.into());
        }
    }

    fn check_from_case(&mut self, stage: &DockerfileStage) {
        let InstructionHead { keyword, comments } = &stage.head;
        let Some(name) = &stage.from.name else { return };
        let written = &name.span.source.text[name.span.range.clone()];
        if written != written.to_lowercase() {
            let message = format!("Stage name '{written}' should be lowercase");
            self.report(&STAGE_NAME_CASING, comments, &name.span, message);
        }
        if let Some(word) = stage.from.as_word.as_ref().filter(|word| !has_same_case(keyword, word))
        {
            let message =
                format!("'{}' and '{}' keywords' casing do not match", word.text, keyword.text);
            self.report(&FROM_AS_CASING, comments, &word.span, message);
        }
        self.check_comment(&stage.head, "FROM", &[&name.text]);
    }

    fn check_description(&mut self, instruction: &Instruction) {
        if let InstructionKind::Arg(arguments) = &instruction.kind {
            let names: Vec<&str> = arguments.iter().map(|(name, _)| name.text.as_str()).collect();
            self.check_comment(&instruction.head, "ARG", &names);
        }
    }

    /// Checks that the last comment in front of a definition begins with its name.
    fn check_comment(&mut self, head: &InstructionHead, keyword: &str, names: &[&str]) {
        let Some(last) = head.comments.last() else { return };
        let first = last.split(' ').next().unwrap_or_default();
        if names.contains(&first) {
            return;
        }
        let example = if let [name] = names { name } else { "<arg_key>" };
        let message =
            format!("Comment for {keyword} should follow the format: `# {example} <description>`");
        let at = &head.keyword.span;
        self.report(&INVALID_DEFINITION_DESCRIPTION, &head.comments, at, message);
    }

    fn check_stage_names(&mut self, dockerfile: &Dockerfile) {
        let mut seen = BTreeSet::new();
        for name in dockerfile.stages.iter().filter_map(|stage| stage.from.name.as_ref()) {
            let text = name.text.as_str();
            if ["context", "scratch"].contains(&text) {
                let message =
                    format!("Stage name should not use the same name as reserved stage \"{text}\"");
                self.report(&RESERVED_STAGE_NAME, &[], &name.span, message);
            }
            if !seen.insert(text) {
                let message =
                    format!("Duplicate stage name \"{text}\", stage names should be unique");
                self.report(&DUPLICATE_STAGE_NAME, &[], &name.span, message);
            }
        }
    }

    /// Checks that all keywords have the case that most of them have.
    fn check_keywords(&mut self, dockerfile: &Dockerfile) {
        let keywords = dockerfile.stages.iter().flat_map(|stage| {
            let inner = stage.instructions.iter().map(|instruction| &instruction.head.keyword);
            std::iter::once(&stage.head.keyword).chain(inner)
        });
        let keywords: Vec<&DockerfileWord> = keywords.collect();
        let lower = keywords.iter().filter(|word| is_lower(&word.text)).count();
        let upper = keywords.iter().filter(|word| is_upper(&word.text)).count();
        let (is_right, majority): (fn(&str) -> bool, _) =
            if lower > upper { (is_lower, "lowercase") } else { (is_upper, "uppercase") };
        for word in keywords.into_iter().filter(|word| !is_right(&word.text)) {
            let message = format!(
                "Command '{}' should match the case of the command majority ({majority})",
                word.text
            );
            self.report(&CONSISTENT_INSTRUCTION_CASING, &[], &word.span, message);
        }
    }
}

/// Returns whether AS has the case of its FROM; of a FROM in mixed case another rule speaks.
fn has_same_case(from: &DockerfileWord, as_word: &DockerfileWord) -> bool {
    match from.text.as_str() {
        text if is_lower(text) => is_lower(&as_word.text),
        text if is_upper(text) => is_upper(&as_word.text),
        _ => true,
    }
}

fn is_lower(text: &str) -> bool {
    text == text.to_lowercase()
}

fn is_upper(text: &str) -> bool {
    text == text.to_uppercase()
}
