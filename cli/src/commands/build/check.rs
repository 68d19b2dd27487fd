//! `--check`: what is wrong with an input, in the form that was asked for.

mod json;
mod sarif;

use clap::{Args, ValueEnum};
use diskette_builder::frontend::dockerfile::LintReport;
use diskette_builder::recipe::diagnostic::Diagnostic;

use crate::error::CommandError;
use crate::ui::Ui;
use crate::ui::render::MessageSeverity;

/// Options of `--check`.
#[derive(Debug, Args)]
pub(super) struct CheckArguments {
    /// Report errors and warnings without writing an image; fail on warnings too if the Dockerfile
    /// has `# check=error=true`, or as LEVEL says
    #[arg(long, value_name = "LEVEL", num_args = 0..=1, require_equals = true)]
    #[expect(clippy::option_option, reason = "the option has an optional value")]
    check: Option<Option<CheckLevel>>,

    /// How what --check finds is written; json is docker's form, and goes to standard output as
    /// sarif does
    #[arg(long, value_name = "HOW", default_value = "text", requires = "check")]
    check_format: CheckFormat,
}

/// Whether warnings fail a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum CheckLevel {
    /// Fail on warnings
    Error,
    /// Report warnings, whatever the Dockerfile says
    Warn,
}

/// A value of `--check-format`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum CheckFormat {
    /// Messages, as `--message-format` says
    Text,
    /// For programs
    Json,
    /// SARIF, for tools such as GitHub's code scanning
    Sarif,
}

impl CheckArguments {
    /// Returns whether nothing is built.
    pub(super) fn is_on(&self) -> bool {
        self.check.is_some()
    }
}

/// What was found in an input before anything was built.
#[derive(Debug, Default)]
pub(super) struct InputFindings {
    pub(super) warnings: Vec<Diagnostic>,
    /// What BuildKit's rules find in a Dockerfile.
    pub(super) lint: LintReport,
}

/// A finding with its severity.
type SeverityAndFinding<'a> = (MessageSeverity, &'a Diagnostic);

impl InputFindings {
    /// Fails if the Dockerfile demands it: `# check=error=true`.
    pub(super) fn check_lint(&self) -> Result<(), CommandError> {
        if !self.lint.is_error || self.lint.findings.is_empty() {
            return Ok(());
        }
        let all = self.lint.findings.iter().cloned().chain([self.lint_violation()]);
        Err(CommandError::Failed(all.collect()))
    }

    /// Writes what a check has found, and how it ended.
    pub(super) fn report(
        self,
        arguments: &CheckArguments,
        is_quiet: bool,
        outcome: Result<(), CommandError>,
        ui: &Ui,
    ) -> Result<(), CommandError> {
        let warnings: Vec<&Diagnostic> = self.lint.findings.iter().chain(&self.warnings).collect();
        let errors = match &outcome {
            Ok(()) => &[],
            Err(CommandError::Failed(errors)) => errors.as_slice(),
            Err(_) => return outcome,
        };
        let is_known = |warning: &&Diagnostic| {
            errors.iter().any(|it| (it.rule, &it.span) == (warning.rule, &warning.span))
        };
        let warnings = warnings.into_iter().filter(|warning| !is_known(warning));
        let found = warnings.map(|it| (MessageSeverity::Warning, it));
        let found = found.chain(errors.iter().map(|it| (MessageSeverity::Error, it)));
        let found: Vec<SeverityAndFinding<'_>> = found.collect();
        let ending = self.ending(arguments, &found);
        match arguments.check_format {
            CheckFormat::Text => {
                let warnings =
                    found.iter().filter(|(severity, _)| *severity == MessageSeverity::Warning);
                let warnings: Vec<Diagnostic> = warnings.map(|(_, it)| (*it).clone()).collect();
                ui.warn(&warnings);
                if found.is_empty() && !is_quiet {
                    ui.print_line("no problems found");
                }
                return outcome.and(ending);
            }
            CheckFormat::Json => ui.print_json(&json::report_json(&found))?,
            CheckFormat::Sarif => ui.print_json(&sarif::report_sarif(&found))?,
        }
        // They are in the report.
        outcome.and(ending).map_err(|_| CommandError::Failed(Vec::new()))
    }

    /// Fails if warnings fail the check.
    fn ending(
        &self,
        arguments: &CheckArguments,
        found: &[SeverityAndFinding<'_>],
    ) -> Result<(), CommandError> {
        match arguments.check.flatten() {
            Some(CheckLevel::Error) if !found.is_empty() => {
                let problem = Diagnostic::new("`--check=error` fails on warnings");
                Err(problem.help("mend them, or leave `=error` out").into())
            }
            None if self.lint.is_error && !self.lint.findings.is_empty() => {
                Err(self.lint_violation().into())
            }
            _ => Ok(()),
        }
    }

    fn lint_violation(&self) -> Diagnostic {
        let mut rules: Vec<&str> = self.lint.findings.iter().filter_map(|it| it.rule).collect();
        rules.sort_unstable();
        rules.dedup();
        let message = format!("lint violation found for rules: {}", rules.join(", "));
        Diagnostic::new(message).help("the Dockerfile demands it with `# check=error=true`")
    }
}
