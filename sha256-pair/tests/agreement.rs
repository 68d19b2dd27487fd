//! Digests are those of the crate `sha2`, whatever the lengths and however the streams are split.

use proptest::collection::vec;
use proptest::prelude::*;
use sha2::Digest as _;
use sha256_pair::{Sha256, update_pair};

fn expected(stream: &[u8]) -> [u8; 32] {
    sha2::Sha256::digest(stream).into()
}

/// Splits a stream at each length in turn; the last part is what is left.
fn parts<'a>(mut stream: &'a [u8], lengths: &[usize]) -> Vec<&'a [u8]> {
    let mut parts = Vec::new();
    for len in lengths {
        let (part, rest) = stream.split_at(stream.len().min(*len));
        parts.push(part);
        stream = rest;
    }
    parts.push(stream);
    parts
}

#[test]
fn every_short_length_is_right() {
    let stream: Vec<u8> = (0..=255).cycle().take(300).collect();
    for first in 0..stream.len() {
        let mut single = Sha256::new();
        single.update(&stream[..first]);
        assert_eq!(single.finalize(), expected(&stream[..first]), "{first}");
        for second in (0..stream.len()).step_by(7) {
            let mut pair = [Sha256::new(), Sha256::new()];
            let [one, two] = &mut pair;
            update_pair(one, &stream[..first], two, &stream[stream.len() - second..]);
            let found = pair.map(Sha256::finalize);
            let streams = [&stream[..first], &stream[stream.len() - second..]];
            assert_eq!(found, streams.map(expected), "{first} and {second}");
        }
    }
}

#[test]
fn the_examples_of_the_standard_are_right() {
    let check = |stream: &[u8], digest: &str| {
        let mut pair = [Sha256::new(), Sha256::new()];
        let [one, two] = &mut pair;
        update_pair(one, stream, two, stream);
        for found in pair.map(Sha256::finalize) {
            let digits = found.map(|byte| format!("{byte:02x}")).concat();
            assert_eq!(digits, digest);
        }
    };
    check(b"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    check(b"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    let two_blocks = b"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
    check(two_blocks, "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
    check(
        &vec![b'a'; 1_000_000],
        "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0",
    );
}

proptest! {
    #[test]
    fn splits_do_not_matter(
        first in vec(any::<u8>(), 0..4000),
        second in vec(any::<u8>(), 0..4000),
        lengths in vec((0_usize..700, 0_usize..700), 0..12),
    ) {
        let (first_lengths, second_lengths): (Vec<_>, Vec<_>) = lengths.into_iter().unzip();
        let (mut one, mut two) = (Sha256::new(), Sha256::new());
        let pairs = parts(&first, &first_lengths).into_iter().zip(parts(&second, &second_lengths));
        for (number, (of_first, of_second)) in pairs.enumerate() {
            if number % 3 == 2 {
                one.update(of_first);
                two.update(of_second);
            } else {
                update_pair(&mut one, of_first, &mut two, of_second);
            }
        }
        prop_assert_eq!(one.finalize(), expected(&first));
        prop_assert_eq!(two.finalize(), expected(&second));
    }
}
