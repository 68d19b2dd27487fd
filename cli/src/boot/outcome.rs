//! The *outcome* of a boot test, as text and as JSON.

use std::path::PathBuf;

use diskette_builder::oci::image::platform::Platform;
use serde_json::{Value, json};

use super::machine::Accelerator;
use super::watch::BootVerdict;

/// Outcome of a boot test.
#[derive(Debug)]
pub(crate) struct BootOutcome {
    pub(super) platform: Platform,
    /// `None` if the machine was not started; the same for the fields below.
    pub(super) accelerator: Option<Accelerator>,
    pub(super) firmware: Option<&'static str>,
    pub(super) verdict: BootVerdict,
    pub(super) seconds: f64,
    pub(super) console: Option<PathBuf>,
}

impl BootOutcome {
    /// Returns the outcome of a boot that was not started.
    pub(super) fn refused(platform: Platform, why: String) -> Self {
        let verdict = BootVerdict::Refused(why);
        Self { platform, accelerator: None, firmware: None, verdict, seconds: 0.0, console: None }
    }

    /// Returns whether the console showed the expected output.
    pub(crate) fn is_good(&self) -> bool {
        matches!(self.verdict, BootVerdict::Seen(_))
    }

    /// Returns the outcome as a few lines of text.
    pub(crate) fn to_text(&self) -> String {
        let Self { platform, accelerator, firmware, seconds, .. } = self;
        let accelerator = accelerator.map(Accelerator::name).unwrap_or_default();
        let firmware = firmware.unwrap_or_default();
        let how = format!("{accelerator}, {firmware}, {seconds:.1} s");
        let mut text = match &self.verdict {
            BootVerdict::Seen(line) => return format!("{platform}: boots ({how}): {line}\n"),
            BootVerdict::Refused(why) => return format!("{platform}: not booted: {why}\n"),
            verdict => format!("{platform}: does not boot ({how}): {}\n", verdict.reason()),
        };
        for line in self.verdict.tail() {
            text.extend(["  | ", line, "\n"]);
        }
        if let Some(path) = &self.console {
            text.extend(["  = the console is in `", &path.display().to_string(), "`\n"]);
        }
        text
    }

    /// Returns the outcome as JSON.
    pub(crate) fn to_json(&self) -> Value {
        let (seen, reason) = match &self.verdict {
            BootVerdict::Seen(line) => (Some(line), None),
            verdict => (None, Some(verdict.reason())),
        };
        json!({
            "platform": self.platform.to_string(),
            "boots": self.is_good(),
            "seen": seen,
            "reason": reason,
            "accelerator": self.accelerator.map(Accelerator::name),
            "firmware": self.firmware,
            "seconds": (self.seconds * 10.0).round() / 10.0,
            "console": self.console,
        })
    }
}
