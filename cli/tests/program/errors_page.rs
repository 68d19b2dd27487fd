//! docs/errors.md lists what the program says of mistakes, each with an example and how to mend it. It is made of the
//! snapshots of other tests, so that nothing is listed that is not said.

use std::collections::BTreeMap;
use std::path::Path;

use snapbox::{assert_data_eq, file};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// Where snapshots are, and what they are about.
const SOURCES: [(&str, &str); 4] = [
    ("A spec", "cli/src/render/tests.rs"),
    ("A Dockerfile", "cli/tests/dockerfile/errors.rs"),
    ("Files and outputs", "cli/tests/program/errors.rs"),
    ("Downloads", "cli/tests/sync/downloads.rs"),
];

/// Returns the diagnostics of a snapshot: each begins with a line that says what is wrong.
fn diagnostics(snapshot: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for line in snapshot.lines() {
        let is_first = ["error", "warning"].iter().any(|severity| {
            line.strip_prefix(severity).is_some_and(|rest| rest.starts_with([':', '[']))
        });
        if is_first {
            found.push(String::new());
        }
        if let Some(last) = found.last_mut() {
            last.push_str(line.trim_end());
            last.push('\n');
        }
    }
    found
}

/// Returns the message without what differs from one example to the next, as an identifier.
fn id(diagnostic: &str) -> String {
    let first = diagnostic.lines().next().unwrap_or_default();
    let message = first.split_once(": ").map_or("", |(_, message)| message);
    // What stands in backticks is the user's own.
    let own = message.split('`').enumerate().filter(|(number, _)| number % 2 == 0);
    let words: String = own.map(|(_, part)| part).collect::<Vec<_>>().join(" ");
    let words = words.split(|c: char| !c.is_ascii_alphabetic()).filter(|word| !word.is_empty());
    words.take(8).collect::<Vec<_>>().join("-").to_lowercase()
}

#[test]
fn the_page_of_errors_is_what_is_said() {
    let mut page = "# What is wrong, and how to mend it\n\nMade of the tests' snapshots by `integration/tests/errors_page.rs`: `SNAPSHOTS=overwrite cargo test --test errors_page` writes it anew.\n".to_owned();
    for (title, source) in SOURCES {
        let text = std::fs::read_to_string(Path::new(ROOT).join(source)).unwrap();
        let mut examples: BTreeMap<String, String> = BTreeMap::new();
        for part in text.split("r#\"").skip(1) {
            let snapshot = part.split("\"#").next().unwrap_or_default();
            for diagnostic in diagnostics(snapshot) {
                let id = id(&diagnostic);
                // The shortest example says it best.
                let known = examples.get(&id).is_some_and(|known| known.len() <= diagnostic.len());
                if !id.is_empty() && !known {
                    examples.insert(id, diagnostic);
                }
            }
        }
        assert!(!examples.is_empty(), "{source} has no snapshots");
        page.extend(["\n## ", title, "\n"]);
        for (id, example) in examples {
            page.extend(["\n### ", &id, "\n\n```text\n", example.trim_end(), "\n```\n"]);
        }
    }
    assert_data_eq!(page, file!["../../../docs/errors.md"].raw());
}
