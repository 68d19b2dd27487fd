//! Tests of layers on layers, and of malformed layers.

use super::*;
use crate::oci::tar::testing::{RawHeader, TarBuilder, pax_record};

/// Returns the tree of an image of these layers, or what is wrong with the last.
fn merged(layers: &[Vec<u8>]) -> Result<Vec<String>, String> {
    let mut memory = MemoryImages::default();
    for layer in layers {
        memory.put(layer.clone());
    }
    let image = Image::new(layers).put(&mut memory);
    let loaded = load(&memory, &format!("q.io/a@{}", digest(&image)), "linux/amd64");
    let mut tree = match loaded {
        Ok(loaded) => loaded.tree,
        Err(BaseError::Layer { problem, .. }) => return Err(problem.to_string()),
        Err(error) => return Err(error.to_string()),
    };
    assert_eq!(tree.take_changes(), []);
    Ok(listed(&tree))
}

#[track_caller]
fn check(layers: &[TarBuilder], expected: &[&str]) {
    let layers: Vec<Vec<u8>> = layers.iter().map(|layer| layer.clone().end()).collect();
    // The offsets of contents are not compared here.
    let found = merged(&layers).map(|lines| {
        lines.iter().map(|line| line.replace(" 755 0:0", "").replace(" 644 0:0", "")).collect()
    });
    let expected: Vec<String> = expected.iter().map(|line| (*line).to_owned()).collect();
    assert_eq!(found, Ok(expected));
}

#[track_caller]
fn refuse(layers: &[TarBuilder], expected: &str) {
    let layers: Vec<Vec<u8>> = layers.iter().map(|layer| layer.clone().end()).collect();
    assert_eq!(merged(&layers), Err(expected.to_owned()));
}

fn tar() -> TarBuilder {
    TarBuilder::new()
}

fn raw(name: &[u8], flag: u8, size: u64) -> RawHeader {
    RawHeader::new(name, flag, size)
}

#[test]
fn later_layers_win() {
    check(&[tar()], &[]);
    check(&[tar().file("a", "x"), tar().file("a", "xyz")], &["a at 512 + 3"]);
    check(
        &[tar().dir("d").file("d/a", ""), tar().dir("e")],
        &["d dir", "d/a at 1024 + 0", "e dir"],
    );
    let owned = raw(b"d", b'5', 0).set(100, b"0001777\0").set(108, b"0000007\0");
    let found =
        merged(&[tar().dir("d").file("d/a", "").end(), tar().member(owned.clone(), b"").end()]);
    assert_eq!(found.unwrap(), ["d dir 1777 7:0", "d/a at 1024 + 0 644 0:0"]);
    // Something else at the path of a directory removes all of it, and the other way round.
    let full = tar().dir("d").file("d/a", "").dir("d/b").file("d/b/c", "");
    check(&[full.clone(), tar().file("d", "")], &["d at 512 + 0"]);
    check(&[full.clone(), tar().symlink("d", "x")], &["d -> x"]);
    check(&[full.clone(), tar().file("d", ""), tar().dir("d")], &["d dir"]);
    check(
        &[tar().symlink("d", "x"), tar().dir("d").file("d/a", "")],
        &["d dir", "d/a at 1024 + 0"],
    );
    check(&[tar().file("a", "1"), tar().file("a", "22").file("a", "333")], &["a at 1536 + 3"]);
    check(&[tar().file("a", "").dir("a").file("a/b", "")], &["a dir", "a/b at 1536 + 0"]);
    check(&[tar().dir("a").file("a/b", "").file("a", "")], &["a at 1536 + 0"]);
    let root = merged(&[tar().member(raw(b"./", b'5', 0), b"").end()]);
    assert_eq!(root.unwrap(), Vec::<String>::new());
}

#[test]
fn extended_attributes_are_read() {
    let pax =
        |name: &str, value: &str| pax_record(&format!("SCHILY.xattr.{name}"), value.as_bytes());
    let capability = pax("security.capability", "c");
    let both = [capability.clone(), pax("user.a", "x")].concat();
    check(
        &[tar().pax(&both).file("a", "").pax(&pax("user.d", "")).dir("d")],
        &["a at 1536 + 0 security.capability=c user.a=x", "d dir user.d="],
    );
    // Unpacking sets the owner of a link last but one, and then its extended attributes.
    let linked = tar().pax(&both).file("a", "").pax(&pax("user.b", "y")).hardlink("b", "a");
    let inode = "at 1536 + 0 linked 755 0:0 user.a=x user.b=y";
    let found = merged(&[linked.end()]);
    assert_eq!(found, Ok(vec![format!("a {inode}"), format!("b {inode}")]));
}

#[test]
fn parents_that_are_missing_are_made() {
    check(&[tar().file("a/b/c", "")], &["a dir", "a/b dir", "a/b/c at 512 + 0"]);
    check(&[tar().file("./a//b", "")], &["a dir", "a/b at 512 + 0"]);
    check(&[tar().file("/a", "")], &["a at 512 + 0"]);
    check(&[tar().file("a/.wh.b", "")], &["a dir"]);
    check(&[tar().file("a/.wh..wh..opq", "")], &["a dir"]);
}

#[test]
fn links_as_parents_are_followed_in_the_image() {
    let usr = || tar().dir("usr").dir("usr/lib").symlink("lib", "usr/lib");
    let merged = ["lib -> usr/lib", "usr dir", "usr/lib dir", "usr/lib/a at 512 + 0"];
    check(&[usr(), tar().file("lib/a", "")], &merged);
    let absolute = tar().dir("usr/lib").symlink("lib", "/usr/lib");
    check(
        &[absolute, tar().file("lib/a", "")],
        &["lib -> /usr/lib", merged[1], merged[2], merged[3]],
    );
    // Nothing leads out of the root.
    let out = tar().symlink("x", "../../../../y");
    check(&[out, tar().file("x/a", "")], &["x -> ../../../../y", "y dir", "y/a at 512 + 0"]);
    let chain = tar().symlink("a", "b").symlink("b", "/c/d").symlink("c", "e").dir("e");
    check(
        &[chain, tar().file("a/f", "")],
        &["a -> b", "b -> /c/d", "c -> e", "e dir", "e/d dir", "e/d/f at 512 + 0"],
    );
    let same = tar().symlink("x", "/y").file("x/a", "");
    check(&[same], &["x -> /y", "y dir", "y/a at 1024 + 0"]);
    // A link that was replaced is no longer followed.
    let replaced = tar().file("lib/a", "").dir("lib").file("lib/b", "");
    check(
        &[usr(), replaced],
        &["lib dir", "lib/b at 1536 + 0", "usr dir", "usr/lib dir", merged[3]],
    );
    let hidden = tar().file("lib/.wh.a", "");
    check(&[usr().file("usr/lib/a", ""), hidden], &merged[..3]);
    let passwd = tar().symlink("etc", "/proc/self/cwd/etc").file("etc/shadow", "");
    check(
        &[passwd],
        &[
            "etc -> /proc/self/cwd/etc",
            "proc dir",
            "proc/self dir",
            "proc/self/cwd dir",
            "proc/self/cwd/etc dir",
            "proc/self/cwd/etc/shadow at 1024 + 0",
        ],
    );
    let ring = || tar().symlink("a", "b").symlink("b", "a");
    let error = "`/a/x` cannot be put there: `a` leads through too many symbolic links";
    refuse(&[ring(), tar().file("a/x", "")], error);
    let itself = tar().symlink("a", "a").file("a/x", "");
    refuse(&[itself], error);
    let error = "`/a/x` cannot be put there: `/a` is not a directory";
    refuse(&[tar().file("a", ""), tar().file("a/x", "")], error);
    refuse(&[tar().file("a", "").file("a/x", "")], error);
    refuse(&[tar().member(raw(b"a", b'6', 0), b"").file("a/x", "")], error);
    refuse(
        &[tar().symlink("b", "a").file("a", "").file("b/x", "")],
        &error.replace("`/a/x`", "`/b/x`"),
    );
    let error = "`/a/b/x` cannot be put there: `/a` is not a directory";
    refuse(&[tar().file("a", "").file("a/b/x", "")], error);
}

#[test]
fn whiteouts_hide_layers_below_only() {
    let below = || tar().dir("d").file("d/a", "").dir("d/e").file("d/e/b", "").file("f", "");
    let rest = ["d dir", "d/a at 1024 + 0", "d/e dir", "d/e/b at 2048 + 0", "f at 2560 + 0"];
    check(&[below(), tar().file("d/.wh.a", "")], &[rest[0], rest[2], rest[3], rest[4]]);
    check(&[below(), tar().file(".wh.d", "")], &rest[4..]);
    check(&[below(), tar().file(".wh.nothing", "")], &rest);
    check(&[below(), tar().dir(".wh.d")], &rest[4..]);
    check(&[below(), tar().symlink(".wh.d", "f")], &rest[4..]);
    // Before or after what is new.
    let new = ["d dir", "d/n at 512 + 0", "f at 2560 + 0"];
    check(&[below(), tar().file("d/n", "").file(".wh.d", "")], &new);
    check(&[below(), tar().file("d/n", "").file("d/.wh..wh..opq", "")], &new);
    let new = ["d dir", "d/n at 1024 + 0", "f at 2560 + 0"];
    check(&[below(), tar().file(".wh.d", "").file("d/n", "")], &new);
    check(&[below(), tar().file("d/.wh..wh..opq", "").file("d/n", "")], &new);
    check(
        &[below(), tar().file("d/a", "1").file("d/.wh.a", "")],
        &["d dir", "d/a at 512 + 1", rest[2], rest[3], rest[4]],
    );
    check(&[below(), tar().dir("d").file(".wh.d", "")], &["d dir", rest[4]]);
    check(&[tar().file("a", "").file(".wh.a", "")], &["a at 512 + 0"]);
    // The next layer hides what this one kept.
    check(&[below(), tar().file("d/n", ""), tar().file(".wh.d", "")], &rest[4..]);
    // Opaque directories.
    check(&[below(), tar().file("d/e/.wh..wh..opq", "")], &[rest[0], rest[1], rest[2], rest[4]]);
    check(&[below(), tar().file(".wh..wh..opq", "")], &[]);
    check(&[below(), tar().file(".wh..wh..opq", "").file(".wh..wh..opq", "").dir("x")], &["x dir"]);
    check(
        &[tar().dir("d").file("d/.wh..wh..opq", "").file("d/a", "")],
        &["d dir", "d/a at 1536 + 0"],
    );
    refuse(
        &[below(), tar().file("f/.wh..wh..opq", "")],
        "`/f/.wh..wh..opq` cannot be put there: `/f` is not a directory",
    );
    // What AUFS left behind.
    check(&[tar().dir(".wh..wh.plnk").file(".wh..wh.plnk/1.2", "").file(".wh..wh.aufs", "")], &[]);
    let none = |name: &str| {
        let error = format!("`/{name}` is not a whiteout that can be applied");
        refuse(&[below(), tar().file(name, "")], &error);
    };
    none(".wh.");
    none(".wh..");
    none(".wh...");
    none("d/.wh.");
    none("d/.wh..");
    none("d/.wh...");
    none(".wh.d/x");
    none("d/.wh.e/x");
    none("d/.wh..wh..opq/x");
    none("d/.wh.e/.wh.x");
}

#[test]
fn hard_links_are_files() {
    let one = || tar().file("a", "x");
    check(&[one().hardlink("b", "a")], &["a at 512 + 1 linked", "b at 512 + 1 linked"]);
    check(&[one(), tar().hardlink("b", "/a")], &["a at 512 + 1 linked", "b at 512 + 1 linked"]);
    check(
        &[one().hardlink("d/b", "./a")],
        &["a at 512 + 1 linked", "d dir", "d/b at 512 + 1 linked"],
    );
    check(&[one().hardlink("b", "a").file("a", "yy")], &["a at 2048 + 2", "b at 512 + 1 linked"]);
    let through = tar().dir("d").file("d/a", "x").symlink("l", "d").hardlink("b", "l/a");
    check(&[through], &["b at 1024 + 1 linked", "d dir", "d/a at 1024 + 1 linked", "l -> d"]);
    check(&[tar().symlink("l", "x").hardlink("m", "l")], &["l -> x", "m -> x"]);
    check(
        &[one().file("b", "").hardlink("b", "a")],
        &["a at 512 + 1 linked", "b at 512 + 1 linked"],
    );
    check(&[one().dir("b").hardlink("b", "a")], &["a at 512 + 1 linked", "b at 512 + 1 linked"]);
    let fifo = tar().member(raw(b"p", b'6', 0), b"").hardlink("q", "p");
    check(&[fifo], &["p fifo", "q fifo"]);
    let missing = |path: &str, target: &str| {
        format!("`/{path}` is a hard link to `/{target}`, which does not exist")
    };
    refuse(&[tar().hardlink("a", "b")], &missing("a", "b"));
    refuse(&[tar().hardlink("a", "b").file("b", "")], &missing("a", "b"));
    refuse(&[tar().hardlink("a", "a")], &missing("a", "a"));
    refuse(&[one(), tar().file(".wh.a", "").hardlink("b", "a")], &missing("b", "a"));
    refuse(&[tar().hardlink("a", "/etc/shadow")], &missing("a", "etc/shadow"));
    refuse(&[tar().symlink("l", "/etc").hardlink("a", "l/shadow")], &missing("a", "l/shadow"));
    refuse(&[tar().hardlink("x", ".wh..wh.plnk/1")], &missing("x", ".wh..wh.plnk/1"));
    let link = |path: &str, target: &str| {
        format!("`/{path}` is a hard link to `/{target}`, which cannot be linked to")
    };
    refuse(&[one().hardlink("a", "a")], &link("a", "a"));
    refuse(&[tar().dir("d").hardlink("a", "d")], &link("a", "d"));
    refuse(&[tar().file("d/a", "").hardlink("d", "d/a")], &link("d", "d/a"));
    check(
        &[tar().file("da", "").hardlink("d", "da")],
        &["d at 512 + 0 linked", "da at 512 + 0 linked"],
    );
    refuse(&[tar().hardlink("a", "")], &link("a", ""));
    refuse(&[tar().dir("d").hardlink("d", "./d/")], &link("d", "d"));
    refuse(&[one().hardlink("b", "a/c")], &missing("b", "a/c"));
    refuse(&[tar().hardlink("a", "../b")], "the path \"../b\" leads out of the root with `..`");
    refuse(&[tar().hardlink("a", "/../etc/passwd")], &missing("a", "etc/passwd"));
}

#[test]
fn devices_are_seen() {
    let device = |flag| raw(b"dev/x", flag, 0).set(329, b"0000010\0").set(337, b"0000003\0");
    check(&[tar().member(device(b'3'), b"")], &["dev dir", "dev/x char 8,3"]);
    check(&[tar().member(device(b'4'), b"")], &["dev dir", "dev/x block 8,3"]);
    check(
        &[tar().member(device(b'4'), b""), tar().file("dev/x", "")],
        &["dev dir", "dev/x at 512 + 0"],
    );
}

#[test]
fn names_of_users_are_at_hand() {
    let etc = tar().file("etc/passwd", "root:x:0:0").file("etc/group", "root:x:0").file("x", "");
    check(
        std::slice::from_ref(&etc),
        &["etc dir", "etc/group = root:x:0", "etc/passwd = root:x:0:0", "x at 2560 + 0"],
    );
    check(
        &[etc, tar().file("etc/passwd", "new")],
        &["etc dir", "etc/group = root:x:0", "etc/passwd = new", "x at 2560 + 0"],
    );
    // Of several entries the last counts.
    let twice =
        tar().file("etc/passwd", "old").hardlink("x", "etc/passwd").file("etc/passwd", "new");
    check(&[twice], &["etc dir", "etc/passwd = new", "x at 512 + 3 linked"]);
    let long = "x".repeat((1 << 20) + 1);
    check(&[tar().file("etc/passwd", &long)], &["etc dir", "etc/passwd at 512 + 1048577"]);
    check(&[tar().symlink("etc/passwd", "x")], &["etc dir", "etc/passwd -> x"]);
}

/// What the tests of tar have in detail is an error of the layer here.
#[test]
fn tars_that_cannot_be_used_are_refused() {
    let file = |name: &[u8]| tar().member(raw(name, b'0', 0), b"");
    refuse(&[file(b"../x")], "the path \"../x\" leads out of the root with `..`");
    refuse(&[file(b"a/../../x")], "the path \"a/../../x\" leads out of the root with `..`");
    refuse(&[file(b"\xff")], "the name \"\u{fffd}\" is not UTF-8");
    refuse(
        &[tar().pax(&pax_record("path", b"a\0b")).file("a", "")],
        "the name \"a\\0b\" holds a NUL byte",
    );
    check(&[file(b"a\nb")], &["a\nb at 512 + 0"]);
    refuse(&[tar().pax(b"99 path=x\n").file("a", "")], "the pax header at byte 0 is malformed");
    let number = "the size in the tar header at byte 0 is not a usable number";
    refuse(&[tar().member(raw(b"a", b'0', 0).set(124, &[0xff; 12]), b"")], number);
    let large = "the tar has more bytes than are read at byte 0";
    refuse(&[tar().member(raw(b"a", b'0', 0).binary(124, 12, u64::MAX), b"")], large);
    refuse(
        &[tar().member(raw(b"a", b'S', 0), b"")],
        "`a` is stored as a sparse file, which images must not have",
    );
    let many = (0..1001).fold(tar(), |tar, number| tar.dir(&format!("d{number}")));
    refuse(&[many], "the tar has too many members at byte 512000");
    let same = (0..1001).fold(tar(), |tar, _| tar.dir("d"));
    refuse(&[same], "the tar has too many members at byte 512000");
    let whiteouts = (0..1001).fold(tar(), |tar, _| tar.file(".wh..wh..opq", ""));
    refuse(&[whiteouts], "the tar has too many members at byte 512000");
    let cut = tar().member(raw(b"a", b'0', 9999), b"x").0;
    assert_eq!(merged(&[cut]), Err("the tar is cut off at byte 512".into()));
    assert_eq!(merged(&[vec![7; 2000]]), Err("there is no valid tar header at byte 0".into()));
    assert_eq!(merged(&[Vec::new()]), Ok(Vec::new()));
}
