//! What the user sees: results on standard output, everything else on standard error.

pub(crate) mod progress;
pub(crate) mod render;
pub(crate) mod signal;

use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use clap::ValueEnum;
use diskette_builder::recipe::diagnostic::Diagnostic;

use self::progress::{ProgressMode, ProgressView};
use self::render::github::annotation;
use self::render::{Color, Severity, render};
use crate::environment::{Environment, Terminal};
use crate::error::{CommandError, cannot};

/// The terminal, or what stands for it.
#[derive(Debug)]
pub(crate) struct Ui {
    terminal: Terminal,
    messages: MessageFormat,
}

/// How errors and warnings are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum MessageFormat {
    /// For people
    Text,
    /// For people, and for the runner of GitHub Actions
    Github,
}

impl Ui {
    pub(crate) fn new(environment: &Environment) -> Self {
        Self { terminal: environment.terminal, messages: MessageFormat::Text }
    }

    /// Tells errors and warnings so from now on.
    #[must_use]
    pub(crate) fn with_messages(self, messages: MessageFormat) -> Self {
        Self { messages, ..self }
    }

    /// Writes the command's result to standard output.
    #[expect(clippy::unused_self, reason = "only who has the interface may write")]
    pub(crate) fn result(&self, bytes: &[u8]) -> Result<(), Diagnostic> {
        let mut output = io::stdout().lock();
        match output.write_all(bytes).and_then(|()| output.flush()) {
            // Whoever reads it has read enough.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            written => written.map_err(cannot("write", "standard output")),
        }
    }

    /// Says something that changes nothing.
    #[expect(clippy::unused_self, reason = "only who has the interface may write")]
    pub(crate) fn note(&self, text: &str) {
        message(&format!("note: {text}"));
    }

    /// Says how something went.
    #[expect(clippy::unused_self, reason = "only who has the interface may write")]
    pub(crate) fn line(&self, text: &str) {
        message(text);
    }

    /// Says why the program fails, and returns its exit status.
    pub(crate) fn fail(&self, error: &CommandError) -> ExitCode {
        let status = match error {
            CommandError::Failed(_) => 1,
            CommandError::Usage(_) => 2,
            CommandError::Temporary(_) => 75,
            CommandError::Interrupted => {
                message("interrupted; nothing was changed");
                return ExitCode::from(130);
            }
            CommandError::Stopped => {
                message("interrupted; what was done before stays");
                return ExitCode::from(130);
            }
        };
        self.show(error.diagnostics(), Severity::Error);
        ExitCode::from(status)
    }

    /// Says what is doubtful, and does not keep anything from being done.
    pub(crate) fn warn(&self, diagnostics: &[Diagnostic]) {
        self.show(diagnostics, Severity::Warning);
    }

    fn show(&self, diagnostics: &[Diagnostic], severity: Severity) {
        let color = if self.terminal == Terminal::Color { Color::Ansi } else { Color::Plain };
        for diagnostic in diagnostics {
            message(&render(diagnostic, severity, color));
            if self.messages == MessageFormat::Github {
                message(&annotation(diagnostic, severity));
            }
        }
    }

    /// Returns a view of the progress, which knows from now on whether the user asks to stop.
    pub(crate) fn progress(&self, mode: ProgressMode) -> Result<Arc<ProgressView>, Diagnostic> {
        let interrupted = signal::interrupts().map_err(cannot("handle", "signals"))?;
        Ok(self.progress_of(mode, interrupted))
    }

    /// Returns a view of the progress; `interrupted` is set when the user asks to stop.
    pub(crate) fn progress_of(
        &self,
        mode: ProgressMode,
        interrupted: Arc<AtomicBool>,
    ) -> Arc<ProgressView> {
        Arc::new(ProgressView::new(mode, self.terminal, interrupted))
    }
}

/// Writes a line to standard error. That nobody can read it any more is no reason to fail.
pub(crate) fn message(line: &str) {
    drop(writeln!(io::stderr().lock(), "{line}"));
}
