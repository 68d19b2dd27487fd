//! The *names* of the images that are copied, at their source and at their destination.

use std::collections::BTreeSet;

use diskette_builder::oci::image::json::Document;
use diskette_builder::oci::image::location::{ImageLocation, LocalImage};
use diskette_builder::oci::image::ref_name::{RefName, RefNameError};
use diskette_builder::oci::image::reference::Reference;
use diskette_builder::oci::image::tag::Tag;
use diskette_builder::oci::images::Images;
use diskette_builder::recipe::diagnostic::Diagnostic;

use super::CopyArguments;
use crate::error::CommandError;
use crate::transfer::split_local_name;

/// Returns the tags to copy; `None` stands for the only image of a location, without a tag.
pub(super) fn tags_to_copy(
    arguments: &CopyArguments,
    images: &dyn Images,
) -> Result<Vec<Option<String>>, CommandError> {
    let is_attached = |tag: &&RefName| tag.is_of_attachments();
    if arguments.all_tags {
        // Those of attachments come last: most have been copied with their images then.
        let tags = images.tags()?;
        let (attached, own): (Vec<_>, Vec<_>) = tags.iter().partition(is_attached);
        return Ok(own.into_iter().chain(attached).map(|tag| Some(tag.to_string())).collect());
    }
    if let Some(name) = arguments.source.image_name() {
        return Ok(vec![Some(name.to_owned())]);
    }
    match &images.tags()?.iter().filter(|tag| !is_attached(tag)).collect::<Vec<_>>()[..] {
        [tag] => Ok(vec![Some(tag.to_string())]),
        _ => Ok(vec![None]),
    }
}

/// Returns the full name of an image of the source.
pub(super) fn source_name(arguments: &CopyArguments, tag: &str) -> String {
    match &arguments.source {
        ImageLocation::Registry(name) if arguments.all_tags => {
            format!("{}:{tag}", name.full_repository())
        }
        ImageLocation::Local(local) if local.name.is_none() => format!("{local}:{tag}"),
        source => source.to_string(),
    }
}

/// Returns the location of an image of the source.
pub(super) fn source_location(arguments: &CopyArguments, tag: Option<&str>) -> ImageLocation {
    match (&arguments.source, tag) {
        (ImageLocation::Registry(name), Some(tag)) if arguments.all_tags => {
            let tag = tag.parse();
            ImageLocation::Registry(tag.map_or_else(|_| name.clone(), |tag| name.with_tag(tag)))
        }
        (ImageLocation::Local(local), Some(tag)) if local.name.is_none() => {
            ImageLocation::Local(LocalImage { name: Some(tag.to_owned()), ..local.clone() })
        }
        (source, _) => source.clone(),
    }
}

/// Returns the full references that an image has in a layout or an archive: the one with the tag,
/// or all without a tag or with a digest.
pub(super) fn own_names(images: &dyn Images, root: &Document, tag: Option<&str>) -> Vec<Reference> {
    let tag = tag.filter(|tag| !tag.starts_with("sha256:"));
    let names = images.names_of(root.digest).into_iter();
    let is_meant = |text: &str, name: &Reference| match tag {
        Some(tag) => tag == text || name.tag() == Some(tag),
        None => true,
    };
    let names = names.filter_map(|text| Some((text, text.parse().ok()?)));
    names.filter(|(text, name)| is_meant(text, name)).map(|(_, name)| name).collect()
}

/// Returns the names of the image at its destination: references, or only a tag in a layout.
pub(super) fn destination_names(
    arguments: &CopyArguments,
    tag: Option<&str>,
    own: Vec<Reference>,
) -> Result<(Vec<Reference>, Option<RefName>), CommandError> {
    let new_tag = tag.filter(|_| arguments.all_tags).map(registry_tag).transpose()?;
    let retag = |name: &Reference| match &new_tag {
        Some(tag) => name.with_tag(tag.clone()),
        None => name.clone(),
    };
    let name = match &arguments.destination {
        ImageLocation::Registry(name) => return Ok((vec![retag(name)], None)),
        ImageLocation::Local(local) => local.name.as_deref(),
    };
    match (name, &arguments.source) {
        (None, ImageLocation::Registry(name)) => Ok((vec![retag(name)], None)),
        (None, _) if !own.is_empty() => Ok((own, None)),
        (None, _) => Ok((Vec::new(), tag.map(ref_name).transpose()?)),
        (Some(name), _) => {
            let (names, tag) = split_local_name(name)?;
            Ok((names.iter().map(retag).collect(), tag))
        }
    }
}

/// Fails if images could not have their tags in the repository that all are copied to, before the
/// first is copied.
pub(super) fn check_tags(
    arguments: &CopyArguments,
    names: &[Option<String>],
) -> Result<(), CommandError> {
    if !arguments.all_tags || !matches!(arguments.destination, ImageLocation::Registry(_)) {
        return Ok(());
    }
    let mut seen = BTreeSet::new();
    for name in names.iter().flatten() {
        let tag = registry_tag(name)?;
        if !seen.insert(tag.clone()) {
            let message = format!("two images of `{}` have the tag `{tag}`", arguments.source);
            return Err(Diagnostic::new(message).help("copy each by its full name").into());
        }
    }
    Ok(())
}

fn ref_name(name: &str) -> Result<RefName, CommandError> {
    name.parse().map_err(|error: RefNameError| Diagnostic::new(error.to_string()).into())
}

/// Returns the tag that an image of this name gets in a repository.
fn registry_tag(name: &str) -> Result<Tag, CommandError> {
    let not_a_tag = || {
        let diagnostic = Diagnostic::new(format!("`{name}` is not a tag"));
        diagnostic.help("copy the image alone, with a tag of the destination").into()
    };
    ref_name(name)?.tag().ok_or_else(not_a_tag)
}
