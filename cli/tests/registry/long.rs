//! A long push over a line that breaks again and again: each piece that came is kept.

use std::time::Instant;

use diskette_integration::disk::{MIB, mixed_bytes, write_sparse};
use diskette_integration::image::Layout;
use diskette_integration::registry::profile::{AuthScheme, BlobStorage};
use diskette_integration::registry::{Fault, FaultTimes, Profile, Registry, RequestKind};
use diskette_integration::scene::Scene;

/// The connection breaks after so many bytes of each request.
const PIECE: u64 = 100 << 20;

/// A resumed push may send this much twice, in bytes: `Range: 0-0` leaves open whether a byte came.
const AGAIN: u64 = 1;

/// Returns the length of the disk in bytes: `$DISKETTE_CUT_GIB`, for soak tests, or one that takes seconds.
fn len() -> u64 {
    let given = std::env::var("DISKETTE_CUT_GIB").ok();
    given.map_or(256 << 20, |gib| gib.parse::<u64>().unwrap() << 30)
}

#[test]
#[expect(clippy::print_stdout, reason = "the figures of soak tests are shown")]
fn a_long_push_that_is_cut_again_and_again() {
    let scene = Scene::new();
    // A layer that is not compressed is as long as its disk, and the disk takes no space.
    let data: Vec<_> = (0..16).map(|seed| mixed_bytes(seed, MIB)).collect();
    let places = (0..).zip(&data).map(|(place, data)| (len() / 16 * place, &data[..]));
    write_sparse(&scene.path("disk.raw"), len(), &places.collect::<Vec<_>>());
    scene.write_spec("amd64: { disk: disk.raw }");
    let digest = scene.build(&["--compression", "none"]);
    let layout = Layout::open(&scene.path("out"));
    let layer = layout.images("1")[0].manifest.layers()[0].clone();
    for way in ["push", "build"] {
        let registry = Registry::start(Profile {
            auth: AuthScheme::None,
            keep: BlobStorage::Digest,
            ..Profile::DISTRIBUTION_3
        });
        registry.inject(RequestKind::Body, Fault::CutAt(PIECE), FaultTimes::Always);
        let image = registry.reference("team/vm:1");
        let args = match way {
            "push" => vec!["push", "-q", "-l", "out", "1", &image],
            _ => vec!["build", "-q", "--no-cache", "--compression", "none", "--push", "-t", &image],
        };
        let started = Instant::now();
        assert_eq!(scene.run(args).digest(), digest, "{way}");
        // The registry computed the digest of what it got.
        let (received, _) = registry.blob(layer.digest().as_ref()).unwrap();
        assert_eq!(received, layer.size(), "{way}");
        assert_eq!(registry.manifest("team/vm", "1").unwrap().digest, digest, "{way}");
        let (cuts, sent) = (u64::from(registry.fault_count()), registry.received_bytes());
        println!("{way}: {sent} bytes sent for {received}, {cuts} cuts, {:?}", started.elapsed());
        assert!(cuts >= len() / PIECE, "{way}: {cuts}");
        let small = 64 << 10;
        assert!(sent <= layer.size() + small + cuts * AGAIN, "{way}: {sent}");
    }
}
