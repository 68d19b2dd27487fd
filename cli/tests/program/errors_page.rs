//! docs/errors.md lists what the program says of mistakes, each with an example and how to mend it.
//! It is made of the files in `errors/`, with which other tests compare what is said.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use snapbox::{assert_data_eq, file};
use walkdir::WalkDir;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// What files of errors are about, and their directory.
const SOURCES: [(&str, &str); 6] = [
    ("Registries, TLS and logins", "registry"),
    ("A spec", "spec"),
    ("A Dockerfile", "dockerfile"),
    ("Files and outputs", "files"),
    ("Disks", "disks"),
    ("Downloads", "downloads"),
];

/// Directories of errors whose inputs are made by tests, and the tests: a file, or a directory of files.
const TESTS: [(&str, &str); 4] = [
    ("registry", "tests/registry/usual_errors.rs"),
    ("files", "tests/program/errors.rs"),
    ("disks", "tests/disks"),
    ("downloads", "tests/sync/downloads.rs"),
];

/// Returns the files below a directory with what is said.
fn said(directory: &str) -> Vec<PathBuf> {
    let files = WalkDir::new(format!("{ROOT}/errors/{directory}")).sort_by_file_name();
    let files = files.into_iter().map(|file| file.unwrap().into_path());
    files.filter(|path| path.extension().is_some_and(|extension| extension == "stderr")).collect()
}

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
    words.take(20).collect::<Vec<_>>().join("-").to_lowercase()
}

/// Returns the message as people search for it: what differs from one example to the next is an
/// ellipsis.
fn heading(diagnostic: &str) -> String {
    let first = diagnostic.lines().next().unwrap_or_default();
    let message = first.split_once(": ").map_or(first, |(_, message)| message);
    let parts = message.split('`').enumerate();
    let parts = parts.map(|(number, part)| if number % 2 == 0 { part } else { "…" });
    let message: String = parts.collect();
    // What a test has replaced, such as `[REGISTRY]/me/vm:1`.
    let word = |word: &str| if word.starts_with('[') { "…".to_owned() } else { word.to_owned() };
    message.split(' ').map(word).collect::<Vec<_>>().join(" ")
}

#[test]
fn the_page_of_errors_is_what_is_said() {
    let mut page = "# Common errors, with examples and fixes\n\nSearch this page for the words of the message; `…` stands for what is yours. Generated from the files in `cli/errors/` by `cli/tests/program/errors_page.rs` (`make docs`).\n".to_owned();
    for (title, directory) in SOURCES {
        let mut examples: BTreeMap<String, String> = BTreeMap::new();
        for file in said(directory) {
            for diagnostic in diagnostics(&fs::read_to_string(file).unwrap()) {
                let id = id(&diagnostic);
                // The shortest example says it best.
                let rank = |example: &String| (example.len(), example.clone());
                let known = examples.get(&id).is_some_and(|known| rank(known) <= rank(&diagnostic));
                if !id.is_empty() && !known {
                    examples.insert(id, diagnostic);
                }
            }
        }
        assert!(!examples.is_empty(), "errors/{directory} is empty");
        page.extend(["\n## ", title, "\n"]);
        for example in examples.into_values() {
            page.extend([
                "\n### ",
                &heading(&example),
                "\n\n```text\n",
                example.trim_end(),
                "\n```\n",
            ]);
        }
    }
    assert_data_eq!(page, file!["../../../docs/errors.md"].raw());
}

#[test]
fn what_is_listed_is_said() {
    for (directory, tests) in TESTS {
        let tests = WalkDir::new(format!("{ROOT}/{tests}")).into_iter().map(Result::unwrap);
        let tests = tests.filter(|entry| entry.file_type().is_file());
        let test: String = tests.map(|test| fs::read_to_string(test.path()).unwrap()).collect();
        for file in said(directory) {
            let name = format!("errors/{directory}/{}", file.file_name().unwrap().display());
            assert!(test.contains(&name), "no test compares anything with {name}");
        }
    }
}
