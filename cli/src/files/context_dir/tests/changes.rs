//! What is changed between the listing and the reading is noticed.

use std::os::unix::net::UnixListener;

use super::*;

/// Lists a context, changes something in it, and reads the file `a/b/f` of the listing.
fn check_changed(change: &dyn Fn(&Place), expected: Result<&str, &str>) {
    let place = Place::new();
    place.write("c/a/b/f", "content");
    place.write("c/other/f", "other");
    place.write("c/other/b/f", "other");
    place.write("outside/b/f", CANARY);
    let context = place.context("");
    context.listing().unwrap();
    change(&place);
    match (read(&context, "a/b/f"), expected) {
        (Err(error), Err(part)) => assert!(error.contains(part), "{error}"),
        (text, expected) => assert_eq!(text.as_deref(), Ok(expected.unwrap())),
    }
}

fn rename(place: &Place, from: &str, to: &str) {
    fs::rename(place.path(from), place.path(to)).unwrap();
}

const REPLACED: Result<&str, &str> = Err("replaced since the build context was listed");

#[test]
fn what_has_taken_a_files_place_is_not_read() {
    check_changed(&|_| (), Ok("content"));
    check_changed(&|place| place.write("c/a/b/f", "written"), Ok("written"));
    check_changed(&|place| rename(place, "c", "renamed"), Ok("content"));
    check_changed(&|place| rename(place, "c/other/f", "c/a/b/f"), REPLACED);
    check_changed(&|place| rename(place, "c/a/b/f", "gone"), Err("No such file"));
    check_changed(&|place| rename(place, "c/a", "gone"), Err("No such file"));
    let replaced = |make: &dyn Fn(&Place, &str), expected| {
        let change = |place: &Place| {
            rename(place, "c/a/b/f", "aside");
            make(place, "c/a/b/f");
        };
        check_changed(&change, expected);
    };
    let canary =
        |place: &Place, path: &str| fs::hard_link(place.path("outside/canary"), place.path(path));
    replaced(&|place, path| canary(place, path).unwrap(), REPLACED);
    replaced(&|place, path| fs::create_dir(place.path(path)).unwrap(), REPLACED);
    replaced(&|place, path| place.pipe(path), REPLACED);
    let socket = |place: &Place, path: &str| UnixListener::bind(place.path(path)).map(drop);
    replaced(&|place, path| socket(place, path).unwrap(), Err("No such device"));
}

#[test]
fn a_link_that_has_taken_a_place_does_not_lead_outside() {
    let check = |path: &str, target: &str, expected| {
        let change = |place: &Place| {
            rename(place, path, "aside");
            let target = target.replace('@', place.temporary.path().to_str().unwrap());
            place.link(target, path);
        };
        check_changed(&change, expected);
    };
    let escape = Err("outside of the filesystem");
    check("c/a/b/f", "../../other/f", REPLACED);
    check("c/a/b/f", "../../../outside/canary", escape);
    check("c/a/b/f", "@/outside/canary", escape);
    check("c/a/b/f", "../../../aside", escape);
    check("c/a/b/f", "f", Err("Too many levels"));
    check("c/a/b", "../other", REPLACED);
    check("c/a/b", "../../outside/d", escape);
    check("c/a/b", "@/outside/d", escape);
    check("c/a", "other", REPLACED);
    check("c/a", "../outside", escape);
    check("c/a", "@/outside", escape);
    check("c/a", "/proc/self/root", escape);
    check("c/a", ".", Err("No such file"));
    // The directory that was opened stays the context.
    check("c", "outside", Ok("content"));
}
