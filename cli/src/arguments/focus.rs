//! A *focus* selects images of a catalogue.

use std::str::FromStr;

use diskette_builder::frontend::spec::CatalogueEntry;

/// Images of a catalogue: `NAME`, or `NAME:TAG` with the tag that the image is known by, where `*`
/// stands for any tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Focus {
    name: String,
    tag: Option<String>,
}

impl FromStr for Focus {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, tag) =
            text.split_once(':').map_or((text, None), |(name, tag)| (name, Some(tag)));
        if name.is_empty() || tag.is_some_and(str::is_empty) {
            return Err("write it as `fedora`, `fedora:42` or `fedora:*`".into());
        }
        Ok(Self { name: name.into(), tag: tag.filter(|tag| *tag != "*").map(str::to_owned) })
    }
}

impl Focus {
    /// Returns whether an image with a key such as `fedora:42` is selected.
    pub(crate) fn matches_key(&self, key: &str) -> bool {
        let (name, tag) = key.split_once(':').unwrap_or((key, ""));
        self.name == name && self.tag.as_ref().is_none_or(|own| own == tag)
    }

    /// Returns whether the image of an entry is selected, or one of those that the entry stands for may be.
    pub(crate) fn matches_entry(&self, entry: &CatalogueEntry) -> bool {
        let is_named = self.name == entry.repository_name() || self.name == entry.image;
        let is_tag = |tag: &String| entry.stands_for_all() || tag == entry.main_tag().as_str();
        is_named && self.tag.as_ref().is_none_or(is_tag)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn focuses_parse() {
        let check = |text: &str, expected: Option<(&str, Option<&str>)>| {
            let found = text.parse::<Focus>().ok();
            let expected = expected
                .map(|(name, tag)| Focus { name: name.into(), tag: tag.map(str::to_owned) });
            assert_eq!(found, expected, "{text}");
        };
        check("fedora", Some(("fedora", None)));
        check("fedora:42", Some(("fedora", Some("42"))));
        check("fedora:*", Some(("fedora", None)));
        check("fedora:", None);
        check(":42", None);
    }
}
