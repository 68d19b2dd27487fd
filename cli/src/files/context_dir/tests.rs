use std::ffi::OsStr;
use std::fs;
use std::io::Read as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::os::unix::net::UnixListener;

use diskette_builder::frontend::dockerfile::pattern::DoubleStar;
use rustix::fs::{CWD, FileType, Mode, mknodat};
use tempfile::TempDir;

use super::*;

/// A directory with a context `c`, and beside it a file that must not be read.
struct Place {
    temporary: TempDir,
}

const CANARY: &str = "the canary";

impl Place {
    fn new() -> Self {
        let place = Self { temporary: TempDir::new().unwrap() };
        fs::create_dir_all(place.path("outside/d")).unwrap();
        place.write("outside/canary", CANARY);
        place.write("outside/d/f", CANARY);
        fs::create_dir(place.path("c")).unwrap();
        place
    }

    fn path(&self, path: impl AsRef<Path>) -> PathBuf {
        self.temporary.path().join(path)
    }

    fn write(&self, path: impl AsRef<Path>, content: &str) {
        let root = Dir::open_ambient_dir(self.temporary.path(), ambient_authority()).unwrap();
        if let Some(parent) = path.as_ref().parent() {
            root.create_dir_all(parent).unwrap();
        }
        root.write(path, content).unwrap();
    }

    fn link(&self, target: impl AsRef<Path>, path: &str) {
        symlink(target, self.path(path)).unwrap();
    }

    fn pipe(&self, path: &str) {
        mknodat(CWD, self.path(path), FileType::Fifo, Mode::RUSR, 0).unwrap();
    }

    fn context(&self, ignore: &str) -> ContextDir {
        let ignore = IgnoreFile::new(ignore.split(' ')).unwrap();
        ContextDir::open(&self.path("c"), ignore).unwrap()
    }
}

fn read(context: &ContextDir, path: &str) -> Result<String, String> {
    let mut file = context.open(path.as_ref()).map_err(|error| error.to_string())?;
    let mut text = String::new();
    file.read_to_string(&mut text).map_err(|error| error.to_string())?;
    Ok(text)
}

fn listed(context: &ContextDir) -> String {
    match context.listing() {
        Ok(listing) => listing.below("").map(|(path, _)| path).collect::<Vec<_>>().join(" "),
        Err(error) => error.to_string(),
    }
}

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
        assert_eq!(found(path), &ContextEntry { kind, mode }, "{path}");
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
        (&ContextEntryKind::Special, &ContextEntryKind::Special)
    );
    assert!(
        !matches!(found("other").kind, ContextEntryKind::File { identity: other, .. } if other == identity)
    );
    drop(socket);
}

#[test]
fn a_name_is_only_a_name() {
    let long = "n".repeat(255);
    let names = [
        "plain",
        "-rf",
        "--",
        "a\nb",
        "a\tb",
        "a\"b",
        "a'b",
        "a\u{1}b",
        "\u{1b}[31m",
        "a b",
        " ",
        "*",
        "?",
        "[x]",
        "a\\b",
        "\\",
        "...",
        ".hidden",
        "~",
        "$HOME",
        "$(id)",
        "#x",
        "!x",
        "é☺",
        "e\u{301}",
        "\u{202e}txt",
        "\u{feff}bom",
        "a:b",
        "C:",
        "%2e%2e",
        "..a",
        "a..",
        "con",
        &long,
    ];
    let place = Place::new();
    for name in names {
        place.write(Path::new("c").join(name), name);
        place.write(Path::new("c/below").join(name).join("f"), name);
    }
    let context = place.context("");
    let listing = context.listing().unwrap();
    assert_eq!(listing.below("").count(), 1 + 3 * names.len());
    for name in names {
        let resolved = listing.resolve(name).unwrap();
        assert_eq!(resolved.path, name);
        assert_eq!(read(&context, name).as_deref(), Ok(name));
        assert_eq!(read(&context, &format!("below/{name}/f")).as_deref(), Ok(name));
    }
}

#[test]
fn a_link_never_leads_outside() {
    let place = Place::new();
    place.write("c/f", "inside");
    place.write("c/d/f", "inside d");
    let canary = place.path("outside/canary");
    place.link(&canary, "c/absolute");
    place.link(place.path("outside"), "c/absolute-dir");
    place.link("../outside/canary", "c/relative");
    place.link("../outside", "c/relative-dir");
    place.link("../../outside/canary", "c/d/up");
    place.link("d/../../outside/canary", "c/winding");
    place.link("relative", "c/chain");
    place.link("chain", "c/d/chain"); // not that one
    place.link("../chain", "c/d/chain2");
    place.link("/f", "c/root");
    place.link("/", "c/slash");
    place.link("..", "c/above");
    place.link("../c/f", "c/back");
    place.link("d", "c/dir");
    place.link("/proc/self/root", "c/kernel");
    place.link("loop", "c/loop");
    let context = place.context("");
    let check = |path: &str, expected: Result<&str, &str>| {
        let found = context.listing().unwrap().resolve(path);
        let found = found.map_err(|error| error.to_string());
        let text = found.and_then(|resolved| read(&context, &resolved.path));
        match (text, expected) {
            (Err(error), Err(part)) => assert!(error.contains(part), "{path}: {error}"),
            (text, expected) => assert_eq!(text.as_deref(), Ok(expected.unwrap()), "{path}"),
        }
    };
    let outside = Err("is outside the build context");
    check("absolute", outside);
    check("absolute-dir/canary", outside);
    check("absolute-dir/d/f", outside);
    check("relative", outside);
    check("relative-dir", outside);
    check("relative-dir/canary", outside);
    check("relative-dir/d/../canary", outside);
    check("d/up", outside);
    check("winding", outside);
    check("chain", outside);
    check("d/chain", Err("`d/chain` leads through too many symbolic links"));
    check("d/chain2", outside);
    check("slash/relative", outside);
    check("above", outside);
    check("above/c/f", outside);
    check("back", outside);
    check("kernel/etc/passwd", outside);
    check("loop", Err("too many symbolic links"));
    check("loop/x", Err("too many symbolic links"));
    check("root", Ok("inside"));
    check("slash/slash/f", Ok("inside"));
    check("dir/f", Ok("inside d"));
    check("dir/../f", Ok("inside")); // clean before links are followed, as in BuildKit
    check("../f", Ok("inside"));
    check("../outside/canary", Err("is not in the build context"));
    check("../../../../../../etc/passwd", Err("is not in the build context"));
    check("/etc/passwd", Err("is not in the build context"));
    check(canary.to_str().unwrap(), Err("is not in the build context"));
}

#[test]
fn only_listed_files_are_opened() {
    let place = Place::new();
    place.write("c/f", "inside");
    place.write("c/d/f", "inside");
    place.write("c/ignored", "secret");
    place.write("c/node/x", "secret");
    place.link("f", "c/link");
    place.link("../outside", "c/out");
    place.pipe("c/pipe");
    let context = place.context("ignored node");
    assert_eq!(read(&context, "f").as_deref(), Ok("inside"));
    let refused = [
        "",
        ".",
        "/",
        "..",
        "d",
        "d/",
        "f/",
        "./f",
        "d/../f",
        "d//f",
        "/f",
        "link",
        "pipe",
        "ignored",
        "node/x",
        "missing",
        "out/canary",
        "../outside/canary",
        "/etc/passwd",
        "f\0",
        "\0",
    ];
    for path in refused {
        let error = read(&context, path).unwrap_err();
        assert_eq!(error, "not a regular file of the build context", "{path}");
    }
}

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

#[test]
fn a_name_that_is_not_utf8_is_shown() {
    let check = |path: &[u8], ignore: &str, expected: &str| {
        let place = Place::new();
        place.write("c/keep/f", "");
        place.write(Path::new("c").join(OsStr::from_bytes(path)), "");
        assert_eq!(listed(&place.context(ignore)), expected);
    };
    let message = "a name in the build context is not UTF-8:";
    check(b"a\xffb", "", &format!(r#"{message} "a\xFFb""#));
    check(b"d\x80/f", "", &format!(r#"{message} "d\x80""#));
    check(b"d/\xc3", "", &format!(r#"{message} "d/\xC3""#));
    check(b"d/\xc3\n", "keep", &format!(r#"{message} "d/\xC3\n""#));
    check(b"a\xffb", "a*", "keep keep/f");
    check(b"d\xff/f", "d*", "keep keep/f");
    check(b"d/\xff", "d", "keep keep/f");
    check(b"d/\xff", "* !keep", "keep keep/f");
    check(b"d\xff/f", "** !**/f", "keep keep/f");

    let place = Place::new();
    place.link(OsStr::from_bytes(b"to\xff"), "c/link");
    let message = "the symbolic link `link` in the build context leads to what is not UTF-8:";
    assert_eq!(listed(&place.context("")), format!(r#"{message} "to\xFF""#));
    assert_eq!(listed(&place.context("link")), "");
}

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
