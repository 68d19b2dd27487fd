//! Whatever a stream is made of, members decompress to what the decoder for any stream makes of it.

use std::io::Write as _;

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

/// Returns what can be read, and the error at its end.
fn read_all(reader: io::Result<Box<dyn Read + Send + '_>>) -> (Vec<u8>, Option<String>) {
    let mut bytes = Vec::new();
    let end = reader.and_then(|mut reader| reader.read_to_end(&mut bytes));
    (bytes, end.err().map(|error| error.to_string()))
}

fn decompress_members<'a>(
    raw: impl Read + Send + 'a,
    format: CompressionFormat,
) -> MemberReader<'a> {
    let format = if format == CompressionFormat::Gzip { gzip::FORMAT } else { zstd::FORMAT };
    MemberReader::new(raw, format)
}

/// Returns what [`read_all`] returns, read piece by piece after the first byte.
fn read_pieces(reader: &mut dyn PieceRead) -> (Vec<u8>, Option<String>) {
    let mut bytes = Vec::new();
    let mut end = reader.take(1).read_to_end(&mut bytes).err();
    while end.is_none() {
        match reader.read_piece() {
            Ok(piece) if piece.is_empty() => break,
            Ok(piece) => bytes.extend(piece),
            Err(error) => end = Some(error),
        }
    }
    (bytes, end.map(|error| error.to_string()))
}

fn check(stream: &[u8], format: CompressionFormat) {
    let (expected, expected_end) = read_all(decompress(stream, Some(format)));
    let (found, end) = read_all(Ok(Box::new(decompress_members(stream, format))));
    if format == CompressionFormat::Zstd && expected_end.is_some() {
        // What libzstd says of damage, and how far it comes, depends on how much it sees at once.
        assert!(end.is_some() && (found.starts_with(&expected) || expected.starts_with(&found)));
        return;
    }
    let (pieces, pieces_end) = read_pieces(&mut decompress_members(stream, format));
    assert_eq!(pieces_end, end);
    // How far a decoder comes in what is damaged depends on the space that it has.
    let is_start = pieces.starts_with(&found) || found.starts_with(&pieces);
    assert!(pieces == found || end.is_some() && is_start);
    assert_eq!(end, expected_end);
    assert_eq!((found.len(), found == expected), (expected.len(), true));
}

fn gzip_member(content: &[u8], level: u32) -> Vec<u8> {
    // The header of this encoder names another system.
    let mut deflated =
        flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::new(level));
    deflated.write_all(content).unwrap();
    let crc = libdeflater::crc32(content).to_le_bytes();
    let len = u32::try_from(content.len()).unwrap().to_le_bytes();
    let header = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];
    [&header[..], &deflated.finish().unwrap(), &crc, &len].concat()
}

fn zstd_frame(content: &[u8], level: i32) -> Vec<u8> {
    ::zstd::bulk::compress(content, level).unwrap()
}

fn content() -> impl Strategy<Value = Vec<u8>> {
    let nested = vec(any::<u8>(), 0..50).prop_map(|bytes| gzip_member(&bytes, 1));
    let part = prop_oneof![
        vec(any::<u8>(), 0..2000),
        (any::<u8>(), 0_usize..5000).prop_map(|(byte, len)| vec![byte; len]),
        nested,
    ];
    vec(part, 0..4).prop_map(|parts| parts.concat())
}

/// A change of a stream.
#[derive(Debug, Clone)]
enum Damage {
    None,
    Flip(prop::sample::Index, u8),
    Cut(prop::sample::Index),
    Insert(prop::sample::Index, Vec<u8>),
}

impl Damage {
    fn apply(&self, stream: &mut Vec<u8>) {
        match self {
            Self::Flip(at, bit) if !stream.is_empty() => {
                let at = at.index(stream.len());
                stream[at] ^= 1 << (bit % 8);
            }
            Self::Cut(at) if !stream.is_empty() => stream.truncate(at.index(stream.len())),
            Self::Insert(at, bytes) => {
                let at = at.index(stream.len() + 1);
                stream.splice(at..at, bytes.iter().copied());
            }
            _ => {}
        }
    }
}

fn damage() -> impl Strategy<Value = Damage> {
    prop_oneof![
        3 => Just(Damage::None),
        1 => (any::<prop::sample::Index>(), any::<u8>()).prop_map(|(at, bit)| Damage::Flip(at, bit)),
        1 => any::<prop::sample::Index>().prop_map(Damage::Cut),
        1 => (any::<prop::sample::Index>(), vec(any::<u8>(), 1..20))
            .prop_map(|(at, bytes)| Damage::Insert(at, bytes)),
    ]
}

proptest! {
    #[test]
    fn members_are_those_of_the_stream(
        contents in vec((content(), 0_u32..7), 1..20),
        damage in damage(),
    ) {
        let gzip = contents.iter().map(|(content, level)| gzip_member(content, *level));
        let zstd = contents.iter().map(|(content, level)| zstd_frame(content, level.cast_signed() + 1));
        let streams: [Vec<Vec<u8>>; 2] = [gzip.collect(), zstd.collect()];
        for (members, format) in streams.iter().zip([CompressionFormat::Gzip, CompressionFormat::Zstd]) {
            let mut stream = members.concat();
            damage.apply(&mut stream);
            check(&stream, format);
        }
    }
}

#[test]
fn long_members_are_read_too() {
    let content: Vec<u8> = (0..3_000_000_u32).flat_map(u32::to_be_bytes).collect();
    let members = |len: usize, member: &dyn Fn(&[u8]) -> Vec<u8>| {
        content.chunks(len).map(member).collect::<Vec<_>>().concat()
    };
    for len in [content.len(), 9_999, 1 << 20, (1 << 20) + 1, 8 << 20, (8 << 20) + 1] {
        check(&members(len, &|content| gzip_member(content, 1)), CompressionFormat::Gzip);
        check(&members(len, &|content| gzip_member(content, 0)), CompressionFormat::Gzip);
        check(&members(len, &|content| zstd_frame(content, 1)), CompressionFormat::Zstd);
    }
}

#[test]
fn skippable_frames_are_passed_over() {
    let skippable = |content: &[u8]| {
        let len = u32::try_from(content.len()).unwrap().to_le_bytes();
        [&[0x50, 0x2a, 0x4d, 0x18], &len[..], content].concat()
    };
    let frames =
        [zstd_frame(b"abc", 1), skippable(b"index"), zstd_frame(b"def", 1), skippable(b"")];
    let stream = frames.concat();
    check(&stream, CompressionFormat::Zstd);
    let found = read_all(Ok(Box::new(decompress_members(&stream[..], CompressionFormat::Zstd))));
    assert_eq!(found, (b"abcdef".to_vec(), None));
}

#[test]
fn frames_declare_any_length() {
    // A frame of one segment whose content is said to have nearly 2^64 bytes.
    let long = [&[0x28, 0xb5, 0x2f, 0xfd, 0b1110_0000, 0xfd][..], &[0xff; 7], &[1, 0, 0]].concat();
    check(&[zstd_frame(b"abc", 1), long].concat(), CompressionFormat::Zstd);
}

#[test]
fn errors_of_reading_are_passed_on() {
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other("broken"))
        }
    }
    let member = gzip_member(b"abc", 1);
    let (_, end) =
        read_all(Ok(Box::new(decompress_members(member.chain(Broken), CompressionFormat::Gzip))));
    assert_eq!(end.as_deref(), Some("broken"));
}
