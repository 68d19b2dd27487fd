//! A **pair** is a file with an input, and one with the program's output: `NAME.yaml` and
//! `NAME.stderr`. `SNAPSHOTS=overwrite` writes the output, also if its file does not exist yet.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use snapbox::assert::{Assert, DEFAULT_ACTION_ENV};
use snapbox::{Data, IntoData as _};

/// Extension of files with output.
const OUTPUT: &str = "stderr";

/// An input, and the path of the file with its output.
#[derive(Debug)]
pub struct InputPair {
    /// Name of its files, without extensions.
    pub name: String,
    /// Content of the file `NAME.EXTENSION`.
    pub input: String,
    /// Arguments: lines of the file `NAME.args`, if there is one.
    pub args: Vec<String>,
    said: PathBuf,
}

/// Reads all pairs of a directory whose inputs have this extension, in the order of their names.
fn read_all(directory: &Path, extension: &str) -> Vec<InputPair> {
    names(directory, extension)
        .into_iter()
        .map(|name| InputPair::read(directory, name, extension))
        .collect()
}

/// Returns the names of the files with this extension, without it.
fn names(directory: &Path, extension: &str) -> BTreeSet<String> {
    let files = fs::read_dir(directory);
    let files = files.unwrap_or_else(|error| panic!("{}: {error}", directory.display()));
    let names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
    names.filter_map(|name| Some(name.strip_suffix(&format!(".{extension}"))?.to_owned())).collect()
}

/// Compares what `say` makes of each input with what its file says; fails with a list of all that differ.
pub fn check_all(directory: &Path, extension: &str, say: impl Fn(&InputPair) -> String) {
    let pairs = read_all(directory, extension);
    let inputs: BTreeSet<String> = pairs.iter().map(|pair| pair.name.clone()).collect();
    let orphans: Vec<_> = names(directory, OUTPUT).difference(&inputs).cloned().collect();
    let place = directory.display();
    assert!(orphans.is_empty(), "{place} has no .{extension} for {orphans:?}");
    assert!(!pairs.is_empty(), "{place} has no .{extension}");
    let differing: Vec<String> =
        pairs.iter().filter_map(|pair| pair.compare(&say(pair)).err()).collect();
    assert!(differing.is_empty(), "{}", differing.join("\n"));
}

impl InputPair {
    fn read(directory: &Path, name: String, extension: &str) -> Self {
        let file = |extension: &str| directory.join(format!("{name}.{extension}"));
        let input = fs::read_to_string(file(extension)).unwrap();
        let args = fs::read_to_string(file("args")).unwrap_or_default();
        let args = args.lines().map(str::to_owned).collect();
        let said = file(OUTPUT);
        Self { name, input, args, said }
    }

    fn compare(&self, said: &str) -> Result<(), String> {
        let expected = Data::read_from(&self.said, None).raw();
        let compared = Assert::new().action_env(DEFAULT_ACTION_ENV).try_eq(
            Some(&self.name),
            said.into_data(),
            expected,
        );
        compared.map_err(|difference| difference.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_or_has_no_input_is_found() {
        let directory = tempfile::tempdir().unwrap();
        let write =
            |name: &str, content: &str| fs::write(directory.path().join(name), content).unwrap();
        let check = |say: fn(&InputPair) -> String| {
            let check = || check_all(directory.path(), "in", say);
            std::panic::catch_unwind(std::panic::AssertUnwindSafe(check)).is_ok()
        };
        assert!(!check(|_| String::new()), "there is no pair");
        write("a.in", "1");
        write("a.args", "x\ny z\n");
        write("a.stderr", "1 x,y z\n");
        assert!(check(|pair| format!("{} {}\n", pair.input, pair.args.join(","))));
        assert!(!check(|pair| format!("{} {}\n\n", pair.input, pair.args.join(","))));
        write("b.stderr", "2");
        assert!(!check(|pair| format!("{} {}\n", pair.input, pair.args.join(","))));
    }
}
