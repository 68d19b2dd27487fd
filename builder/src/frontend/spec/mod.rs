//! A *spec* is the YAML file that describes an image of disks: nodes are parsed from the text, the types
//! of the format are read from the nodes, and these are lowered to recipes.

mod catalogue;
mod compression;
mod content;
mod disk_name;
mod environment;
mod fields;
mod files;
mod keep;
mod keys;
mod located;
mod location;
mod lower;
mod machine;
mod names;
mod node;
mod paths;
mod read;
mod release;
mod schema;
mod source;
mod spans;
mod syntax;
mod tag_patterns;
mod tags;
mod types;
mod upstream;
mod values;
mod versions;
mod vm;
mod yaml;

use std::collections::HashMap;
use std::sync::Arc;

pub use self::catalogue::{
    CatalogueEntry, CataloguePlatform, FollowedVersions, ImageDocs, load_catalogue,
};
use self::fields::FromNode;
use self::located::Located;
use self::lower::{LoweredSpec, check_version, lower_spec};
use self::node::Node;
pub(crate) use self::release::PlatformsPolicy;
pub use self::schema::schema;
pub(crate) use self::tag_patterns::SOURCE_URL;
pub use self::tags::TagTemplate;
use self::types::Spec;
pub use self::types::SpecFormat;
use crate::engine::source::InputFiles;
use crate::recipe::Recipe;
use crate::recipe::diagnostic::{Diagnostic, SourceText};

/// Reads a spec; each of its YAML documents is one recipe.
///
/// The error lists all problems in the order of the text; for a text that is not YAML, only the first.
/// `files` opens those that specs refer to; `format` is used instead of the one in the text.
pub fn load_recipes(
    source: &Arc<SourceText>,
    files: &dyn InputFiles,
    format: Option<SpecFormat>,
) -> Result<Vec<Recipe>, Vec<Diagnostic>> {
    let documents = yaml::parse(source).map_err(|problem| vec![problem])?;
    if documents.is_empty() {
        return Err(vec![empty_spec(source)]);
    }
    let mut problems = Vec::new();
    let load = |document| load_document(document, files, format, &mut problems);
    let lowered: Vec<LoweredSpec> = documents.iter().filter_map(load).collect();
    check_unique_names(&lowered, &mut problems);
    if problems.is_empty() {
        return Ok(lowered.into_iter().map(|lowered| lowered.recipe).collect());
    }
    problems.sort_by_key(|problem| problem.span.as_ref().map(|span| span.range.start));
    // The top of a file is checked once for each platform.
    problems.dedup();
    Err(problems)
}

fn load_document(
    document: &Node,
    files: &dyn InputFiles,
    format: Option<SpecFormat>,
    problems: &mut Vec<Diagnostic>,
) -> Option<LoweredSpec> {
    let mut found = Vec::new();
    let spec = Spec::from_node(document, &document.span, &mut found);
    if let Some(Err(other_version)) = spec.as_ref().map(check_version) {
        problems.push(other_version);
        return None;
    }
    problems.append(&mut found);
    let spec = Spec { chosen_format: format, ..spec? };
    Some(lower_spec(&spec, files, problems))
}

/// Checks that two documents do not name two images alike: the second would replace the first.
fn check_unique_names(lowered: &[LoweredSpec], problems: &mut Vec<Diagnostic>) {
    let mut lines: HashMap<String, (usize, usize)> = HashMap::new();
    for (document, Located { value, span }) in lowered
        .iter()
        .enumerate()
        .flat_map(|(n, lowered)| lowered.names.iter().map(move |name| (n, name)))
    {
        let (line, _) = span.line_column();
        let (first, other) = *lines.entry(value.to_string()).or_insert((document, line));
        if first == document {
            continue;
        }
        problems.push(
            Diagnostic::new(format!("two images are named `{value}`"))
                .at(span.clone())
                .help(format!("the other one is named on line {other}; change `image` or `tags`")),
        );
    }
}

fn empty_spec(source: &Arc<SourceText>) -> Diagnostic {
    Diagnostic::new(format!("`{}` holds no spec", source.name)).help(
        "the shortest one is `{apiVersion: diskette/v1, platforms: {linux/amd64: {disk: my.qcow2}}}`",
    )
}

#[cfg(test)]
mod tests;
