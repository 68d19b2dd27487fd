//! The *user interface*: results on standard output, everything else on standard error.

pub(crate) mod markdown;
pub(crate) mod message;
pub(crate) mod progress;
pub(crate) mod prompt;
pub(crate) mod redact;
pub(crate) mod render;
#[cfg(test)]
mod render_tests;
pub(crate) mod signal;
pub(crate) mod visible;

use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use diskette_builder::recipe::diagnostic::Diagnostic;

pub(crate) use self::message::{MessageFormat, print_message};
use self::message::{diagnostic_json, print_json};
use self::progress::{INTERRUPTED_MIDWAY, ProgressMode, ProgressView, interrupted_message};
use self::render::github::annotation;
use self::render::{Color, MessageSeverity, render};
use self::visible::{visible_json, visible_text};
use crate::environment::{Environment, Terminal};
use crate::error::{CommandError, cannot};

/// The most errors, and warnings, that are shown to people at once.
const SHOWN_MAX: usize = 100;

/// Prints results and messages.
#[derive(Debug)]
pub(crate) struct Ui {
    terminal: Terminal,
}

impl Ui {
    pub(crate) fn new(environment: &Environment) -> Self {
        Self { terminal: environment.terminal }
    }

    /// Writes the command's result to standard output.
    #[expect(clippy::unused_self, reason = "only who has the interface may write")]
    pub(crate) fn print_result(&self, bytes: &[u8]) -> Result<(), Diagnostic> {
        let mut output = io::stdout().lock();
        match output.write_all(bytes).and_then(|()| output.flush()) {
            // The reader has closed the pipe, since it has read enough.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            written => written.map_err(cannot("write", "standard output")),
        }
    }

    /// Writes lines of text for people to standard output, with what is invisible as escapes.
    pub(crate) fn print_text(&self, text: &str) -> Result<(), Diagnostic> {
        self.print_result(visible_text(text).as_bytes())
    }

    /// Writes JSON to standard output, in which strings have escapes for what is invisible.
    pub(crate) fn print_json(&self, json: &str) -> Result<(), Diagnostic> {
        self.print_result(visible_json(json).as_bytes())
    }

    /// Prints a note for the user's information.
    #[expect(clippy::unused_self, reason = "only who has the interface may write")]
    pub(crate) fn print_note(&self, text: &str) {
        message::print_note(text);
    }

    /// Prints a line about the outcome.
    #[expect(clippy::unused_self, reason = "only who has the interface may write")]
    pub(crate) fn print_line(&self, text: &str) {
        print_message(text);
    }

    /// Prints why the program fails, and returns its exit status.
    pub(crate) fn fail(&self, error: &CommandError) -> ExitCode {
        let status = match error {
            CommandError::Failed(all) if is_temporary(all) => 75,
            CommandError::Failed(_) => 1,
            CommandError::Usage(_) => 2,
            CommandError::CommandLine(text) => {
                message::print_usage(text);
                return ExitCode::from(2);
            }
            CommandError::Interrupted => {
                print_message(interrupted_message());
                return ExitCode::from(signal::exit_status());
            }
            CommandError::Stopped => {
                print_message(INTERRUPTED_MIDWAY);
                return ExitCode::from(signal::exit_status());
            }
        };
        self.print_diagnostics(error.diagnostics(), MessageSeverity::Error);
        ExitCode::from(status)
    }

    /// Prints warnings.
    pub(crate) fn warn(&self, diagnostics: &[Diagnostic]) {
        self.print_diagnostics(diagnostics, MessageSeverity::Warning);
    }

    fn print_diagnostics(&self, diagnostics: &[Diagnostic], severity: MessageSeverity) {
        let color = if self.terminal == Terminal::Color { Color::Ansi } else { Color::Plain };
        if message::format() == MessageFormat::Json {
            let objects =
                diagnostics.iter().map(|diagnostic| diagnostic_json(diagnostic, severity));
            return objects.for_each(|object| print_json(&object));
        }
        for diagnostic in diagnostics.iter().take(SHOWN_MAX) {
            message::print_rendered(&render(diagnostic, severity, color));
            if message::format() == MessageFormat::Github {
                message::print_command(&annotation(diagnostic, severity));
            }
        }
        if let Some(more @ 1..) = diagnostics.len().checked_sub(SHOWN_MAX) {
            let word = severity.word();
            print_message(&format!("{word}: {more} more {word}s are not shown"));
        }
    }

    /// Returns a display of progress that reports interrupts from now on.
    pub(crate) fn progress(&self, mode: ProgressMode) -> Result<Arc<ProgressView>, Diagnostic> {
        let interrupted = signal::interrupts().map_err(cannot("handle", "signals"))?;
        Ok(self.progress_until(mode, interrupted))
    }

    /// Returns a display of progress; `interrupted` is set when the user asks to stop.
    pub(crate) fn progress_until(
        &self,
        mode: ProgressMode,
        interrupted: Arc<AtomicBool>,
    ) -> Arc<ProgressView> {
        let mode = match (message::format(), mode) {
            (MessageFormat::Json, ProgressMode::Auto | ProgressMode::Plain) => ProgressMode::Json,
            _ => mode,
        };
        let view = Arc::new(ProgressView::new(mode, self.terminal, interrupted));
        let shown = Arc::downgrade(&view);
        signal::on_forced_exit(move || {
            if let Some(view) = shown.upgrade() {
                view.try_end();
            }
        });
        view
    }
}

/// Returns whether all that failed may succeed later.
fn is_temporary(diagnostics: &[Diagnostic]) -> bool {
    !diagnostics.is_empty() && diagnostics.iter().all(|diagnostic| diagnostic.is_temporary)
}
