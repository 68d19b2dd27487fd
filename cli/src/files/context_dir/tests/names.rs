//! Names and links are never followed to what is outside of the context.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;

use super::*;

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
