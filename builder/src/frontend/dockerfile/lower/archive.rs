//! Lists the *archives* that RUN unpacks.

use super::loader::StageLoader;
use super::result::EvaluationResult;
use crate::engine::assemble::BuildError;
use crate::oci::tar::{self, TarDetection, TarEntry, TarLimits};
use crate::recipe::diagnostic::Diagnostic;
use crate::recipe::{SourceLocation, SourceRecipe};

impl StageLoader<'_> {
    /// Returns the entries of an archive, `None` if a source is none. An archive on a server is
    /// downloaded now, and again for the contents of its files.
    pub(super) fn list_archive(
        &self,
        source: &SourceRecipe,
    ) -> EvaluationResult<Option<Vec<TarEntry>>> {
        let wrong = |reason: String| {
            let message = format!("cannot unpack `{}`: {reason}", source.location);
            Box::new(Diagnostic::new(message))
        };
        match &source.location {
            SourceLocation::Url(_) => {
                let listing = self.request.downloads.list(source);
                let listing = listing
                    .map_err(|error| Box::new(BuildError::from_source(error, source).diagnostic()));
                Ok(listing?.map(|entries| entries.to_vec()))
            }
            SourceLocation::File(file) => {
                let context = self.request.contexts.context(&file.directory);
                let context = context.ok_or_else(|| wrong("it is in no context".into()))?;
                let open = || context.open(&file.path).map_err(|error| wrong(error.to_string()));
                if tar::detect_tar(open()?) == TarDetection::Other {
                    return Ok(None);
                }
                let entries = tar::read_entries(open()?, TarLimits::default());
                let entries = entries.map_err(|error| wrong(error.to_string()))?;
                let entries: Result<Vec<TarEntry>, _> = entries.collect();
                entries.map(Some).map_err(|error| wrong(error.to_string()))
            }
            SourceLocation::Inline(_) | SourceLocation::Member(_) | SourceLocation::Image(_) => {
                Err(wrong("it is no file of the context, and no download".into()))
            }
        }
    }
}
