//! *YAML* is the language a spec is written in. This module turns a text into nodes, or into the
//! one diagnostic that says why it is not YAML.

use std::sync::Arc;

use serde_saphyr::Spanned;
use serde_saphyr::options::{DuplicateKeyPolicy, MergeKeyPolicy, NonFiniteFloatPolicy};

use super::node::{Node, RawNode};
use super::places::TextPlaces;
use super::syntax::diagnose;
use crate::recipe::diagnostic::{Diagnostic, SourceText};

/// The largest text that is read as a spec, in bytes; real ones have a few hundred.
const SIZE_LIMIT: usize = 1 << 20;

/// The most values a spec may have once its aliases are written out; keeps a few lines of them
/// from growing into gigabytes.
const NODE_LIMIT: usize = 20_000;

/// Returns the documents of a text; empty ones are left out.
pub(super) fn parse(source: &Arc<SourceText>) -> Result<Vec<Node>, Diagnostic> {
    if source.text.len() > SIZE_LIMIT {
        return Err(Diagnostic::new(format!("`{}` is larger than 1 MiB", source.name))
            .help("a spec is a short YAML file; is this the right one?"));
    }
    let places = TextPlaces::new(source);
    let options = serde_saphyr::options! {
        // Doubles are found, with both places, where the nodes are read.
        duplicate_keys: DuplicateKeyPolicy::LastWins,
        merge_keys: MergeKeyPolicy::Error,
        reject_unsupported_tags: true,
        budget: serde_saphyr::budget! { max_nodes: NODE_LIMIT },
        strict_booleans: true,
        non_finite_float_policy: NonFiniteFloatPolicy::PassThrough,
        with_snippet: false,
    };
    let documents: Vec<Spanned<RawNode>> =
        serde_saphyr::from_multiple_with_options(places.yaml(), options)
            .map_err(|error| diagnose(&error, &places))?;
    Ok(documents.into_iter().map(|document| places.node(document)).collect())
}
