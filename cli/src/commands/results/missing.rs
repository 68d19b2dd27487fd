//! What is *missing* in results: files that were not written, and images of a catalogue without a
//! result.

use diskette_builder::recipe::diagnostic::Diagnostic;

/// Results that are not there, since a part was not run, was stopped, or is still running.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct MissingResults {
    /// What is missing, and why: a phrase.
    pub(super) message: String,
    /// Images that it is about, if they are known.
    pub(super) images: Vec<String>,
}

/// The most images that a message names.
const NAMED_MAX: usize = 5;

impl MissingResults {
    /// Returns the message with the names of the images.
    pub(super) fn text(&self) -> String {
        let shown = self.images.iter().take(NAMED_MAX).cloned().collect::<Vec<_>>().join(", ");
        match self.images.len().checked_sub(NAMED_MAX) {
            _ if self.images.is_empty() => self.message.clone(),
            Some(more @ 1..) => format!("{}: {shown} and {more} more", self.message),
            _ => format!("{}: {shown}", self.message),
        }
    }

    /// Returns it as an error, which a later run may mend.
    pub(super) fn diagnostic(&self) -> Diagnostic {
        Diagnostic::new(self.text())
            .temporary(true)
            .help("was that part stopped, or is it still running? run its `diskette sync` again")
    }
}
