//! A *dependency file* says which files a build has read, as a rule that make and ninja understand.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use diskette_builder::recipe::diagnostic::Diagnostic;

use super::write_file;

/// The files that were read so far; clones are one list.
#[derive(Debug, Clone, Default)]
pub(crate) struct Reads(Arc<Mutex<BTreeSet<PathBuf>>>);

impl Reads {
    /// Remembers a file.
    pub(crate) fn add(&self, path: &Path) {
        // Standard input is no file that could change.
        if path != Path::new("-") {
            let path = path.strip_prefix(".").unwrap_or(path).to_owned();
            self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(path);
        }
    }

    /// Writes the rule for what the build makes. Like gcc's `-MP` it has an empty one for each file, so
    /// that make does not fail when one is gone.
    pub(crate) fn write(&self, path: &Path, target: &Path) -> Result<(), Diagnostic> {
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

/// As make reads names; there is no way to write a line break.
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
        let reads = Reads::default();
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
