//! The fuzz targets of the library, and the limits of time and memory that hold for each input.
//!
//! A target is a function of bytes in [`targets`]; `fuzz_targets/NAME.rs` makes a program of it. Built by
//! cargo-fuzz the program is a fuzzer, built by the stable compiler it runs the target on the files that are
//! its arguments. The unit test runs all targets on the inputs in `seeds`.

mod documents;
mod images;
mod limits;
mod sinks;
pub mod targets;
mod tars;
/// What shows diagnostics; it belongs to the program, which is no library.
#[path = "../../../cli/src/ui"]
mod ui {
    pub(crate) mod redact;
    pub(crate) mod render;
    pub(crate) mod visible;
}

#[cfg(fuzzing)]
pub use libfuzzer_sys;

pub use limits::{INPUT_MEMORY, with_memory};

use std::process::ExitCode;
use std::{env, fs};

/// Runs a target on one input.
pub type Target = fn(&[u8]);

/// Makes the program of a target.
#[macro_export]
macro_rules! fuzz_program {
    ($target:path) => {
        #[cfg(fuzzing)]
        $crate::libfuzzer_sys::fuzz_target!(|bytes: &[u8]| $crate::run_input($target, bytes));

        #[cfg(not(fuzzing))]
        fn main() -> std::process::ExitCode {
            $crate::run_files($target)
        }
    };
}

/// Runs a target on one input, within the memory that it may use.
pub fn run_input(target: Target, bytes: &[u8]) {
    with_memory(INPUT_MEMORY, || target(bytes));
}

/// Runs a target on the files that the arguments name.
pub fn run_files(target: Target) -> ExitCode {
    for path in env::args_os().skip(1) {
        match fs::read(&path) {
            Ok(bytes) => run_input(target, &bytes),
            Err(error) => {
                eprintln!("cannot read {}: {error}", path.display());
                return ExitCode::FAILURE;
            }
        }
    }
    ExitCode::SUCCESS
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;

    fn directory() -> &'static Path {
        Path::new(env!("CARGO_MANIFEST_DIR"))
    }

    fn names(path: &str) -> BTreeSet<String> {
        let entries = fs::read_dir(directory().join(path)).unwrap();
        let name =
            |entry: fs::DirEntry| Path::new(&entry.file_name()).file_stem().unwrap().to_owned();
        entries.map(|entry| name(entry.unwrap()).into_string().unwrap()).collect()
    }

    /// One test, since the limit of memory holds for the whole process.
    #[test]
    fn all_targets_run_on_their_seeds() {
        for (name, target) in targets::ALL {
            run_input(*target, b"");
            let seeds = directory().join("seeds").join(name);
            for seed in fs::read_dir(&seeds).into_iter().flatten() {
                run_input(*target, &fs::read(seed.unwrap().path()).unwrap());
            }
        }
    }

    #[test]
    fn every_target_has_a_program() {
        let targets: BTreeSet<String> =
            targets::ALL.iter().map(|(name, _)| (*name).to_owned()).collect();
        assert_eq!(names("fuzz_targets"), targets);
        assert!(names("seeds").is_subset(&targets), "seeds of no target");
        let manifest = fs::read_to_string(directory().join("Cargo.toml")).unwrap();
        for target in targets {
            let program =
                format!("[[bin]]\nname = \"{target}\"\npath = \"fuzz_targets/{target}.rs\"\n");
            assert!(manifest.contains(&program), "no {program}");
        }
    }
}
