//! *YAML* is the language of specs. This module parses a text to nodes, or to the diagnostic that says
//! why it is not YAML.

use std::sync::Arc;

use serde_saphyr::Spanned;
use serde_saphyr::options::{DuplicateKeyPolicy, MergeKeyPolicy, NonFiniteFloatPolicy};

use super::node::{Node, RawNode};
use super::spans::SpanConverter;
use super::syntax::diagnose_syntax;
use crate::recipe::diagnostic::{Diagnostic, SourceText};

/// Maximum length of a spec in bytes; real ones have a few hundred.
pub(super) const SIZE_LIMIT: usize = 1 << 20;

/// Maximum number of values in a spec after its aliases are expanded; a few lines of aliases could
/// expand to gigabytes otherwise.
const NODE_LIMIT: usize = 20_000;

/// Returns the documents of a text, without empty ones.
pub(super) fn parse(source: &Arc<SourceText>) -> Result<Vec<Node>, Diagnostic> {
    if source.text.len() > SIZE_LIMIT {
        return Err(Diagnostic::new(format!("`{}` is larger than 1 MiB", source.name))
            .help("a spec is a short YAML file; is this the right one?"));
    }
    let spans = SpanConverter::new(source);
    let options = serde_saphyr::options! {
        // Duplicate keys are reported, with both spans, when the nodes are read.
        duplicate_keys: DuplicateKeyPolicy::LastWins,
        merge_keys: MergeKeyPolicy::Error,
        reject_unsupported_tags: true,
        budget: serde_saphyr::budget! { max_nodes: NODE_LIMIT },
        strict_booleans: true,
        non_finite_float_policy: NonFiniteFloatPolicy::PassThrough,
        with_snippet: false,
    };
    let documents: Vec<Spanned<RawNode>> =
        serde_saphyr::from_multiple_with_options(spans.yaml_text(), options)
            .map_err(|error| diagnose_syntax(&error, &spans))?;
    Ok(documents.into_iter().map(|document| spans.locate_node(document)).collect())
}
