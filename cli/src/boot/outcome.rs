//! The *outcome* of a boot, for people and for programs.

use std::path::PathBuf;

use diskette_builder::oci::image::platform::Platform;
use serde_json::{Value, json};

use super::machine::Accelerator;
use super::watch::Verdict;

/// How a boot went.
#[derive(Debug)]
pub(crate) struct Boot {
    pub(super) platform: Platform,
    /// Nothing where it was not tried; so for the next.
    pub(super) accelerator: Option<Accelerator>,
    pub(super) firmware: Option<&'static str>,
    pub(super) verdict: Verdict,
    pub(super) seconds: f64,
    pub(super) console: Option<PathBuf>,
}

impl Boot {
    /// Returns the outcome of a boot that was not tried.
    pub(super) fn refused(platform: Platform, why: String) -> Self {
        let verdict = Verdict::Refused(why);
        Self { platform, accelerator: None, firmware: None, verdict, seconds: 0.0, console: None }
    }

    /// Tells whether the console showed what was expected.
    pub(crate) fn is_good(&self) -> bool {
        matches!(self.verdict, Verdict::Seen(_))
    }

    /// Returns it in a few lines for people.
    pub(crate) fn text(&self) -> String {
        let Self { platform, accelerator, firmware, seconds, .. } = self;
        let accelerator = accelerator.map(Accelerator::name).unwrap_or_default();
        let firmware = firmware.unwrap_or_default();
        let how = format!("{accelerator}, {firmware}, {seconds:.1} s");
        let mut text = match &self.verdict {
            Verdict::Seen(line) => return format!("{platform}: boots ({how}): {line}\n"),
            Verdict::Refused(why) => return format!("{platform}: not booted: {why}\n"),
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

    /// Returns it for programs.
    pub(crate) fn json(&self) -> Value {
        let (seen, reason) = match &self.verdict {
            Verdict::Seen(line) => (Some(line), None),
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
