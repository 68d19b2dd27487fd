//! A *transfer* moves an image, wherever it comes from and goes to.

use diskette_builder::oci::copy::{CopyContext, copy_image};
use diskette_builder::oci::image::json::Document;
use diskette_builder::oci::image::reference::Reference;
use diskette_builder::oci::images::Images;
use diskette_builder::oci::progress::Progress;
use diskette_builder::oci::sink::Sink;
use diskette_builder::registry::client::Registry;
use indicatif::HumanBytes;

use crate::arguments::show::ShowArguments;
use crate::error::CommandError;
use crate::ui::Ui;
use crate::ui::progress::ProgressView;

/// An image that is moved.
pub(crate) struct Transfer<'a> {
    pub(crate) images: &'a dyn Images,
    pub(crate) sink: &'a dyn Sink,
    pub(crate) names: &'a [Reference],
    pub(crate) tag: Option<&'a str>,
    pub(crate) show: &'a ShowArguments,
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
        let copied = copy_image(root, &context);
        progress.end();
        match copied {
            // Whatever else was told: it is because the user wanted it.
            Err(_) if progress.is_cancelled() => Err(CommandError::Interrupted),
            copied => Ok(copied?),
        }
    }
}

/// Says how much was moved, and how much was not.
pub(crate) fn summary(registry: &Registry, show: &ShowArguments, ui: &Ui) {
    if show.is_silent() {
        return;
    }
    let (sent, spared) = (registry.totals().sent(), registry.totals().spared());
    let (sent, spared) = (HumanBytes(sent), HumanBytes(spared));
    ui.line(&format!("{sent} sent, {spared} already there"));
}
