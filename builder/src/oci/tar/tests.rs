use std::io::{self, Read, Write as _};

use super::testing::{RawHeader, TarBuilder, pax_record};
use super::*;
use crate::compression::CompressionFormat;

/// Small enough that tests reach them.
const LIMITS: TarLimits =
    TarLimits { entries: 8, path: 300, names: 2000, pax: 2048, decompressed: 1 << 20 };

fn listed(raw: &[u8], limits: TarLimits) -> Vec<String> {
    let members = match read_entries(raw, limits) {
        Ok(members) => members,
        Err(error) => return vec![error.to_string()],
    };
    let line = |found: Result<TarEntry, TarReadError>| {
        let found = match found {
            Ok(found) => found,
            Err(error) => return error.to_string(),
        };
        let kind = match &found.kind {
            TarEntryKind::Symlink(target) => format!("-> {target}"),
            TarEntryKind::Hardlink(target) => format!("= {target}"),
            TarEntryKind::File => format!("at {} + {}", found.offset, found.size),
            other => format!("{other:?}"),
        };
        let xattrs = found.xattrs.show();
        format!("{} {kind} {:o} {}:{}{xattrs}", found.path, found.mode, found.uid, found.gid)
    };
    members.map(line).collect()
}

#[track_caller]
fn check(raw: &[u8], expected: &[&str]) {
    assert_eq!(listed(raw, LIMITS), expected);
}

#[test]
fn members_are_found() {
    check(&[], &[]);
    check(&TarBuilder::new().end(), &[]);
    check(&[0; 512], &[]);
    let tar = TarBuilder::new().dir("./").dir("a/").file("a/b", "content").symlink("/c", "../a/b");
    check(
        &tar.hardlink("d", "./a/b").end(),
        &[
            " Directory 755 0:0",
            "a Directory 755 0:0",
            "a/b at 1536 + 7 644 0:0",
            "c -> ../a/b 755 0:0",
            "d = a/b 755 0:0",
        ],
    );
    let device =
        |flag| RawHeader::new(b"dev/x", flag, 0).set(329, b"0000010\0").set(337, b"0000003\0");
    check(
        &TarBuilder::new()
            .member(device(b'3'), b"")
            .member(device(b'4'), b"")
            .member(device(b'6'), b"")
            .end(),
        &[
            "dev/x Character { major: 8, minor: 3 } 755 0:0",
            "dev/x Block { major: 8, minor: 3 } 755 0:0",
            "dev/x Fifo 755 0:0",
        ],
    );
}

#[test]
fn old_formats_are_read() {
    let v7 = |name: &[u8]| RawHeader::new(name, 0, 0).set(257, &[0; 8]);
    let tar = TarBuilder::new().member(v7(b"a/"), b"").member(v7(b"a/b"), b"");
    check(&tar.end(), &["a Directory 755 0:0", "a/b at 1024 + 0 755 0:0"]);
    let gnu = RawHeader::new(b"a", b'7', 3).set(257, b"ustar  \0").set(345, b"12345670123\0");
    check(&TarBuilder::new().member(gnu, b"abc").end(), &["a at 512 + 3 755 0:0"]);
    let prefix = RawHeader::new(b"b", b'0', 0).set(345, b"some/where");
    check(&TarBuilder::new().member(prefix, b"").end(), &["some/where/b at 512 + 0 755 0:0"]);
    // Some programs summed signed bytes.
    let mut signed = RawHeader::new("ä".as_bytes(), b'5', 0).set(148, b"        ");
    let sum: i32 = signed.0.iter().map(|byte| i32::from(byte.cast_signed())).sum();
    signed = signed.set(148, format!("{sum:06o}\0 ").as_bytes());
    check(&TarBuilder::new().raw(&signed.0).end(), &["ä Directory 755 0:0"]);
}

#[test]
fn long_names_and_large_numbers_are_read() {
    let long = "x".repeat(200);
    let file = |tar: TarBuilder| tar.file("short", "abc").end();
    check(
        &file(TarBuilder::new().long(b'L', long.as_bytes())),
        &[&format!("{long} at 1536 + 3 644 0:0")],
    );
    let path = pax_record("path", long.as_bytes());
    check(&file(TarBuilder::new().pax(&path)), &[&format!("{long} at 1536 + 3 644 0:0")]);
    let links = TarBuilder::new().long(b'K', long.as_bytes()).symlink("a", "b");
    let links = links.pax(&pax_record("linkpath", b"/c d")).hardlink("e", "f");
    check(&links.end(), &[&format!("a -> {long} 755 0:0"), "e = c d 755 0:0"]);
    let xattr = pax_record("SCHILY.xattr.user.a", b"x");
    check(&file(TarBuilder::new().pax(&xattr)), &["short at 1536 + 3 644 0:0 user.a=x"]);
    let ids = [pax_record("uid", b"70000000"), pax_record("gid", b"1001")].concat();
    check(&file(TarBuilder::new().pax(&ids)), &["short at 1536 + 3 644 70000000:1001"]);
    let binary = RawHeader::new(b"a", b'0', 0).binary(108, 8, 3_000_000).binary(124, 12, 3);
    check(&TarBuilder::new().member(binary, b"abc").end(), &["a at 512 + 3 755 3000000:0"]);
    // The pax header's size is the one that counts: CVE-2025-62518 and its kin.
    let hidden = TarBuilder::new().file("hidden", "").0;
    let size = pax_record("size", hidden.len().to_string().as_bytes());
    let tar =
        TarBuilder::new().pax(&size).member(RawHeader::new(b"a", b'0', 0), &hidden).file("b", "");
    check(&tar.end(), &["a at 1536 + 512 755 0:0", "b at 2560 + 0 644 0:0"]);
    // What is said of one member is not said of the next; the later of two counts, GNU's before
    // pax's.
    let twice = TarBuilder::new()
        .pax(&pax_record("path", b"x"))
        .pax(&pax_record("uid", b"7"))
        .file("a", "");
    check(&twice.file("b", "").end(), &["a at 2560 + 0 644 7:0", "b at 3072 + 0 644 0:0"]);
    let both = TarBuilder::new().long(b'L', b"gnu").pax(&pax_record("path", b"pax")).file("a", "");
    check(&both.end(), &["gnu at 2560 + 0 644 0:0"]);
    let global = RawHeader::new(b"g", b'g', 16);
    let tar = TarBuilder::new().member(global, b"16 path=nowhere\n").file("a", "");
    check(&tar.end(), &["a at 1536 + 0 644 0:0"]);
    // Only files have content, whatever the header says.
    let dir = RawHeader::new(b"d", b'5', 4096);
    check(
        &TarBuilder::new().member(dir, b"").file("a", "").end(),
        &["d Directory 755 0:0", "a at 1024 + 0 644 0:0"],
    );
}

#[test]
fn names_that_lead_elsewhere_are_refused() {
    let named = |name: &[u8]| TarBuilder::new().member(RawHeader::new(name, b'0', 0), b"").end();
    check(&named(b"../a"), &["the path \"../a\" leads out of the root with `..`"]);
    // What has no name is not unpacked.
    check(&named(b"a/.."), &[" at 512 + 0 755 0:0"]);
    check(&named(b"/../etc/passwd"), &["etc/passwd at 512 + 0 755 0:0"]);
    check(&named(b"a\xffb"), &["the name \"a\u{fffd}b\" is not UTF-8"]);
    check(&named(b"a\nb"), &["a\nb at 512 + 0 755 0:0"]);
    check(&named(b"/etc//./passwd"), &["etc/passwd at 512 + 0 755 0:0"]);
    check(&named(b""), &[" at 512 + 0 755 0:0"]);
    check(&named(b"./"), &[" at 512 + 0 755 0:0"]);
    let pax = |key: &str, value: &[u8]| TarBuilder::new().pax(&pax_record(key, value));
    check(&pax("path", b"a\0b").file("x", "").end(), &["the name \"a\\0b\" holds a NUL byte"]);
    check(&pax("path", b"x/../y").file("x", "").end(), &["y at 1536 + 0 644 0:0"]);
    check(&pax("path", b"\xfe").file("x", "").end(), &["the name \"\u{fffd}\" is not UTF-8"]);
    check(
        &pax("linkpath", b"b\0").symlink("a", "x").end(),
        &["the name \"b\\0\" holds a NUL byte"],
    );
    let long = TarBuilder::new().long(b'L', b"a/../../b").file("x", "");
    check(&long.end(), &["the path \"a/../../b\" leads out of the root with `..`"]);
    check(
        &TarBuilder::new().hardlink("a", "../b").end(),
        &["the path \"../b\" leads out of the root with `..`"],
    );
    check(&TarBuilder::new().symlink("a", "").end(), &["the symbolic link `a` has no target"]);
    check(&TarBuilder::new().symlink("", "b").end(), &[" -> b 755 0:0"]);
}

#[test]
fn headers_that_are_none_are_refused() {
    let file = |at, field: &[u8]| {
        TarBuilder::new().member(RawHeader::new(b"a", b'0', 0).set(at, field), b"").end()
    };
    let number =
        |field: &str| format!("the {field} in the tar header at byte 0 is not a usable number");
    check(&file(124, &[0xff; 12]), &[&number("size")]);
    check(&file(124, b"0000000000z\0"), &[&number("size")]);
    check(&file(124, b"-0000000001\0"), &[&number("size")]);
    check(&file(108, &[0xff; 8]), &[&number("user id")]);
    check(&file(116, b"9999999\0"), &[&number("group id")]);
    check(&file(100, b"rwxr-xr-"), &[&number("mode")]);
    let wide = RawHeader::new(b"a", b'0', 0).binary(108, 8, u64::from(u32::MAX));
    check(&TarBuilder::new().member(wide, b"").end(), &[&number("user id")]);
    let device = RawHeader::new(b"a", b'3', 0).set(329, &[0xff; 8]);
    check(&TarBuilder::new().member(device, b"").end(), &[&number("device number")]);
    let flag = |flag| TarBuilder::new().member(RawHeader::new(b"a", flag, 0), b"").end();
    check(&flag(b'V'), &["`a` is a tar member of the unknown type 'V'"]);
    check(&flag(b'8'), &["`a` is a tar member of the unknown type '8'"]);
    let sparse = "`a` is stored as a sparse file, which images must not have";
    check(&flag(b'S'), &[sparse]);
    let pax = pax_record("GNU.sparse.major", b"1");
    check(&TarBuilder::new().pax(&pax).file("a", "").end(), &[sparse]);
    check(&[7; 1024], &["there is no valid tar header at byte 0"]);
    let header = RawHeader::new(b"a", b'5', 0).sealed().set(0, b"b");
    check(&header.0, &["there is no valid tar header at byte 0"]);
    let behind = TarBuilder::new().file("a", "x").raw(b"b").raw(&[0; 1023]).0;
    check(&behind, &["a at 512 + 1 644 0:0", "there is no valid tar header at byte 1024"]);
    let between = TarBuilder::new().raw(&[0; 512]).file("a", "").0;
    check(&between, &["there is no valid tar header at byte 512"]);
    for wrong in [&b"9 path=ab\n"[..], b"8 path=a\n", b"x", b"99 path=a\n", b"9 size=z\n"] {
        let tar = TarBuilder::new().pax(wrong).file("a", "").end();
        check(&tar, &["the pax header at byte 0 is malformed"]);
    }
}

/// Cuts a tar at every byte: each time what is whole is found, and the rest is missed.
#[test]
fn tars_that_are_cut_off_are_noticed() {
    let long = "x".repeat(120);
    let tar = TarBuilder::new().dir("d").long(b'L', long.as_bytes()).file("f", &"y".repeat(700));
    let tar = tar.pax(&pax_record("path", b"z")).file("g", "z").end();
    let all = listed(&tar, LIMITS);
    assert_eq!(all.len(), 3);
    // In front of a member with what describes it, and in front of the end; and in what fills the
    // last block of a content, which Debian's umoci leaves out at the end and Go does not miss.
    let whole = [0, 512, 512 * 6, 512 * 10, 512 * 11];
    let padding = |len: usize| (2048 + 700..3072).contains(&len) || (4609..5120).contains(&len);
    for len in 0..tar.len() {
        let found = listed(&tar[..len], LIMITS);
        let error = found.last().filter(|line| line.starts_with("the tar is cut off at byte"));
        let members = found.len() - usize::from(error.is_some());
        assert_eq!(found[..members], all[..members], "{len}");
        let is_whole = whole.contains(&len) || padding(len);
        assert_eq!(error.is_none(), is_whole, "{len}: {found:?}");
    }
}

#[test]
fn limits_hold() {
    let check = |limits: TarLimits, tar: TarBuilder, expected: &str| {
        let found = listed(&tar.end(), limits);
        assert_eq!(found.last().map(String::as_str), Some(expected));
    };
    let many = (0..9).fold(TarBuilder::new(), |tar, _| tar.dir("d"));
    check(LIMITS, many, "the tar has too many members at byte 4096");
    let described = (0..9).fold(TarBuilder::new(), |tar, _| tar.pax(&pax_record("uid", b"1")));
    check(LIMITS, described, "the tar has too many members at byte 8192");
    let long = |len: usize| vec![b'x'; len];
    let longest = TarBuilder::new().long(b'L', &long(300)).dir("d");
    check(LIMITS, longest, &format!("{} Directory 755 0:0", "x".repeat(300)));
    let longer = TarBuilder::new().long(b'L', &long(301)).dir("d");
    check(LIMITS, longer, "the tar has too long a header at byte 512");
    let longer = TarBuilder::new().pax(&pax_record("path", &long(301))).dir("d");
    check(LIMITS, longer, "the tar has too long a name at byte 1024");
    let longer = TarBuilder::new().pax(&pax_record("linkpath", &long(301))).symlink("a", "b");
    check(LIMITS, longer, "the tar has too long a name at byte 1024");
    let pax = TarBuilder::new().pax(&pax_record("comment", &long(2048))).dir("d");
    check(LIMITS, pax, "the tar has too long a header at byte 512");
    let global = RawHeader::new(b"g", b'g', 1 << 40);
    check(
        LIMITS,
        TarBuilder::new().member(global, b""),
        "the tar has too long a header at byte 512",
    );
    let links = (0..4).fold(TarBuilder::new(), |tar, _| {
        tar.pax(&[pax_record("path", &long(250)), pax_record("linkpath", &long(260))].concat())
            .symlink("a", "b")
    });
    check(LIMITS, links, "the tar has too many long names at byte 7680");
    let large = "the tar has more bytes than are read at byte";
    let announced = RawHeader::new(b"a", b'0', 1 << 21);
    check(LIMITS, TarBuilder::new().member(announced, b""), &format!("{large} 0"));
    let size = pax_record("size", b"18446744073709551615");
    check(LIMITS, TarBuilder::new().pax(&size).file("a", ""), &format!("{large} 1024"));
    let huge = RawHeader::new(b"a", b'0', 0).binary(124, 12, u64::MAX);
    check(LIMITS, TarBuilder::new().member(huge, b""), &format!("{large} 0"));
    let two = TarBuilder::new().file("a", &"x".repeat(700_000)).file("b", &"x".repeat(700_000));
    check(LIMITS, two, &format!("{large} 1094656"));
}

fn compress(compression: CompressionFormat, bytes: &[u8]) -> Vec<u8> {
    let level = flate2::Compression::fast();
    let mut packed = Vec::new();
    match compression {
        CompressionFormat::Gzip => {
            let mut writer = flate2::write::GzEncoder::new(&mut packed, level);
            writer.write_all(bytes).unwrap();
            writer.finish().unwrap();
        }
        CompressionFormat::Xz => {
            liblzma::read::XzEncoder::new(bytes, 0).read_to_end(&mut packed).unwrap();
        }
        CompressionFormat::Zstd => packed = zstd::encode_all(bytes, 1).unwrap(),
        CompressionFormat::Bzip2 => {
            let level = bzip2::Compression::fast();
            bzip2::read::BzEncoder::new(bytes, level).read_to_end(&mut packed).unwrap();
        }
    }
    packed
}

const COMPRESSIONS: [CompressionFormat; 4] = [
    CompressionFormat::Gzip,
    CompressionFormat::Xz,
    CompressionFormat::Zstd,
    CompressionFormat::Bzip2,
];

#[test]
fn archives_are_unpacked_as_they_are() {
    let tar = TarBuilder::new().file("a", &"x".repeat(5000)).file("b", "").end();
    let expected = ["a at 512 + 5000 644 0:0", "b at 6144 + 0 644 0:0"];
    for compression in COMPRESSIONS {
        let whole = compress(compression, &tar);
        check(&whole, &expected);
        let (left, right) = tar.split_at(3000);
        check(&[compress(compression, left), compress(compression, right)].concat(), &expected);
        assert_eq!(detect_tar(&whole[..]), TarDetection::Tar(Some(compression)));
        let cut = listed(&whole[..whole.len() / 2], LIMITS).pop().unwrap();
        assert!(cut.starts_with("the tar is cut off at byte "), "{compression}: {cut}");
        let mut damaged = whole;
        damaged[6..].fill(0xff);
        let error = listed(&damaged, LIMITS).pop().unwrap();
        assert!(
            error.starts_with(&format!("damaged {compression} data: ")),
            "{compression}: {error}"
        );
    }
}

#[test]
fn archives_are_told_from_other_files() {
    let check = |raw: &[u8], expected| assert_eq!(detect_tar(raw), expected);
    check(&TarBuilder::new().file("a", "").end(), TarDetection::Tar(None));
    check(&TarBuilder::new().file("../a", "").end(), TarDetection::Tar(None));
    check(&TarBuilder::new().pax(b"").0, TarDetection::Tar(None));
    check(b"", TarDetection::Other);
    check(b"\x1f\x8b\x08", TarDetection::Other);
    check(b"QFI\xfb\0\0\0\x03", TarDetection::Other);
    check(&TarBuilder::new().end(), TarDetection::Other);
    check(&[0x55; 4096], TarDetection::Other);
    for compression in COMPRESSIONS {
        check(&compress(compression, &[0; 4096]), TarDetection::Other);
        check(&compress(compression, &[0x55; 4096]), TarDetection::Other);
        check(&compress(compression, b"QFI\xfb"), TarDetection::Other);
    }
}

/// Fails after some bytes.
struct Broken<'a>(&'a [u8]);

impl Read for Broken<'_> {
    fn read(&mut self, space: &mut [u8]) -> io::Result<usize> {
        match self.0.read(space)? {
            0 => Err(io::Error::new(io::ErrorKind::TimedOut, "the line is dead")),
            count => Ok(count),
        }
    }
}

#[test]
fn what_cannot_be_read_says_why() {
    let tar = TarBuilder::new().file("a", &"x".repeat(5000)).0;
    for len in [0, 3, 100, 600, 5000, tar.len()] {
        let members = read_entries(Broken(&tar[..len]), LIMITS);
        let error = members.and_then(Iterator::collect::<Result<Vec<_>, _>>).unwrap_err();
        assert_eq!(error.to_string(), "the line is dead", "{len}");
    }
}

#[test]
fn contents_can_be_had_on_the_way() {
    let tar = TarBuilder::new().file("a", "one").file("b", "two").end();
    let mut members = read_entries(&tar[..], LIMITS).unwrap();
    assert_eq!(members.next().unwrap().unwrap().path, "a");
    assert_eq!(members.read_whole_content().unwrap(), b"one");
    assert_eq!(members.read_whole_content().unwrap(), b"");
    assert_eq!(members.next().unwrap().unwrap().path, "b");
    assert!(members.next().is_none() && members.next().is_none());
    assert_eq!(members.drain().unwrap(), tar.len() as u64);
    let cut = TarBuilder::new().member(RawHeader::new(b"a", b'0', 1 << 19), b"x").0;
    let mut members = read_entries(&cut[..], LIMITS).unwrap();
    assert_eq!(members.next().unwrap().unwrap().size, 1 << 19);
    assert!(matches!(members.read_whole_content(), Err(TarReadError::Truncated(1024))));
}
