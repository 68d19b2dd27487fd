//! To **record** is to write buildah's results into cases that have none yet.

use std::fmt::Write as _;

use super::built::BuiltImage;
use super::case::ImageChange;

/// Returns the differences between an image and its base.
pub fn change(base: &BuiltImage, built: &BuiltImage) -> ImageChange {
    ImageChange { entries: built.tree.since(&base.tree), fields: built.config.since(&base.config) }
}

/// Adds changes to the text of a file of cases, each to the case that begins on the given line.
pub fn add(text: &str, changes: &[(usize, ImageChange)]) -> String {
    let lines: Vec<_> = text.lines().collect();
    let mut added = String::new();
    let mut waiting = None;
    for (index, line) in lines.iter().enumerate() {
        if line.starts_with("=== ") {
            finish(&mut added, waiting);
            waiting = changes.iter().find(|(at, _)| *at == index + 1).map(|(_, change)| change);
        }
        added.push_str(line);
        added.push('\n');
    }
    finish(&mut added, waiting);
    added.truncate(added.trim_end().len());
    added.push('\n');
    added
}

fn finish(text: &mut String, change: Option<&ImageChange>) {
    let Some(change) = change else { return };
    text.truncate(text.trim_end().len());
    text.push_str("\n--- tree\n");
    for entry in &change.entries {
        let _infallible = writeln!(text, "{entry}");
    }
    if !change.fields.is_empty() {
        text.push_str("--- config\n");
    }
    for (name, value) in &change.fields {
        let _infallible = writeln!(text, "{name} {value}");
    }
    text.push('\n');
}

#[cfg(test)]
mod tests {
    use super::super::base::scratch;
    use super::super::case::{Case, ExpectedResult};
    use super::super::judge::changed;
    use super::*;

    #[test]
    fn what_is_recorded_is_read_back() {
        let text = "# about\n\n=== a\n--- Dockerfile\nFROM scratch\n\n=== b\n--- Dockerfile\nFROM scratch\n";
        let made = "=== a\n--- Dockerfile\nx\n--- tree\nfile a = x\n--- config\nUser \"u\"\n";
        let ExpectedResult::Image(Some(expected)) = &Case::parse_all(made).unwrap()[0].expected
        else {
            panic!("{made}");
        };
        let change = change(&scratch(), &changed(&scratch(), expected).unwrap());
        assert_eq!(&change, expected);
        let added = add(text, &[(7, change.clone()), (3, change)]);
        let recorded = "--- tree\nfile a = x\n--- config\nUser \"u\"\n";
        let head = "--- Dockerfile\nFROM scratch\n";
        assert_eq!(added, format!("# about\n\n=== a\n{head}{recorded}\n=== b\n{head}{recorded}"));
        assert_eq!(add(&added, &[]), added);
    }
}
