//! What a listing has, and what it leaves out.

use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixListener;

use diskette_builder::oci::tar::ExtendedAttributes;

use super::*;

#[test]
fn a_listing_says_what_each_thing_is() {
    let place = Place::new();
    place.write("c/d/f", "12345");
    fs::hard_link(place.path("c/d/f"), place.path("c/same")).unwrap();
    place.write("c/other", "");
    place.link("d/f", "c/link");
    place.link("nowhere\n", "c/lost");
    place.pipe("c/pipe");
    let socket = UnixListener::bind(place.path("c/socket")).unwrap();
    let chmod = |path: &str, mode| {
        fs::set_permissions(place.path(path), fs::Permissions::from_mode(mode)).unwrap();
    };
    chmod("c", 0o750);
    chmod("c/d", 0o1775);
    chmod("c/d/f", 0o6711);
    let context = place.context("");
    let listing = context.listing().unwrap();
    let found = |path: &str| listing.get(path).unwrap();
    let check = |path: &str, kind: ContextEntryKind, mode| {
        assert_eq!(
            found(path),
            &ContextEntry { kind, mode, xattrs: ExtendedAttributes::default() },
            "{path}"
        );
    };
    let ContextEntryKind::File { size: 5, identity } = found("d/f").kind else { panic!() };
    assert_eq!(listed(&context), "d d/f link lost other pipe same socket");
    check("", ContextEntryKind::Directory, 0o750);
    check("d", ContextEntryKind::Directory, 0o1775);
    check("same", ContextEntryKind::File { size: 5, identity }, 0o6711);
    check("link", ContextEntryKind::Symlink("d/f".into()), 0o777);
    check("lost", ContextEntryKind::Symlink("nowhere\n".into()), 0o777);
    assert_eq!(
        (&found("pipe").kind, &found("socket").kind),
        (&ContextEntryKind::Special(SpecialKind::Fifo), &ContextEntryKind::Socket)
    );
    assert!(
        !matches!(found("other").kind, ContextEntryKind::File { identity: other, .. } if other == identity)
    );
    drop(socket);
}

#[test]
fn ignored_things_are_not_listed() {
    let check = |ignore: &str, expected: &str| {
        let place = Place::new();
        for path in ["a/b/c/f", "a/b/g", "a/x", "n/m/f", "n/m/keep", "z"] {
            place.write(Path::new("c").join(path), "");
        }
        place.link("a", "c/l");
        assert_eq!(listed(&place.context(ignore)), expected, "{ignore}");
    };
    check("", "a a/b a/b/c a/b/c/f a/b/g a/x l n n/m n/m/f n/m/keep z");
    check("a n", "l z");
    check("*", "");
    check("**", "");
    check("* !z", "z");
    check("* !a/b/g", "a a/b a/b/g");
    check("** !**/keep", "n n/m n/m/keep");
    check("n !n/m/keep l z", "a a/b a/b/c a/b/c/f a/b/g a/x n n/m n/m/keep");
    check("a !a/x !l/x", "a a/x l n n/m n/m/f n/m/keep z");
    check("**/f **/g", "a a/b a/b/c a/x l n n/m n/m/keep z");
    check("a/** n l z", "a");
    check("* !a a/b", "a a/x");
}
