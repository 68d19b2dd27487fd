//! What moving an image has in common, wherever it comes from and goes to.

use std::num::NonZeroUsize;
use std::sync::Arc;

use clap::Args;
use diskette_builder::oci::copy::{CopyContext, CopyError, copy};
use diskette_builder::oci::error::StorageError;
use diskette_builder::oci::image::json::Document;
use diskette_builder::oci::image::reference::Reference;
use diskette_builder::oci::images::Images;
use diskette_builder::oci::progress::Progress;
use diskette_builder::oci::sink::Sink;
use diskette_builder::recipe::diagnostic::Diagnostic;
use diskette_builder::registry::client::Registry;
use indicatif::HumanBytes;

use crate::error::{CommandError, cannot};
use crate::ui::progress::{ProgressMode, ProgressView};
use crate::ui::{Ui, signal};

/// What is shown of a transfer, and how much is done at once.
#[derive(Debug, Args)]
pub(crate) struct Show {
    /// Number of blobs that are moved at a time
    #[arg(short, long, value_name = "N", default_value = "4")]
    jobs: NonZeroUsize,

    /// Print only the digest, and no progress
    #[arg(short, long)]
    quiet: bool,

    /// How progress is shown; auto is bars on a terminal and plain lines elsewhere
    #[arg(long, value_name = "HOW", default_value = "auto")]
    progress: ProgressMode,
}

impl Show {
    pub(crate) fn jobs(&self) -> usize {
        self.jobs.get()
    }

    /// Returns the view of the progress.
    pub(crate) fn progress(&self, ui: &Ui) -> Result<Arc<ProgressView>, CommandError> {
        let mode = if self.quiet { ProgressMode::None } else { self.progress };
        let interrupts = signal::interrupts().map_err(cannot("handle", "signals"))?;
        Ok(Arc::new(ui.progress(mode, interrupts)))
    }

    /// Prints what is there now: the image as a cluster would best name it, by its digest.
    pub(crate) fn result(
        &self,
        names: &[Reference],
        root: &Document,
        ui: &Ui,
    ) -> Result<(), CommandError> {
        let digest = root.digest;
        let mut lines: Vec<String> = names
            .iter()
            .filter(|_| !self.quiet)
            .map(|name| format!("{}@{digest}", name.place()))
            .collect();
        lines.dedup();
        if lines.is_empty() {
            lines.push(digest.to_string());
        }
        Ok(ui.result(format!("{}\n", lines.join("\n")).as_bytes())?)
    }
}

/// An image that is moved.
pub(crate) struct Transfer<'a> {
    pub(crate) images: &'a dyn Images,
    pub(crate) sink: &'a dyn Sink,
    pub(crate) names: &'a [Reference],
    pub(crate) tag: Option<&'a str>,
    pub(crate) show: &'a Show,
}

impl Transfer<'_> {
    pub(crate) fn run(&self, root: &Document, progress: &ProgressView) -> Result<(), CommandError> {
        let context = CopyContext {
            images: self.images,
            sink: self.sink,
            names: self.names,
            tag: self.tag,
            jobs: self.show.jobs(),
            progress,
        };
        let copied = copy(root, &context);
        progress.end();
        match copied {
            // Whatever else was told: it is because the user wanted it.
            Err(_) if progress.is_cancelled() => Err(CommandError::Interrupted),
            copied => Ok(copied?),
        }
    }
}

/// Says how much was moved, and how much was not.
pub(crate) fn summary(registry: &Registry, show: &Show, ui: &Ui) {
    if show.quiet || show.progress == ProgressMode::None {
        return;
    }
    let (sent, spared) = (registry.totals().sent(), registry.totals().spared());
    let (sent, spared) = (HumanBytes(sent), HumanBytes(spared));
    ui.line(&format!("{sent} sent, {spared} already there"));
}

impl From<CopyError> for CommandError {
    fn from(error: CopyError) -> Self {
        match error {
            CopyError::Storage(error) => error.into(),
            CopyError::Documents(error) => error.into(),
            CopyError::Platform(error) => error.into(),
        }
    }
}

/// Returns what is said of an image that is not where it was looked for.
pub(crate) fn not_found(name: &str) -> CommandError {
    Diagnostic::new(format!("there is no image `{name}`")).into()
}

/// A sink's failure while a client was being made.
pub(crate) fn storage_error(error: impl Into<StorageError>) -> CommandError {
    error.into().into()
}
