//! *Lint* is what BuildKit's rules find in a Dockerfile: it builds, and does something else than
//! its author may think (moby/buildkit `frontend/dockerfile/linter`).

mod findings;
mod from;
mod options;
mod pairs;
mod rules;
mod stage;
#[cfg(test)]
mod tests;
mod text;

use std::collections::{BTreeMap, BTreeSet};

use self::findings::Findings;
use self::options::CheckOptions;
pub use self::rules::{LINT_RULES, LintRule};
use self::stage::{StageCheck, StageFacts};
use crate::frontend::dockerfile::scope::GlobalScope;
use crate::frontend::dockerfile::stages::Dockerfile;
use crate::oci::image::platform::Platform;
use crate::recipe::diagnostic::Diagnostic;

/// Build argument with the options of the rules, which replaces the directive `check`.
const CHECK_ARGUMENT: &str = "BUILDKIT_DOCKERFILE_CHECK";

/// What the rules have found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LintReport {
    /// Each with the name of its rule, in the order of the file.
    pub findings: Vec<Diagnostic>,
    /// Whether the file demands that the build fails if there are any: `# check=error=true`.
    pub is_error: bool,
}

/// What is known of the base of a stage.
#[derive(Debug, Clone, Default)]
pub(crate) struct BaseFacts {
    /// Environment of its config.
    pub(crate) environment: BTreeMap<String, String>,
    /// Whether its config has a shell.
    pub(crate) has_shell: bool,
    /// Platform that was requested, and the image's own.
    pub(crate) platforms: Option<(Platform, Platform)>,
}

impl BaseFacts {
    /// Returns the two platforms if they are not the same.
    fn mismatch(&self) -> Option<&(Platform, Platform)> {
        self.platforms.as_ref().filter(|(expected, actual)| {
            expected.os != actual.os || expected.architecture != actual.architecture
        })
    }
}

/// A Dockerfile and what its rules depend on.
pub(crate) struct LintSubject<'a> {
    pub(crate) dockerfile: &'a Dockerfile,
    /// Global variables of the build.
    pub(crate) scope: &'a GlobalScope,
    /// Global variables without `--build-arg`.
    pub(crate) defaults: &'a GlobalScope,
    pub(crate) build_args: &'a BTreeMap<String, String>,
    /// Stages whose instructions are checked.
    pub(crate) stages: &'a BTreeSet<usize>,
    /// Base name of each stage, with its variables replaced.
    pub(crate) base_names: &'a [String],
    /// Bases that were loaded, by the number of their stage.
    pub(crate) bases: &'a BTreeMap<usize, BaseFacts>,
}

/// Checks a Dockerfile. Fails if the options of the rules are wrong.
pub(crate) fn check(subject: &LintSubject<'_>) -> Result<LintReport, Diagnostic> {
    let options = read_options(subject)?;
    let is_error = options.is_error;
    let mut findings = Findings::new(options);
    findings.check_text(subject.dockerfile);
    findings.check_bases(subject);
    check_stages(subject, &mut findings);
    let mut findings = findings.found;
    findings.sort_by_key(|finding| finding.span.as_ref().map(|span| span.range.start));
    Ok(LintReport { findings, is_error })
}

fn read_options(subject: &LintSubject<'_>) -> Result<CheckOptions, Diagnostic> {
    let given = subject.build_args.get(CHECK_ARGUMENT);
    let written = subject.dockerfile.check.as_ref();
    let text = given.or(written.map(|word| &word.text)).map_or("", String::as_str);
    CheckOptions::parse(text).map_err(|message| {
        let at = written.filter(|_| given.is_none()).map(|word| word.span.clone());
        let help = "it is `skip=RULE,RULE`, `experimental=RULE` and `error=true`, with `;` between";
        Diagnostic::new(message).at(at).help(help)
    })
}

fn check_stages(subject: &LintSubject<'_>, findings: &mut Findings) {
    let mut finished: Vec<StageFacts<'_>> = Vec::new();
    for (number, stage) in subject.dockerfile.stages.iter().enumerate() {
        let base = subject.base_names.get(number).map_or("", String::as_str);
        let above = subject.dockerfile.find_named_stage(base, number);
        let facts = match above.and_then(|above| finished.get(above)) {
            Some(above) => above.clone(),
            None if base == "scratch" => StageFacts::on_base(subject, Some(&BaseFacts::default())),
            None => StageFacts::on_base(subject, subject.bases.get(&number)),
        };
        let mut ignored = Findings::new(findings.options.clone());
        let is_checked = subject.stages.contains(&number);
        let findings = if is_checked { &mut *findings } else { &mut ignored };
        let mut check = StageCheck { subject, facts, findings, last: BTreeMap::new() };
        stage.instructions.iter().for_each(|instruction| check.check_instruction(instruction));
        finished.push(check.facts);
    }
}
