//! Deep and wide directories, and what cannot be read.

use std::os::unix::fs::PermissionsExt as _;

use diskette_builder::frontend::dockerfile::pattern::DoubleStar;

use super::*;

/// Makes directories below each other, each of this name, and a file in the last.
fn dig(place: &Place, name: &str, depth: usize) -> String {
    let mut dir = Dir::open_ambient_dir(place.path("c"), ambient_authority()).unwrap();
    for _ in 0..depth {
        dir.create_dir(name).unwrap();
        dir = dir.open_dir(name).unwrap();
    }
    dir.write("f", "deep").unwrap();
    format!("{}f", format!("{name}/").repeat(depth))
}

#[test]
fn a_deep_tree_is_listed() {
    let place = Place::new();
    let deepest = dig(&place, "d", 1_000);
    place.link("d/".repeat(1_000) + "f", "c/link");
    let context = place.context("x !**/y");
    let listing = context.listing().unwrap();
    assert_eq!(listing.below("").count(), 1_002);
    assert_eq!(listing.resolve("link").unwrap().path, deepest);
    assert_eq!(listing.glob("d/*/d/*/d", DoubleStar::Within).unwrap().len(), 1);
    assert_eq!(read(&context, &deepest).as_deref(), Ok("deep"));
    assert_eq!(listed(&place.context("d link")), "");
    assert_eq!(listed(&place.context("d !d/d/x link")), "");
}

#[test]
fn what_cannot_be_looked_at_is_named() {
    // Longer than a path can be, which stops root as well.
    let place = Place::new();
    let name = "n".repeat(255);
    dig(&place, &name, 17);
    place.write("c/f", "");
    let error = listed(&place.context(""));
    assert!(error.starts_with(&format!("cannot read `{name}/{name}/")), "{error}");
    assert!(error.ends_with("in the build context: File name too long (os error 36)"), "{error}");
    assert_eq!(listed(&place.context("n*")), "f");
    assert_eq!(listed(&place.context("n* !**/f")), "f");

    let place = Place::new();
    let context = place.context("");
    fs::remove_dir(place.path("c")).unwrap();
    let error = listed(&context);
    assert_eq!(
        error,
        "cannot read `.` in the build context: No such file or directory (os error 2)"
    );
    assert_eq!(
        context.open("f".as_ref()).unwrap_err().to_string(),
        "not a regular file of the build context"
    );

    let not_there = ContextDir::open(&place.path("c"), IgnoreFile::default()).unwrap_err();
    assert_eq!(not_there.kind(), io::ErrorKind::NotFound);
    let file = ContextDir::open(&place.path("outside/canary"), IgnoreFile::default()).unwrap_err();
    assert_eq!(file.kind(), io::ErrorKind::NotADirectory);
}

#[test]
fn what_may_not_be_read_is_named() {
    if rustix::process::geteuid().is_root() {
        return; // may read everything
    }
    let place = Place::new();
    place.write("c/d/f", "");
    place.write("c/f", "");
    let chmod = |path: &str, mode| {
        fs::set_permissions(place.path(path), fs::Permissions::from_mode(mode)).unwrap();
    };
    chmod("c/d", 0);
    chmod("c/f", 0);
    let denied = "Permission denied (os error 13)";
    assert_eq!(
        listed(&place.context("")),
        format!("cannot read `d` in the build context: {denied}")
    );
    let context = place.context("d");
    assert_eq!(listed(&context), "f");
    assert_eq!(read(&context, "f"), Err(denied.into()));
    assert_eq!(listed(&place.context("d !d/f")), "f");
    chmod("c/d", 0o700);
}

#[test]
fn a_directory_may_hold_many_files() {
    let place = Place::new();
    place.write("c/many/0", "");
    for number in 1..40_000 {
        fs::hard_link(place.path("c/many/0"), place.path(format!("c/many/{number}"))).unwrap();
    }
    let context = place.context("**/*7 !**/77");
    let listing = context.listing().unwrap();
    assert_eq!(listing.below("many").count(), 36_001);
    assert_eq!(listing.glob("many/3999?", DoubleStar::Within).unwrap().len(), 9);
    assert_eq!(read(&context, "many/39999").as_deref(), Ok(""));
}
