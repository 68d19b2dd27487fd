//! *Patterns* of the tags of an image that follows a release: which tags of a repository it may have had.

use regex::Regex;

use super::catalogue::CatalogueEntry;
use super::tags::TagTemplate;
use crate::oci::retention::{RetentionRules, whole_tag};

/// Annotation of images that a sync has made, with the URL of their disk.
pub(crate) const SOURCE_URL: &str = "dev.diskette.source.url";

/// Pattern of the value of `{timestamp}`.
const TIMESTAMP: &str = r"\d{10}";

/// Pattern of a value of which nothing is known.
const ANYTHING: &str = r"[A-Za-z0-9_.-]+";

impl CatalogueEntry {
    /// Returns the rules by which old images of this one are deleted from its repository, if it has such rules. `siblings`
    /// are the other images of the repository: what may be a tag of one of them stays, and so do tags without
    /// placeholders, all tags of the images that these name, and images that no sync has made.
    pub fn retention<'c>(
        &self,
        siblings: impl IntoIterator<Item = &'c Self>,
    ) -> Option<RetentionRules> {
        let mut rules = self.keep.clone()?;
        let (constant, variable): (Vec<_>, Vec<_>) =
            self.tags.iter().partition(|tag| tag.is_constant());
        rules.current_tags.extend(constant.iter().filter_map(|tag| tag.constant()));
        rules.keep_tags.extend(constant.into_iter().filter_map(|tag| self.pattern(tag)));
        for sibling in siblings {
            rules.current_tags.extend(sibling.tags.iter().filter_map(TagTemplate::constant));
            rules.keep_tags.extend(sibling.tags.iter().filter_map(|tag| sibling.pattern(tag)));
        }
        rules.annotation = Some(SOURCE_URL.to_owned());
        let timed = variable.iter().filter(|tag| tag.to_string().ends_with("{timestamp}"));
        rules.timestamp_tags = timed.filter_map(|tag| self.pattern(tag)).collect();
        rules.only_tags = Some(variable.into_iter().filter_map(|tag| self.pattern(tag)).collect());
        Some(rules)
    }

    /// Returns a function that tells whether a tag may be one that a template of the entry has made.
    pub fn tag_matcher(&self, template: &TagTemplate) -> impl Fn(&str) -> bool + use<> {
        let pattern = self.pattern(template);
        move |tag| pattern.as_ref().is_some_and(|pattern| pattern.is_match(tag))
    }

    /// Returns the pattern of a tag.
    fn pattern(&self, tag: &TagTemplate) -> Option<Regex> {
        let text = tag.to_string();
        let mut pattern = String::new();
        for (number, part) in text.split('{').enumerate() {
            let Some((name, literal)) = part.split_once('}').filter(|_| number > 0) else {
                pattern.push_str(&regex::escape(part));
                continue;
            };
            let value = match name {
                "timestamp" => TIMESTAMP.to_owned(),
                name => self.group_pattern(name).unwrap_or_else(|| ANYTHING.to_owned()),
            };
            pattern.extend(["(?:", &value, ")", &regex::escape(literal)]);
        }
        whole_tag(&pattern).ok()
    }

    /// Returns the pattern of a group of `file`, of all platforms; none if it is not known.
    fn group_pattern(&self, name: &str) -> Option<String> {
        let mut all = Vec::new();
        for platform in &self.platforms {
            let file = platform.release.file.as_ref()?.fill(&platform.platform).ok()?;
            let group = find_group(&file, name)?;
            if !all.contains(&group) {
                all.push(group);
            }
        }
        Some(all.join("|")).filter(|pattern| Regex::new(pattern).is_ok())
    }
}

/// Returns what stands in a named group of a regular expression.
fn find_group(pattern: &str, name: &str) -> Option<String> {
    let start = [format!("(?<{name}>"), format!("(?P<{name}>")];
    let start = start.iter().find_map(|start| Some(pattern.find(start)? + start.len()))?;
    let (mut depth, mut in_class, mut is_escaped) = (0, false, false);
    for (at, char) in pattern[start..].char_indices() {
        match char {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            ']' if in_class => in_class = false,
            _ if in_class => {}
            '[' => in_class = true,
            '(' => depth += 1,
            ')' if depth == 0 => return Some(pattern[start..start + at].to_owned()),
            ')' => depth -= 1,
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frontend::spec::load_catalogue;
    use crate::oci::image::tag::Tag;
    use crate::recipe::diagnostic::SourceText;

    fn entries(text: &str) -> Vec<CatalogueEntry> {
        let source = SourceText { name: "c.yaml".into(), text: text.into() };
        load_catalogue(&source.into()).unwrap()
    }

    #[test]
    fn groups_are_found() {
        let check = |pattern: &str, expected: Option<&str>| {
            assert_eq!(find_group(pattern, "version").as_deref(), expected, "{pattern}");
        };
        check(r"A-(?<version>9\.\d+-\d{8})\.qcow2", Some(r"9\.\d+-\d{8}"));
        check(r"(?P<version>(?:a|b)[)]\)c)x", Some(r"(?:a|b)[)]\)c"));
        check(r"(?<other>x)", None);
        check(r"(?<version>x", None);
    }

    #[test]
    fn tags_of_releases_are_recognized() {
        let spec = "apiVersion: diskette/v1\nimage: q.io/me/vm\ntags: [\"9\"]\nplatforms: [amd64]\n\
                    release: {from: checksums, url: \"https://x/S\", file: 'A-(?<group>9\\.\\d)[.]img'}\n";
        let entry = entries(spec).remove(0);
        let check = |template: &str, tag: &str, expected: bool| {
            let matcher = entry.tag_matcher(&TagTemplate::new(template));
            assert_eq!(matcher(tag), expected, "{template}: {tag}");
        };
        check("9", "9", true);
        check("9", "9.1", false);
        check("{version}", "9.1", true);
        check("{version}", "", false);
        check("{group}", "9.1", true);
        check("{group}", "mine", false);
        check("9-{timestamp}", "9-2611260930", true);
        check("9-{timestamp}", "9-", false);
        check("9-{timestamp}", "9-26", false);
        check("9-{timestamp}", "8-2611260930", false);
        check("{version}-{timestamp}.x", "9.1-2611260930.x", true);
        check("{version}-{timestamp}.x", "9.1-.x", false);
        check("{version}-{timestamp}.x", "9.1-2611260930.y", false);
        check("{a}{b}", "ab", true);
        check("{a}{b}", "a", false);
    }

    #[test]
    fn only_tags_of_the_image_itself_are_deleted() {
        let entry = |number: u32| {
            format!(
                "apiVersion: diskette/v1\nimage: q.io/me/vm\ntags: [\"{number}\", \"{{version}}\", \"{number}-{{timestamp}}\"]\n\
                 platforms: [amd64]\npolicy: {{keep: {{newest: 2, tags: [keep]}}}}\n\
                 release: {{from: checksums, url: \"https://x/S\", file: 'A-(?<version>{number}\\.\\d+-\\d{{8}})\\.qcow2'}}\n"
            )
        };
        let all = entries(&format!("{}---\n{}", entry(8), entry(9)));
        let rules = all[1].retention([&all[0]]).unwrap();
        let check = |tag: &str, expected: bool| {
            assert_eq!(rules.may_delete(tag) && !rules.keeps_tag(tag), expected, "{tag}");
        };
        assert!(rules.has_timestamp("9-2511301257") && !rules.has_timestamp("9.7-20251130"));
        let current: Vec<&str> = rules.current_tags.iter().map(Tag::as_str).collect();
        assert_eq!(current, ["8", "9"]);
        check("9-2511301257", true);
        check("9.7-20251130", true);
        for tag in [
            "9",
            "8",
            "8-2511301257",
            "8.10-20251130",
            "9-latest",
            "latest",
            "9.7",
            "10-2511301257",
        ] {
            check(tag, false);
        }
        assert!(all[0].retention([]).unwrap().keeps_tag("keepsake"));
        // Where nothing says what a version looks like, a tag that may be that of another image stays.
        let vague = |number: u32| {
            entry(number)
                .replace(&format!("(?<version>{number}\\.\\d+-\\d{{8}})"), "x")
                .replace("checksums", "fedora-releases")
        };
        let all = entries(&format!("{}---\n{}", vague(8), vague(9)));
        let rules = all[1].retention([&all[0]]).unwrap();
        assert!(rules.may_delete("9-2511301257") && rules.keeps_tag("9-2511301257"));
    }
}
