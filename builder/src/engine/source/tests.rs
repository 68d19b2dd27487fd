use std::fs::File;
use std::io::{self, Write as _};
use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::disk::convert::{ClusterCompression, Conversion};
use crate::net::http::{
    HttpClient, HttpOptions, PrivateRedirects, ServerLimits, ServerRole, SystemRoots, TlsOptions,
    TlsTrust,
};
use crate::net::proxy::Proxies;
use crate::oci::images::ImageOpener;
use crate::oci::images::testing::MemoryImages;
use crate::recipe::{Checksum, InputFile, SourceLocation, SourceRole, TarMember, TarOrigin};

/// Opens the same file for every path.
struct One(tempfile::NamedTempFile);

impl One {
    fn new(bytes: &[u8]) -> Self {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(bytes).unwrap();
        Self(file)
    }
}

impl InputFiles for One {
    fn open(&self, _file: &InputFile) -> io::Result<File> {
        self.0.reopen()
    }

    fn open_neighbor(&self, _file: &InputFile, _name: &Path) -> io::Result<File> {
        Err(io::ErrorKind::NotFound.into())
    }
}

/// Opens no file.
pub(super) struct Unopened;

impl InputFiles for Unopened {
    fn open(&self, _file: &InputFile) -> io::Result<File> {
        Err(io::ErrorKind::NotFound.into())
    }

    fn open_neighbor(&self, _file: &InputFile, _name: &Path) -> io::Result<File> {
        Err(io::ErrorKind::NotFound.into())
    }
}

/// Has no trusted certificates.
struct Nobody;

impl TlsTrust for Nobody {
    fn for_host(&self, _host: &str, _role: ServerRole) -> Result<TlsOptions, String> {
        Err("nobody is trusted".into())
    }
}

/// Returns a client that no test sends requests with.
pub(super) fn offline() -> HttpClient {
    HttpClient::new(HttpOptions {
        proxies: Proxies::default(),
        roots: SystemRoots::default(),
        trust: Box::new(Nobody),
        stall: Duration::ZERO,
        retries: 0,
        limits: ServerLimits::default(),
        private_redirects: PrivateRedirects::Refuse,
        cancelled: Arc::new(|| true),
        trace: None,
    })
}

fn recipe(location: SourceLocation) -> SourceRecipe {
    SourceRecipe::new(location, SourceRole::File)
}

pub(super) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// 100 kB without short repetitions.
fn bytes() -> Vec<u8> {
    (0..100_000_u32).map(|number| number.wrapping_mul(number >> 3).to_le_bytes()[1]).collect()
}

fn file_archive() -> Arc<TarOrigin> {
    Arc::new(TarOrigin::File(Box::new(recipe(SourceLocation::path("a.tar")))))
}

fn layer_archive(blob: &[u8]) -> Arc<TarOrigin> {
    let place = "quay.io/me/base".parse().unwrap();
    let (digest, size) = (Digest::of_bytes(blob), blob.len() as u64);
    Arc::new(TarOrigin::Layer { location: place, digest, size })
}

fn members(archive: &Arc<TarOrigin>, ranges: &[(u64, u64)]) -> Vec<SourceRecipe> {
    let member = |(offset, size): &(u64, u64)| {
        let archive = Arc::clone(archive);
        recipe(SourceLocation::Member(TarMember { archive, offset: *offset, size: *size }))
    };
    ranges.iter().map(member).collect()
}

/// Returns the error of a source whose size needs no measuring.
fn source_error(error: ContentError) -> SourceError {
    match error {
        ContentError::Source(error) => error,
        ContentError::Unmeasured => panic!("{error}"),
    }
}

pub(super) fn pool() -> Arc<ThreadPool> {
    Arc::new(rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap())
}

pub(super) fn go_on(_len: u64) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

/// Reads a content to its end.
pub(super) fn read_content(content: &mut dyn SourceContent) -> Result<Vec<u8>, ContentError> {
    let mut space = vec![0; usize::try_from(content.size()).unwrap()];
    for part in space.chunks_mut(1000) {
        content.read_exact(part)?;
    }
    assert_eq!(content.hole_len()?, 0);
    content.finish()?;
    Ok(space)
}

/// Reads all sources as a layer does; calls `between` after it has read the first.
fn read(
    recipes: &[SourceRecipe],
    inputs: &dyn InputFiles,
    places: &dyn ImageOpener,
    between: impl Fn(),
) -> Result<Vec<Vec<u8>>, SourceError> {
    let client = offline();
    let mut opener = SourceOpener::new(inputs, &client, UnverifiedPolicy::Refuse, places);
    let sources = recipes.iter().map(|recipe| Source::open(recipe, &mut opener));
    let sources = sources.collect::<Result<Vec<_>, _>>()?;
    let contents = sources.iter().map(|source| source.content().map_err(source_error));
    let contents = contents.collect::<Result<Vec<_>, _>>()?;
    let mut all = Vec::new();
    for mut content in contents {
        all.push(read_content(&mut *content).map_err(source_error)?);
        if all.len() == 1 {
            between();
        }
    }
    Ok(all)
}

fn parts(ranges: &[(u64, u64)]) -> Vec<Vec<u8>> {
    let bytes = bytes();
    let part = |(at, len): &(u64, u64)| {
        let (at, len) = (usize::try_from(*at).unwrap(), usize::try_from(*len).unwrap());
        bytes[at..at + len].to_vec()
    };
    ranges.iter().map(part).collect()
}

const ASCENDING: [(u64, u64); 4] = [(512, 700), (2048, 0), (70_000, 5000), (99_999, 1)];
const MIXED: [(u64, u64); 5] = [(70_000, 5000), (512, 700), (512, 700), (0, 1), (600, 3000)];

/// Compresses in every format that is recognized.
fn packings(bytes: &[u8]) -> [(CompressionFormat, Vec<u8>); 4] {
    let mut xz = liblzma::write::XzEncoder::new(Vec::new(), 1);
    xz.write_all(bytes).unwrap();
    let mut bzip2 = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
    bzip2.write_all(bytes).unwrap();
    [
        (CompressionFormat::Gzip, gzip(bytes)),
        (CompressionFormat::Zstd, zstd::encode_all(bytes, 1).unwrap()),
        (CompressionFormat::Xz, xz.finish().unwrap()),
        (CompressionFormat::Bzip2, bzip2.finish().unwrap()),
    ]
}

/// Data after the first MiB is not decompressed: here it is missing, and no error is reported.
#[test]
fn bombs_are_stopped_at_their_beginning() {
    let page = b"<html>".to_vec();
    let packed = gzip(&bytes());
    let mut backed = vec![0; 1 << 16];
    for (at, bytes) in [
        (0, &b"QFI\xfb\0\0\0\x03"[..]),
        (8, &300_u64.to_be_bytes()),
        (16, &[0, 0, 0, 4, 0, 0, 0, 16]),
        (56, &[0, 0, 0, 1]),
        (99, &[4, 0, 0, 0, 104]),
        (300, b"base"),
    ] {
        backed[at..at + bytes.len()].copy_from_slice(bytes);
    }
    let mut stopped = 0;
    for (start, expected) in [
        (page, "it is a web page, and no disk"),
        (packed, "the disk is compressed with gzip"),
        (backed, "it has a backing file, `base`"),
    ] {
        let bomb = [start, vec![0; 2 << 20], bytes().repeat(20)].concat();
        for (packing, packed) in packings(&bomb) {
            let mut recipe = recipe(SourceLocation::path("bomb"));
            (recipe.compression, recipe.role) = (Some(packing), SourceRole::Disk);
            let inputs = One::new(&packed[..packed.len() * 3 / 4]);
            let (client, places) = (offline(), MemoryImages::default());
            let mut opener = SourceOpener::new(&inputs, &client, UnverifiedPolicy::Refuse, &places);
            let mut source = Source::open(&recipe, &mut opener).unwrap();
            let error = source.measure(&pool(), &go_on).unwrap_err();
            assert_eq!(error.to_string(), format!("bomb: {expected}"), "{packing}");
            stopped += 1;
        }
    }
    assert_eq!(stopped, 12);
}

#[test]
fn sizes_that_are_not_declared_are_measured() {
    let (bytes, one_frame) = (bytes(), zstd::encode_all(&bytes()[..], 1).unwrap());
    // gzip has the size of its last member, a zstd stream none, two frames that of each.
    let members = [gzip(&bytes[..60_000]), gzip(&bytes[60_000..])].concat();
    let longer = [gzip(&bytes[..10]), gzip(&bytes[10..])].concat();
    for (compression, packed) in [
        (CompressionFormat::Gzip, members),
        (CompressionFormat::Gzip, longer),
        (CompressionFormat::Zstd, one_frame),
    ] {
        let mut recipe = recipe(SourceLocation::path("a"));
        recipe.compression = Some(compression);
        let inputs = One::new(&packed);
        let (client, places) = (offline(), MemoryImages::default());
        let mut opener = SourceOpener::new(&inputs, &client, UnverifiedPolicy::Refuse, &places);
        let mut source = Source::open(&recipe, &mut opener).unwrap();
        let read = source.content().and_then(|mut content| read_content(&mut *content));
        assert!(matches!(read, Err(ContentError::Unmeasured)), "{compression}");
        let stopped = source.measure(&pool(), &|_| ControlFlow::Break(())).unwrap();
        assert!(stopped.is_break());
        assert!(source.measure(&pool(), &go_on).unwrap().is_continue());
        let mut content = source.content().unwrap();
        assert_eq!(read_content(&mut *content).unwrap(), bytes, "{compression}");
    }
}

/// A size that was measured is not measured again: the file has been changed.
#[test]
fn a_file_that_has_another_size_was_changed() {
    let mut recipe = recipe(SourceLocation::path("a"));
    recipe.checksum = Some(Checksum::Sha256("0".repeat(64)));
    let inputs = One::new(&bytes());
    for len in [99_999, 100_001] {
        let (client, places) = (offline(), MemoryImages::default());
        inputs.0.reopen().unwrap().set_len(100_000).unwrap();
        let mut opener = SourceOpener::new(&inputs, &client, UnverifiedPolicy::Refuse, &places);
        let source = Source::open(&recipe, &mut opener).unwrap();
        let mut content = source.content().unwrap();
        inputs.0.reopen().unwrap().set_len(len).unwrap();
        let error = source_error(read_content(&mut *content).unwrap_err());
        assert!(matches!(error.kind, SourceErrorKind::Changed), "{error}");
    }
}

#[test]
fn a_disk_is_surveyed_before_it_is_converted() {
    let mut recipe = SourceRecipe::new(SourceLocation::path("a.img"), SourceRole::Disk);
    recipe.convert = Some(Conversion::Qcow2(ClusterCompression::None));
    let (inputs, client, places) = (One::new(&bytes()), offline(), MemoryImages::default());
    let mut opener = SourceOpener::new(&inputs, &client, UnverifiedPolicy::Refuse, &places);
    let mut source = Source::open(&recipe, &mut opener).unwrap();
    assert!(matches!(source.content(), Err(ContentError::Unmeasured)));
    assert_eq!(source.unsurveyed_len(), Some(100_352));
    assert!(source.measure(&pool(), &go_on).unwrap().is_continue());
    assert_eq!(source.unsurveyed_len(), None);
    let mut content = source.content().unwrap();
    let mut magic = [0; 4];
    content.read_exact(&mut magic).unwrap();
    assert_eq!(&magic, b"QFI\xfb");
}

/// A frame that declares its size is refused before any byte is decompressed.
#[test]
fn what_is_too_long_is_not_read() {
    let mut frame = b"\x28\xb5\x2f\xfd\xe0".to_vec();
    frame.extend((SIZE_MAX + 1).to_le_bytes());
    let mut recipe = recipe(SourceLocation::path("bomb"));
    (recipe.compression, recipe.role) = (Some(CompressionFormat::Zstd), SourceRole::Disk);
    let error = read(&[recipe], &One::new(&frame), &MemoryImages::default(), || ()).unwrap_err();
    assert_eq!(error.to_string(), "bomb: it has more than 16 TiB");
}

#[test]
fn members_of_files_are_read() {
    for packed in [bytes(), gzip(&bytes())] {
        let inputs = One::new(&packed);
        for ranges in [&ASCENDING[..], &MIXED] {
            let recipes = members(&file_archive(), ranges);
            let found = read(&recipes, &inputs, &MemoryImages::default(), || ()).unwrap();
            assert_eq!(found, parts(ranges));
        }
    }
}

#[test]
fn members_of_layers_are_read_once() {
    for blob in [bytes(), gzip(&bytes()), zstd::encode_all(&bytes()[..], 1).unwrap()] {
        let mut places = MemoryImages::default();
        places.put(blob.clone());
        // Two recipes that are equal are one archive.
        let mut recipes = members(&layer_archive(&blob), &ASCENDING[..2]);
        recipes.extend(members(&layer_archive(&blob), &ASCENDING[2..]));
        let found = read(&recipes, &One::new(b""), &places, || ()).unwrap();
        assert_eq!((found, places.asked()), (parts(&ASCENDING), 1));
        let recipes = members(&layer_archive(&blob), &MIXED);
        let found = read(&recipes, &One::new(b""), &places, || ()).unwrap();
        // Once more for each step back.
        assert_eq!((found, places.asked()), (parts(&MIXED), 5));
    }
}

#[test]
fn what_a_layer_delivers_is_checked() {
    let check = |blob: &[u8], served: &[u8], ranges: &[(u64, u64)], expected: &str| {
        let mut places = MemoryImages::default();
        places.blobs.insert(Digest::of_bytes(blob), served.to_vec());
        let recipes = members(&layer_archive(blob), ranges);
        let error = read(&recipes, &One::new(b""), &places, || ()).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
        assert!(error.starts_with("layer sha256:"), "{error}");
    };
    let plain = bytes();
    let mut late = plain.clone();
    late[99_999] ^= 1;
    // Whatever was read before, and however much of it.
    check(&plain, &late, &ASCENDING, "the checksum is wrong: expected sha256:");
    check(&plain, &late, &ASCENDING[..1], "the checksum is wrong");
    check(&plain, &late, &MIXED, "the checksum is wrong");
    check(&plain, &[&plain[..], b"x"].concat(), &ASCENDING, "the checksum is wrong");
    check(&plain, &plain[..90_000], &ASCENDING[..1], "the checksum is wrong");
    check(&plain, &plain[..90_000], &ASCENDING, "unexpected end of file");
    check(&plain, &plain, &[(99_000, 2000)], "failed to fill whole buffer");
    check(&plain, &plain, &[(200_000, 1)], "unexpected end of file");
    check(&plain, &plain, &[(u64::MAX, 1)], "unexpected end of file");
    let packed = gzip(&plain);
    check(&packed, &packed[..packed.len() / 2], &ASCENDING, "damaged gzip data: ");
    check(&packed, &[&packed[..20], &[0xff; 200]].concat(), &ASCENDING, "damaged gzip data: ");
}

#[test]
fn a_layer_that_is_not_there_is_told() {
    let recipes = members(&layer_archive(b"x"), &[(0, 1)]);
    let error = read(&recipes, &One::new(b""), &MemoryImages::default(), || ()).unwrap_err();
    assert!(matches!(error.kind, SourceErrorKind::Image(_)), "{error}");
    assert!(error.to_string().ends_with(&format!("there is no {}", Digest::of_bytes(b"x"))));
}

#[test]
fn an_archive_that_is_written_to_is_noticed() {
    let inputs = One::new(&bytes());
    let touch = || inputs.0.reopen().and_then(|file| file.set_len(99_999)).unwrap();
    let recipes = members(&file_archive(), &ASCENDING[..3]);
    let error = read(&recipes, &inputs, &MemoryImages::default(), touch).unwrap_err();
    assert!(matches!(error.kind, SourceErrorKind::Changed), "{error}");
    let mut archive = recipe(SourceLocation::path("a.tar"));
    archive.checksum = Some(Checksum::Sha256("0".repeat(64)));
    let recipes = members(&Arc::new(TarOrigin::File(Box::new(archive))), &ASCENDING[..1]);
    let error = read(&recipes, &inputs, &MemoryImages::default(), || ()).unwrap_err();
    assert!(matches!(error.kind, SourceErrorKind::Checksum { .. }), "{error}");
}

/// An attempt that was abandoned does not affect the next one.
#[test]
fn a_layer_can_be_attempted_again() {
    let mut places = MemoryImages::default();
    places.put(bytes());
    let recipes = members(&layer_archive(&bytes()), &ASCENDING);
    let (inputs, client) = (One::new(b""), offline());
    let mut opener = SourceOpener::new(&inputs, &client, UnverifiedPolicy::Refuse, &places);
    let sources = recipes.iter().map(|recipe| Source::open(recipe, &mut opener).unwrap());
    let sources: Vec<Source<'_>> = sources.collect();
    for _ in 0..3 {
        let mut contents: Vec<_> = sources.iter().map(|source| source.content().unwrap()).collect();
        contents[2].read_exact(&mut [0; 9]).unwrap();
    }
    assert_eq!(places.asked(), 3);
}

#[test]
fn inline_bytes_are_a_source() {
    let inline = |bytes: &[u8]| recipe(SourceLocation::Inline(bytes.into()));
    let read = |recipe| read(&[recipe], &One::new(b""), &MemoryImages::default(), || ());
    assert_eq!(read(inline(b"text")).unwrap(), [b"text"]);
    assert_eq!(read(inline(b"")).unwrap(), [b""]);
    let (recipe, places) = (inline(b"text"), MemoryImages::default());
    let (inputs, client) = (One::new(b""), offline());
    let mut opener = SourceOpener::new(&inputs, &client, UnverifiedPolicy::Refuse, &places);
    let source = Source::open(&recipe, &mut opener).unwrap();
    let error = source.content().unwrap().read_exact(&mut [0; 5]).unwrap_err();
    let error = source_error(error);
    assert!(matches!(error.kind, SourceErrorKind::Size { announced: 4 }), "{error}");
}

#[test]
fn what_cannot_be_done_with_a_member_is_refused() {
    let check = |change: &dyn Fn(&mut SourceRecipe), expected: &str| {
        for mut recipe in [
            recipe(SourceLocation::Inline((*b"").into())),
            members(&layer_archive(b""), &[(0, 0)]).remove(0),
        ] {
            change(&mut recipe);
            let error =
                read(&[recipe], &One::new(b""), &MemoryImages::default(), || ()).unwrap_err();
            assert_eq!(error.kind.to_string(), expected);
        }
    };
    let plain = "what is given inline or lies in an archive is taken as it is";
    check(&|recipe| recipe.compression = Some(CompressionFormat::Gzip), plain);
    check(&|recipe| recipe.checksum = Some(Checksum::Sha256(String::new())), plain);
    check(&|recipe| recipe.role = SourceRole::Disk, "the file is empty");
    let url = recipe(SourceLocation::Url("http://localhost/a.tar".into()));
    let recipes = members(&Arc::new(TarOrigin::File(Box::new(url))), &[(0, 1)]);
    let error = read(&recipes, &One::new(b""), &MemoryImages::default(), || ()).unwrap_err();
    assert!(matches!(error.kind, SourceErrorKind::Unverified), "{error}");
}

#[test]
fn contents_are_known_by_what_they_are_part_of() {
    let (inputs, client, places) = (One::new(b"x"), offline(), MemoryImages::default());
    let archives = [file_archive(), layer_archive(b"a"), layer_archive(b"b")];
    let ranges = [(0, 1), (0, 2), (1, 1)];
    let mut recipes: Vec<_> =
        archives.iter().flat_map(|archive| members(archive, &ranges)).collect();
    recipes.extend([b"1", b"2"].map(|bytes| recipe(SourceLocation::Inline((*bytes).into()))));
    let mut opener = SourceOpener::new(&inputs, &client, UnverifiedPolicy::Allow, &places);
    let identities: Vec<_> = recipes
        .iter()
        .map(|recipe| Source::open(recipe, &mut opener).unwrap().identity().unwrap())
        .collect();
    for (number, identity) in identities.iter().enumerate() {
        assert!(!identities[..number].contains(identity), "{number}");
    }
    // A download without a checksum has no identity, and neither have its members.
    let url = recipe(SourceLocation::Url("http://localhost/a.tar".into()));
    let recipes = members(&Arc::new(TarOrigin::File(Box::new(url))), &[(0, 1)]);
    let mut opener = SourceOpener::new(&inputs, &client, UnverifiedPolicy::Allow, &places);
    assert_eq!(Source::open(&recipes[0], &mut opener).unwrap().identity(), None);
}
