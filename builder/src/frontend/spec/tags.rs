//! A *tag template* is a tag of an image that follows a release: placeholders are `{version}`,
//! `{timestamp}` and the groups of `file`, whose values are found upstream.

use std::collections::BTreeMap;
use std::fmt;

use super::located::{Located, LocatedText};
use super::names::DEFAULT_TAG;
use crate::oci::image::tag::{Tag, TagError};
use crate::recipe::diagnostic::Diagnostic;

/// Value of placeholders when a template is checked.
const SAMPLE_VALUE: &str = "0";

/// Name of a release in the tags of an image that follows all of a list.
const RELEASE_NAME: &str = "release";
const RELEASE_PLACEHOLDER: &str = "{release}";

/// Placeholders of every template.
const KNOWN_PLACEHOLDERS: [&str; 2] = ["version", "timestamp"];

/// Whether an image stands for one release, or for all of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TagScope {
    OneRelease,
    AllReleases,
}

impl TagScope {
    fn default_tag(self) -> &'static str {
        match self {
            Self::OneRelease => DEFAULT_TAG,
            Self::AllReleases => RELEASE_PLACEHOLDER,
        }
    }
}

/// A tag with placeholders, or without.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TagTemplate(String);

impl TagTemplate {
    #[cfg(test)]
    pub(super) fn new(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// Returns the tag. Characters of a value that tags cannot have become dashes.
    ///
    /// The error is the name of an unknown placeholder, or the result if that is not a tag.
    pub(crate) fn fill(&self, values: &BTreeMap<String, String>) -> Result<Tag, String> {
        let mut tag = String::new();
        let mut rest = self.0.as_str();
        while let Some((before, after)) = rest.split_once('{') {
            let (name, after) = after.split_once('}').ok_or_else(|| format!("`{{{after}`"))?;
            let value = values.get(name).filter(|value| !value.is_empty());
            tag.push_str(before);
            let value = value.ok_or_else(|| format!("`{{{name}}}` stands for nothing"))?;
            tag.extend(value.chars().map(|c| if is_tag_char(c) { c } else { '-' }));
            rest = after;
        }
        tag.push_str(rest);
        tag.parse().map_err(|error: TagError| error.to_string())
    }

    /// Returns the tag if it is the same for all releases.
    pub fn constant(&self) -> Option<Tag> {
        self.0.parse().ok()
    }

    /// Returns whether the tag is the same for all releases.
    pub fn is_constant(&self) -> bool {
        !self.0.contains('{')
    }

    /// Returns the template with `{release}` filled in.
    pub(super) fn with_release(&self, release: &str) -> Self {
        let value: String = release.chars().map(|c| if is_tag_char(c) { c } else { '-' }).collect();
        Self(self.0.replace(RELEASE_PLACEHOLDER, &value))
    }

    /// Returns whether the tag is the same for each disk of a release, and another for each release.
    fn names_release(&self) -> bool {
        let mut names = self.placeholders().peekable();
        names.peek().is_some() && names.all(|name| name == RELEASE_NAME)
    }

    /// Returns the names of its placeholders.
    pub(crate) fn placeholders(&self) -> impl Iterator<Item = &str> {
        self.0.split('{').skip(1).filter_map(|part| part.split_once('}').map(|(name, _)| name))
    }
}

impl From<&Tag> for TagTemplate {
    fn from(tag: &Tag) -> Self {
        Self(tag.to_string())
    }
}

impl fmt::Display for TagTemplate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn is_tag_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || "_.-".contains(c)
}

/// Returns the templates in the order in which their tags are set: the first constant one is the last,
/// since its tag records what was published. `groups` are the names of the groups of `file`; `scope` tells
/// whether the image stands for one release.
pub(super) fn lower_tags(
    tags: Option<&Located<Vec<LocatedText>>>,
    groups: &[String],
    scope: TagScope,
    problems: &mut Vec<Diagnostic>,
) -> Vec<TagTemplate> {
    let Some(tags) = tags else { return vec![TagTemplate(scope.default_tag().into())] };
    let names = KNOWN_PLACEHOLDERS.into_iter().chain(groups.iter().map(String::as_str));
    let names = names.chain((scope == TagScope::AllReleases).then_some(RELEASE_NAME));
    let values: BTreeMap<String, String> =
        names.map(|name| (name.to_owned(), SAMPLE_VALUE.to_owned())).collect();
    let mut found: Vec<TagTemplate> = Vec::new();
    for text in &tags.value {
        let template = TagTemplate(text.value.clone());
        let problem = match template.fill(&values) {
            Err(why) => Diagnostic::new(why).help(
                "tags have letters, digits, `_`, `.` and `-`; known are `{version}`, `{timestamp}` \
                 and the groups of `file`",
            ),
            Ok(_) if scope == TagScope::AllReleases && template.is_constant() => Diagnostic::new(
                format!("the tag `{template}` would be that of all releases"),
            )
            .help("add `{release}` to it, or let only the newest have it: `newest` of `versions`"),
            Ok(_) if found.contains(&template) => {
                Diagnostic::new(format!("the tag `{template}` is given twice")).help("remove one")
            }
            Ok(_) => {
                found.push(template);
                continue;
            }
        };
        problems.push(problem.at(text.span.clone()));
    }
    let is_main = |tag: &TagTemplate| match scope {
        TagScope::OneRelease => tag.is_constant(),
        TagScope::AllReleases => tag.names_release(),
    };
    let Some(main_tag) = found.iter().position(is_main) else {
        if found.len() == tags.value.len() {
            problems.push(
                Diagnostic::new("no tag stays the same from one release to the next")
                    .at(tags.span.clone())
                    .help(format!(
                        "add one, for example `{}`: it tells what is published already",
                        scope.default_tag()
                    )),
            );
        }
        return found;
    };
    let main_tag = found.remove(main_tag);
    // Tags that move come after those of one release.
    found.sort_by_key(is_main);
    found.push(main_tag);
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_are_filled() {
        let values = [("version", "9.8~rc+1"), ("timestamp", "2611260930"), ("empty", "")];
        let values = values.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        let check = |template: &str, expected: Result<&str, &str>| {
            let found = TagTemplate(template.into()).fill(&values);
            let found = found.as_ref().map(Tag::as_str);
            assert_eq!(found, expected.map_err(str::to_owned).as_ref().copied(), "{template}");
        };
        check("9", Ok("9"));
        check("{version}", Ok("9.8-rc-1"));
        check("9-{timestamp}.x", Ok("9-2611260930.x"));
        check("{empty}", Err("`{empty}` stands for nothing"));
        check("a{b}", Err("`{b}` stands for nothing"));
        check("a{b", Err("`{b`"));
        check("-{version}", Err("`-9.8-rc-1` is not a tag"));
    }
}
