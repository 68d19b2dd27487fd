//! Sparse files as GNU tar stores them, and mutilated.

use crate::oci::tar::testing::{RawHeader, TarBuilder, pax_record};
use crate::oci::tar::{TarLimits, TarReader};

const LIMITS: TarLimits =
    TarLimits { entries: 8, path: 300, names: 2000, pax: 2048, decompressed: 1 << 20 };

/// Returns a tar whose only file has these records, type and content.
fn tar(records: &[(&str, &str)], flag: u8, content: &str) -> Vec<u8> {
    let pax: Vec<Vec<u8>> = records
        .iter()
        .map(|(key, value)| pax_record(&format!("GNU.sparse.{key}"), value.as_bytes()))
        .collect();
    let header = RawHeader::new(b"GNUSparseFile.1/a", flag, content.len() as u64);
    TarBuilder::new().pax(&pax.concat()).member(header, content.as_bytes()).file("b", "b").end()
}

/// Returns a map, padded, with the content behind it.
fn mapped(map: &str, content: &str) -> String {
    let len = map.len().next_multiple_of(512);
    format!("{map}{}{content}", "\0".repeat(len - map.len()))
}

/// Returns the files with their contents, read in pieces of `step` bytes, or the error.
fn read(tar: &[u8], step: usize) -> Vec<String> {
    let mut tar = TarReader::new(tar, None, LIMITS).with_sparse_files();
    let mut lines = Vec::new();
    while let Some(found) = tar.next() {
        let found = match found {
            Ok(found) => found,
            Err(error) => {
                lines.push(error.to_string());
                break;
            }
        };
        let mut content = tar.read_content_start(step).unwrap();
        let mut space = vec![0; step];
        loop {
            match tar.read_content(&mut space).unwrap() {
                0 => break,
                count => content.extend(&space[..count]),
            }
        }
        assert_eq!(content.len() as u64, found.size);
        let content = String::from_utf8(content).unwrap().replace('\0', "_");
        lines.push(format!("{} {content}", found.path));
    }
    lines
}

const V0_1: &[(&str, &str)] =
    &[("name", "a"), ("size", "8"), ("numblocks", "2"), ("map", "1,1,4,2")];
const V1_0: &[(&str, &str)] = &[("major", "1"), ("minor", "0"), ("name", "a"), ("realsize", "8")];

fn with<'a>(
    records: &[(&'a str, &'a str)],
    more: &[(&'a str, &'a str)],
) -> Vec<(&'a str, &'a str)> {
    [records, more].concat()
}

#[test]
fn sparse_files_are_read_with_their_holes() {
    let check = |records: &[(&str, &str)], content: &str, expected: &str| {
        for step in [1, 2, 3, 100] {
            let expected = [format!("a {expected}"), "b b".into()];
            assert_eq!(read(&tar(records, b'0', content), step), expected, "{records:?} {step}");
        }
    };
    check(V0_1, "xyz", "_x__yz__");
    check(&with(V0_1, &[("major", "0"), ("minor", "1")]), "xyz", "_x__yz__");
    check(&with(V0_1, &[("map", "0,3,8,0")]), "xyz", "xyz_____");
    check(&with(V0_1, &[("numblocks", "1"), ("map", "8,0")]), "", "________");
    check(&with(V0_1, &[("size", ""), ("realsize", "7")]), "xyz", "_x__yz_");
    check(V1_0, &mapped("2\n1\n1\n4\n2\n", "xyz"), "_x__yz__");
    check(V1_0, &mapped("0\n", ""), "________");
    let many: Vec<String> = (0..200).map(|_| "0\n0\n".into()).collect();
    check(V1_0, &mapped(&format!("201\n{}5\n3\n", many.concat()), "xyz"), "_____xyz");
}

#[test]
fn malformed_sparse_files_are_refused() {
    let check = |records: &[(&str, &str)], flag: u8, content: &str, expected: &str| {
        assert_eq!(read(&tar(records, flag, content), 9), [expected], "{records:?} {content}");
    };
    let map = "the map of the sparse file `a` is malformed";
    let wrong = |more: &[(&str, &str)]| check(&with(V0_1, more), b'0', "xyz", map);
    wrong(&[("numblocks", "3")]);
    wrong(&[("numblocks", "")]);
    wrong(&[("numblocks", "18446744073709551615")]);
    wrong(&[("map", "1,1,4")]);
    wrong(&[("map", "1,1,4,-2")]);
    wrong(&[("map", "1,1,4,x")]);
    wrong(&[("map", "4,1,1,2")]);
    wrong(&[("map", "1,2,2,1")]);
    wrong(&[("map", "1,1,7,2")]);
    wrong(&[("map", "1,1,18446744073709551615,2")]);
    wrong(&[("map", "1,1,4,3")]);
    wrong(&[("map", "1,1,4,1")]);
    wrong(&[("size", "x")]);
    check(V0_1, b'5', "", map);
    check(V1_0, b'0', "xyz", map);
    check(V1_0, b'0', &mapped("2\n1\n1\n", ""), map);
    check(V1_0, b'0', &mapped("x\n1\n1\n", "x"), map);
    check(V1_0, b'0', &mapped("18446744073709551615\n", "x"), map);
    check(V1_0, b'0', &mapped("1\n1\n2\n", "x"), map);
    let long = "1\n".repeat(1200);
    check(
        V1_0,
        b'0',
        &mapped(&long.replacen('1', "1199", 1), ""),
        "the tar has too long a map of a sparse file at byte 3584",
    );
    let large = "the tar has more bytes than are read at byte 1024";
    check(&with(V0_1, &[("size", "1048577")]), b'0', "xyz", large);
}

#[test]
fn other_sparse_files_are_refused() {
    let sparse = "`a` is stored as a sparse file, which images must not have";
    let check = |records: &[(&str, &str)]| {
        assert_eq!(read(&tar(records, b'0', "xyz"), 9), [sparse], "{records:?}");
    };
    check(&with(V0_1, &[("minor", "0"), ("major", "0")]));
    check(&with(V1_0, &[("minor", "1")]));
    check(&with(V1_0, &[("minor", "")]));
    // Version 0.0.
    check(&[("name", "a"), ("size", "8"), ("numblocks", "1"), ("offset", "1"), ("numbytes", "3")]);
    // Readers of contents by their offsets refuse all.
    let tar = tar(V0_1, b'0', "xyz");
    let plain = TarReader::new(&tar[..], None, LIMITS);
    let errors: Vec<String> = plain.map(|found| found.unwrap_err().to_string()).collect();
    assert_eq!(errors, [sparse]);
}
