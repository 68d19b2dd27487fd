//! Rules about the *base* and the platform of stages.

use std::cell::RefCell;
use std::collections::BTreeSet;

use super::LintSubject;
use super::findings::{Findings, did_you_mean, similar_word};
use super::rules::{
    FROM_PLATFORM_CONST, INVALID_BASE_IMAGE_PLATFORM, INVALID_DEFAULT_ARG_IN_FROM,
    REDUNDANT_TARGET_PLATFORM, UNDEFINED_ARG_IN_FROM,
};
use crate::frontend::dockerfile::expand::Expander;
use crate::frontend::dockerfile::stages::DockerfileStage;
use crate::frontend::dockerfile::syntax::DockerfileWord;
use crate::oci::image::platform::Platform;
use crate::oci::image::reference::Reference;

const TARGET_PLATFORM: &str = "TARGETPLATFORM";

/// A word of FROM with its variables replaced.
struct FromValue {
    text: String,
    /// Variables that have a value.
    found: BTreeSet<String>,
    /// Variables that have none.
    missing: BTreeSet<String>,
}

impl Findings {
    pub(super) fn check_bases(&mut self, subject: &LintSubject<'_>) {
        for (number, stage) in subject.dockerfile.stages.iter().enumerate() {
            self.check_default_base(subject, stage);
            self.check_declared(subject, stage, &stage.from.base);
            if let Some(word) = &stage.from.platform {
                self.check_declared(subject, stage, word);
                self.check_platform(subject, stage, word);
            }
            self.check_base_platform(subject, number);
        }
    }

    fn check_default_base(&mut self, subject: &LintSubject<'_>, stage: &DockerfileStage) {
        let base = &stage.from.base;
        let lookup = |name: &str| subject.defaults.get(name);
        let expander = Expander::new(subject.dockerfile.escape, &lookup);
        let Ok(text) = expander.expand_word(&base.text) else { return };
        if text.parse::<Reference>().is_err() {
            let message = format!(
                "Default value for ARG {} results in empty or invalid base image name",
                base.text
            );
            self.report(&INVALID_DEFAULT_ARG_IN_FROM, &[], &base.span, message);
        }
    }

    fn check_declared(
        &mut self,
        subject: &LintSubject<'_>,
        stage: &DockerfileStage,
        word: &DockerfileWord,
    ) {
        let Some(value) = from_value(subject, word) else { return };
        let declared: BTreeSet<&str> =
            subject.dockerfile.globals().map(|(name, _)| name.text.as_str()).collect();
        for name in value.missing.iter().filter(|name| !declared.contains(name.as_str())) {
            let known = declared.iter().copied().chain(subject.scope.names());
            let similar = did_you_mean(similar_word(name, known), "");
            let message = format!("FROM argument '{name}' is not declared{similar}");
            self.report(&UNDEFINED_ARG_IN_FROM, &stage.head.comments, &word.span, message);
        }
    }

    fn check_platform(
        &mut self,
        subject: &LintSubject<'_>,
        stage: &DockerfileStage,
        word: &DockerfileWord,
    ) {
        let Some(FromValue { text, found, missing }) = from_value(subject, word) else { return };
        let comments = &stage.head.comments;
        let is_target = subject.scope.get(TARGET_PLATFORM).as_ref() == Some(&text);
        let is_only = found.len() == 1 && missing.is_empty() && found.contains(TARGET_PLATFORM);
        if is_target && is_only {
            let written = &word.text;
            let message = format!(
                "Setting platform to predefined {written} in FROM is redundant as this is the \
                 default behavior"
            );
            self.report(&REDUNDANT_TARGET_PLATFORM, comments, &word.span, message);
        }
        let Ok(platform) = text.parse::<Platform>() else { return };
        let name = stage.from.name.as_ref().map_or("", |name| name.text.as_str());
        let is_named = name.contains(&platform.os) || name.contains(&platform.architecture);
        if found.is_empty() && missing.is_empty() && !is_named {
            let message = format!("FROM --platform flag should not use constant value \"{text}\"");
            self.report(&FROM_PLATFORM_CONST, comments, &word.span, message);
        }
    }

    fn check_base_platform(&mut self, subject: &LintSubject<'_>, number: usize) {
        let Some((expected, actual)) = subject.bases.get(&number).and_then(|base| base.mismatch())
        else {
            return;
        };
        let stage = &subject.dockerfile.stages[number];
        let base = &stage.from.base;
        let message = format!(
            "Base image {} was pulled with platform \"{actual}\", expected \"{expected}\" for \
             current build",
            base.text
        );
        self.report(&INVALID_BASE_IMAGE_PLATFORM, &stage.head.comments, &base.span, message);
    }
}

fn from_value(subject: &LintSubject<'_>, word: &DockerfileWord) -> Option<FromValue> {
    let found = RefCell::new(BTreeSet::new());
    let lookup = |name: &str| {
        let value = subject.scope.get(name);
        if value.is_some() {
            found.borrow_mut().insert(name.to_owned());
        }
        value
    };
    let expander = Expander::new(subject.dockerfile.escape, &lookup);
    let text = expander.expand_word(&word.text).ok()?;
    let missing = expander.unset_names();
    Some(FromValue { text, missing, found: found.into_inner() })
}
