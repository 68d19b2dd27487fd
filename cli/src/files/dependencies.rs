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
        let rule = rule(target, &reads).map_err(|name| {
            let name = name.to_string_lossy();
            let message = format!(
                "cannot write `{}`: there is no way to write the name `{}` for make",
                path.display(),
                name.escape_debug()
            );
            let help =
                "rename the file, or exclude it in .dockerignore if the build does not need it";
            Diagnostic::new(message).help(help)
        })?;
        write_file(path, rule.as_bytes())
    }
}

/// Returns the rule, or the path that cannot be written.
fn rule(target: &Path, reads: &BTreeSet<PathBuf>) -> Result<String, PathBuf> {
    let target = MakeName::new(target)?;
    let mut names = reads.iter().map(|path| MakeName::new(path)).collect::<Result<Vec<_>, _>>()?;
    // A first name with `=` would be the assignment of a variable.
    names.sort_by_key(MakeName::has_equals);
    let starts = [Some(&target), names.first()];
    if let Some(name) = starts.into_iter().flatten().find(|name| name.has_equals()) {
        return Err(name.path.clone());
    }
    let mut all = vec![format!("{}:", target.text)];
    all.extend(names.iter().map(|name| format!(" \\\n  {}", name.text)));
    all.push("\n".into());
    let is_target = |name: &&MakeName| !name.text.contains(['=', '%']);
    all.extend(names.iter().filter(is_target).map(|name| format!("\n{}:\n", name.text)));
    Ok(all.concat())
}

/// The name of a file as make and ninja read it.
struct MakeName {
    path: PathBuf,
    text: String,
}

impl MakeName {
    /// Escapes a path. The error is the path if make has another meaning for it, whatever precedes its
    /// characters: separators of rules and commands, wildcards, home directories, members of archives.
    fn new(path: &Path) -> Result<Self, PathBuf> {
        let text = path.to_str().ok_or_else(|| path.to_owned())?;
        let is_special = |char: char| char.is_control() || "\\|;*?".contains(char);
        if text.is_empty()
            || text.contains(is_special)
            || text.starts_with(['~', '='])
            || text.ends_with([' ', '&'])
            || (text.ends_with(')') && text.find('(').is_some_and(|at| at > 0))
        {
            return Err(path.into());
        }
        let escape = |char: char| match char {
            ' ' | '#' | ':' => format!("\\{char}"),
            '$' => "$$".to_owned(),
            other => other.to_string(),
        };
        Ok(Self { path: path.into(), text: text.chars().map(escape).collect() })
    }

    fn has_equals(&self) -> bool {
        self.text.contains('=')
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(paths: &[&str]) -> Result<String, PathBuf> {
        let reads = ReadFiles::default();
        for path in paths {
            reads.add(Path::new(path));
        }
        let all = reads.0.lock().unwrap();
        rule(Path::new("out/a.digest"), &all)
    }

    #[test]
    fn rules_are_what_make_reads() {
        assert_eq!(
            written(&["./diskette.yaml", "a b.qcow2", "-", "a#b$c", "A=b", "diskette.yaml", "x%"]),
            Ok("out/a.digest: \\\n  a\\ b.qcow2 \\\n  a\\#b$$c \\\n  diskette.yaml \\\n  x% \\\n  A=b\n\n\
             a\\ b.qcow2:\n\na\\#b$$c:\n\ndiskette.yaml:\n"
                .to_owned())
        );
    }

    #[test]
    fn names_that_make_reads_in_another_way_are_refused() {
        let hostile = [
            "a\nb:\n\tid",
            "a\tb",
            "a\u{1b}b",
            "a\\b",
            "a|b",
            "a;b",
            "*",
            "a?",
            "~root",
            "=a",
            "a ",
            "a &",
            "lib(a)",
            "a\u{9b}b",
        ];
        for path in hostile {
            assert_eq!(written(&["spec", path]), Err(path.into()));
        }
        assert_eq!(written(&["SHELL=x"]), Err("SHELL=x".into()));
    }
}
