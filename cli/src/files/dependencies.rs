//! A *dependency file* lists the files that a build has read, as a rule for make and ninja.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use diskette_builder::recipe::diagnostic::Diagnostic;

use super::write_file;

/// Files that were read so far; clones share one list.
#[derive(Debug, Clone, Default)]
pub(crate) struct ReadFiles(Arc<Mutex<BTreeSet<PathBuf>>>);

impl ReadFiles {
    /// Records a file.
    pub(crate) fn add(&self, path: &Path) {
        // Standard input is not a file that could change.
        if path != Path::new("-") {
            let path = path.strip_prefix(".").unwrap_or(path).to_owned();
            self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(path);
        }
    }

    /// Writes the rule for the target. Like gcc's `-MP` it has an empty rule for each file, so that
    /// make does not fail when one is deleted.
    pub(crate) fn write_rule(&self, path: &Path, target: &Path) -> Result<(), Diagnostic> {
        let reads = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        write_file(path, rule(target, &reads).as_bytes())
    }
}

fn rule(target: &Path, reads: &BTreeSet<PathBuf>) -> String {
    let names: Vec<String> = reads.iter().map(|path| escape(path)).collect();
    let mut all = vec![escape(target) + ":"];
    all.extend(names.iter().map(|name| format!(" \\\n  {name}")));
    all.push("\n".into());
    all.extend(names.iter().map(|name| format!("\n{name}:\n")));
    all.concat()
}

/// Escapes a path for make, which has no way to write a line break.
fn escape(path: &Path) -> String {
    let mut text = String::new();
    for char in path.to_string_lossy().chars() {
        match char {
            ' ' | '#' | '\\' | ':' | '%' => text.extend(['\\', char]),
            '$' => text.push_str("$$"),
            other => text.push(other),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_what_make_reads() {
        let reads = ReadFiles::default();
        for path in ["./diskette.yaml", "a b.qcow2", "-", "a#b$c", "diskette.yaml"] {
            reads.add(Path::new(path));
        }
        let all = reads.0.lock().unwrap();
        assert_eq!(
            rule(Path::new("out/a.digest"), &all),
            "out/a.digest: \\\n  a\\ b.qcow2 \\\n  a\\#b$$c \\\n  diskette.yaml\n\n\
             a\\ b.qcow2:\n\na\\#b$$c:\n\ndiskette.yaml:\n"
        );
    }
}
