//! The **suite** itself: every file of it is compiled, and it runs the program that cargo built for it.

use std::fs;
use std::path::{Path, PathBuf};

use diskette_integration::disk::sha256;
use diskette_integration::scene;
use walkdir::WalkDir;

const TESTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests");

/// Returns the files in which a module may be declared, such as `a/main.rs` for `a/b.rs` and `a.rs` for `a/b.rs`.
fn parents(module: &Path) -> [PathBuf; 3] {
    let directory = module.parent().unwrap();
    [directory.join("main.rs"), directory.join("mod.rs"), directory.with_extension("rs")]
}

fn is_declared(module: &Path) -> bool {
    let declaration = format!("mod {};", module.file_stem().unwrap().to_str().unwrap());
    let has_it = |text: String| text.lines().any(|line| line == declaration);
    parents(module).iter().any(|parent| fs::read_to_string(parent).is_ok_and(has_it))
}

#[test]
fn no_file_of_tests_is_forgotten() {
    let files = WalkDir::new(TESTS).into_iter().map(|entry| entry.unwrap().into_path());
    let modules: Vec<PathBuf> = files
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        // Cargo finds `tests/GROUP/main.rs` itself.
        .filter(|path| path.file_name() != Some("main.rs".as_ref()))
        .collect();
    assert!(modules.len() > 60, "only {} files of tests were found in {TESTS}", modules.len());
    let forgotten: Vec<_> = modules.iter().filter(|module| !is_declared(module)).collect();
    assert!(forgotten.is_empty(), "no `mod` in a main.rs declares {forgotten:?}");
}

#[test]
fn the_program_under_test_is_the_one_that_cargo_built() {
    let built = env!("CARGO_BIN_EXE_diskette");
    if std::env::var_os("DISKETTE").is_some() {
        return;
    }
    let digest = |path: &Path| sha256(&fs::read(path).unwrap());
    assert_eq!(digest(&scene::program_path()), digest(Path::new(built)));
}
