//! What a plan says, and which tables of contents are believed.

use super::chunks::{LocalChunk, LocalChunks, StoredChunk, parse_toc};
use super::plan::BlobPlan;
use crate::oci::image::digest::Digest;

const KIB: u64 = 1024;

fn digest(name: u8) -> Digest {
    Digest::of_bytes(&[name])
}

/// Returns chunks of 100 KiB with these names, one after the other from an offset on.
fn chunks(names: &[u8], mut at: u64) -> Vec<StoredChunk> {
    let chunk = |name: &u8| {
        let start = at;
        at += 100 * KIB;
        StoredChunk { digest: digest(*name), frame: start..at }
    };
    names.iter().map(chunk).collect()
}

#[test]
fn parts_that_are_long_enough_come_from_this_machine() {
    let blob = (digest(255), 1 << 30);
    let known = LocalChunks::of_chunks(blob, chunks(b"abcdef", 7));
    let check = |names: &[u8], expected: &[(u64, u64, Option<u64>)]| {
        let size = 50 * KIB + 100 * KIB * names.len() as u64 + 9 * KIB;
        let plan = BlobPlan::new(size, &chunks(names, 50 * KIB), &known);
        let found = plan.iter().flat_map(BlobPlan::pieces).map(|piece| {
            let offset = piece.local.as_ref().map(|LocalChunk { offset, .. }| (offset - 7) / KIB);
            (piece.part.start / KIB, piece.part.end / KIB, offset)
        });
        assert_eq!(found.collect::<Vec<_>>(), expected, "{names:?}");
        for at in (0..size).step_by(999) {
            let piece = plan.as_ref().map(|plan| plan.find(at).unwrap());
            assert!(piece.is_none_or(|piece| piece.part.contains(&at)));
        }
    };
    check(b"", &[]);
    check(b"xyz", &[]);
    // Too short for a request less.
    check(b"xaz", &[]);
    check(b"ab", &[(0, 50, None), (50, 250, Some(0)), (250, 259, None)]);
    check(b"xbcx", &[(0, 150, None), (150, 350, Some(100)), (350, 459, None)]);
    check(b"dcx", &[(0, 50, None), (50, 150, Some(300)), (150, 250, Some(200)), (250, 359, None)]);
    check(
        b"abxxef",
        &[
            (0, 50, None),
            (50, 250, Some(0)),
            (250, 450, None),
            (450, 650, Some(400)),
            (650, 659, None),
        ],
    );
}

#[test]
fn tables_of_contents_are_checked() {
    let (first, second) = (digest(1), digest(2));
    let file = |fields: &str| format!(r#"{{"type":"reg","name":"d","digest":"{first}",{fields}}}"#);
    let chunk = |fields: &str| format!(r#"{{"type":"chunk","name":"d",{fields}}}"#);
    let check = |entries: &[String], expected: Option<&[(Digest, u64, u64)]>| {
        let text = format!(r#"{{"version":1,"entries":[{}]}}"#, entries.join(","));
        let found = parse_toc(text.as_bytes(), 1000);
        let found = found.map(|chunks| {
            chunks
                .into_iter()
                .map(|it| (it.digest, it.frame.start, it.frame.end))
                .collect::<Vec<_>>()
        });
        assert_eq!(found.as_deref(), expected, "{text}");
    };
    check(&[], Some(&[]));
    check(&[r#"{"type":"dir","name":"d/"}"#.into()], Some(&[]));
    check(&[r#"{"type":"reg","name":"empty"}"#.into()], Some(&[]));
    check(&[file(r#""offset":10,"endOffset":20"#)], Some(&[(first, 10, 20)]));
    let divided = file(&format!(r#""offset":10,"endOffset":30,"chunkDigest":"{second}""#));
    let last = chunk(&format!(r#""offset":15,"chunkDigest":"{first}""#));
    check(&[divided.clone(), last], Some(&[(second, 10, 15), (first, 15, 30)]));
    for wrong in [
        file(r#""offset":20,"endOffset":20"#),
        file(r#""offset":30,"endOffset":20"#),
        file(r#""offset":10,"endOffset":1001"#),
        file(r#""offset":-1,"endOffset":20"#),
        r#"{"type":"reg","name":"d","digest":"md5:1","offset":10,"endOffset":20}"#.to_owned(),
    ] {
        check(&[wrong], None);
    }
    // Behind the end of the file, and in front of the chunk before.
    for offset in [31, 5] {
        let last = chunk(&format!(r#""offset":{offset},"chunkDigest":"{first}""#));
        check(&[divided.clone(), last], None);
    }
    let twice = [file(r#""offset":10,"endOffset":20"#), file(r#""offset":15,"endOffset":25"#)];
    check(&twice, None);
    assert_eq!(parse_toc(b"{", 1000), None);
}
