//! *Names* of the finished image: the repository joined with each tag.

use std::collections::HashSet;

use crate::oci::image::reference::Reference;
use crate::oci::image::tag::Tag;

use super::located::{Located, LocatedText};
use crate::recipe::diagnostic::Diagnostic;

/// The tag of an image without `tags`.
pub(super) const DEFAULT_TAG: &str = "latest";

/// Returns the image's names, each with the span that gives it.
pub(super) fn lower_names(
    image: Option<&LocatedText>,
    tags: Option<&Located<Vec<LocatedText>>>,
    problems: &mut Vec<Diagnostic>,
) -> Vec<Located<Reference>> {
    let Some(image) = image else {
        if let Some(tags) = tags {
            problems.push(
                Diagnostic::new("`tags` without `image`")
                    .at(tags.span.clone())
                    .help("add `image:` with the repository, or name the image with `-t` alone"),
            );
        }
        return Vec::new();
    };
    let repository = check_repository(image).map_err(|problem| problems.push(problem));
    let Some(tags) = tags else {
        let name =
            repository.and_then(|()| parse_name(image, DEFAULT_TAG).map_err(|p| problems.push(p)));
        return name.map(|value| Located { value, span: image.span.clone() }).into_iter().collect();
    };
    let checked = check_tags(tags, problems);
    if repository.is_err() {
        return Vec::new();
    }
    let mut names = Vec::new();
    for tag in checked {
        match parse_name(image, &tag.value) {
            Ok(value) => names.push(Located { value, span: tag.span.clone() }),
            Err(problem) => problems.push(problem),
        }
    }
    names
}

fn check_repository(image: &LocatedText) -> Result<(), Diagnostic> {
    let name = image.value.as_str();
    let wrong = |message: &str| Diagnostic::new(message).at(image.span.clone());
    if name.is_empty() {
        return Err(wrong("`image` is empty").help("write a repository like `quay.io/me/fedora`"));
    }
    if let Some((scheme, rest)) = name.split_once("://") {
        let problem = wrong(&format!("an image name does not begin with `{scheme}://`"));
        return Err(problem.help(format!("write `{rest}`")));
    }
    if let Some((repository, _)) = name.split_once('@') {
        return Err(wrong("`image` has a digest")
            .help(format!("write `{repository}`: the digest follows from what is built")));
    }
    let last = name.rsplit('/').next().unwrap_or(name);
    if let Some((_, tag)) = last.split_once(':') {
        let repository = &name[..name.len() - tag.len() - 1];
        return Err(wrong("`image` has a tag")
            .help(format!("write `image: {repository}` and `tags: [\"{tag}\"]`")));
    }
    Ok(())
}

fn check_tags<'t>(
    tags: &'t Located<Vec<LocatedText>>,
    problems: &mut Vec<Diagnostic>,
) -> Vec<&'t LocatedText> {
    let mut checked = HashSet::new();
    let mut good = Vec::new();
    for tag in &tags.value {
        let problem = if tag.value.parse::<Tag>().is_err() {
            Diagnostic::new(format!("`{}` is not a tag", tag.value.escape_debug())).help(
                "a tag has up to 128 letters, digits, `_`, `.` and `-`, and begins with none of \
                 the last two",
            )
        } else if !checked.insert(&tag.value) {
            Diagnostic::new(format!("the tag `{}` is given twice", tag.value)).help("remove one")
        } else {
            good.push(tag);
            continue;
        };
        problems.push(problem.at(tag.span.clone()));
    }
    good
}

fn parse_name(image: &LocatedText, tag: &str) -> Result<Reference, Diagnostic> {
    let name = &image.value;
    if let Ok(reference) = format!("{name}:{tag}").parse() {
        return Ok(reference);
    }
    let problem = Diagnostic::new(format!("`{}` is not a repository", name.escape_debug()))
        .at(image.span.clone());
    let lower = name.to_lowercase();
    Err(match format!("{lower}:{tag}").parse::<Reference>() {
        Ok(_) => problem.help(format!("repositories are lower case: `{lower}`")),
        Err(_) => problem.help(
            "write it like `quay.io/me/fedora`: lower-case letters and digits, with single `.`, \
             `_` or `-` between them",
        ),
    })
}
