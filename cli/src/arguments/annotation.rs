//! `[LEVEL:]KEY=VALUE`: an annotation and the documents that it is set in, as buildx has it
//! (`docker buildx build --annotation`).

use std::fmt;
use std::str::FromStr;

use diskette_builder::oci::image::platform::Platform;
use diskette_builder::recipe::Recipe;

use super::key_value::KeyValue;

/// An annotation with its levels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Annotation {
    /// Where it is set; none means the index and every manifest.
    levels: Vec<(AnnotationLevel, Option<Platform>)>,
    pair: KeyValue,
}

/// A document, or the place where another document refers to one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum AnnotationLevel {
    Index,
    Manifest,
    /// The entry of a manifest in the index.
    ManifestDescriptor,
}

/// All levels, for messages.
pub(in crate::arguments) const LEVELS: &str = "`index`, `manifest` and `manifest-descriptor`";

impl fmt::Display for Annotation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, (level, platform)) in self.levels.iter().enumerate() {
            let platform = platform.as_ref().map(|it| format!("[{it}]")).unwrap_or_default();
            write!(f, "{}{}{platform}", if number == 0 { "" } else { "," }, level.name())?;
        }
        let colon = if self.levels.is_empty() { "" } else { ":" };
        write!(f, "{colon}{}={}", self.pair.key, self.pair.value)
    }
}

impl AnnotationLevel {
    fn name(self) -> &'static str {
        match self {
            Self::Index => "index",
            Self::Manifest => "manifest",
            Self::ManifestDescriptor => "manifest-descriptor",
        }
    }
}

impl FromStr for Annotation {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let pair: KeyValue = text.parse()?;
        let Some((levels, key)) = pair.key.split_once(':') else {
            return Ok(Self { levels: Vec::new(), pair });
        };
        let names: Vec<&str> = levels.split(',').collect();
        let is_level = |name: &&str| is_level_name(name.split('[').next().unwrap_or(name));
        if !names.iter().any(is_level) {
            return Ok(Self { levels: Vec::new(), pair });
        }
        if key.is_empty() {
            return Err("LEVEL:KEY=VALUE is expected".into());
        }
        let levels = names.into_iter().map(parse_level).collect::<Result<_, _>>()?;
        let pair = KeyValue { key: key.to_owned(), value: pair.value };
        Ok(Self { levels, pair })
    }
}

pub(in crate::arguments) fn is_level_name(name: &str) -> bool {
    matches!(name, "index" | "manifest" | "manifest-descriptor" | "index-descriptor")
}

fn parse_level(text: &str) -> Result<(AnnotationLevel, Option<Platform>), String> {
    let (name, platform) = match text.strip_suffix(']').and_then(|text| text.split_once('[')) {
        Some((name, platform)) => {
            let platform: Platform =
                platform.parse().map_err(|error| format!("{error} in `{text}`"))?;
            (name, Some(platform))
        }
        None => (text, None),
    };
    let level = match name {
        "index" => AnnotationLevel::Index,
        "manifest" => AnnotationLevel::Manifest,
        "manifest-descriptor" => AnnotationLevel::ManifestDescriptor,
        "index-descriptor" => {
            return Err("`index-descriptor` has no place in a registry; write `index`".into());
        }
        _ => {
            return Err(format!("`{name}` is not a level; {LEVELS} are"));
        }
    };
    if level == AnnotationLevel::Index && platform.is_some() {
        return Err(format!("`{text}`: an index is for all platforms"));
    }
    Ok((level, platform))
}

impl Annotation {
    /// Sets the annotation in a recipe.
    pub(crate) fn apply(&self, recipe: &mut Recipe) {
        let KeyValue { key, value } = self.pair.clone();
        if self.levels.is_empty() {
            recipe.annotations.insert(key, value);
            return;
        }
        // What the spec sets everywhere stays at the other level.
        if let Some(old) = recipe.annotations.remove(&key) {
            recipe.index_annotations.insert(key.clone(), old.clone());
            for platform in &mut recipe.platforms {
                platform.annotations.insert(key.clone(), old.clone());
            }
        }
        for (level, only) in &self.levels {
            if *level == AnnotationLevel::Index {
                recipe.index_annotations.insert(key.clone(), value.clone());
                continue;
            }
            let is_meant = |platform: &Platform| only.as_ref().is_none_or(|only| only == platform);
            for platform in recipe.platforms.iter_mut().filter(|it| is_meant(&it.platform)) {
                let annotations = match level {
                    AnnotationLevel::ManifestDescriptor => &mut platform.entry_annotations,
                    _ => &mut platform.annotations,
                };
                annotations.insert(key.clone(), value.clone());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn annotations_say_where_they_belong() {
        let check = |text: &str, expected: &str| {
            let found = match text.parse::<Annotation>() {
                Err(error) => error,
                Ok(Annotation { levels, pair }) => {
                    let levels = levels.iter().map(|(level, platform)| match platform {
                        Some(platform) => format!("{level:?} of {platform}, "),
                        None => format!("{level:?}, "),
                    });
                    format!("{}{} is {}", levels.collect::<String>(), pair.key, pair.value)
                }
            };
            assert_eq!(found, expected, "{text}");
        };
        check("a=b", "a is b");
        check("index:a=b", "Index, a is b");
        check("manifest:a=b=c", "Manifest, a is b=c");
        check("index,manifest:a=b", "Index, Manifest, a is b");
        check("manifest[linux/arm64]:a=b", "Manifest of linux/arm64, a is b");
        check("manifest-descriptor:a=b", "ManifestDescriptor, a is b");
        check("org.example:port=1", "org.example:port is 1");
        check("index:=b", "LEVEL:KEY=VALUE is expected");
        check("a", "KEY=VALUE is expected");
        check(
            "index,image:a=b",
            "`image` is not a level; `index`, `manifest` and `manifest-descriptor` are",
        );
        check("index[linux/arm64]:a=b", "`index[linux/arm64]`: an index is for all platforms");
        check(
            "index-descriptor:a=b",
            "`index-descriptor` has no place in a registry; write `index`",
        );
        check("manifest[linux/x]:a=b", "unknown architecture `x` in `manifest[linux/x]`");
    }
}
