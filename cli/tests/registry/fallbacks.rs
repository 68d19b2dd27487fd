//! A mirror is asked before anything is waited for, and once; what cannot get better is not waited for.

use std::time::{Duration, Instant};

use diskette_integration::registry::test_images::TestImages;
use diskette_integration::registry::{Fault, FaultTimes, Profile, Registry, RequestKind};
use diskette_integration::scene::{ProgramOutcome, Scene};
use diskette_integration::server::{Server, ServerAnswer};

/// Nobody listens there.
const NOWHERE: &str = "127.0.0.1:1";

/// Longer than a failure at the first contact takes, and shorter than the pauses of all attempts.
const SOON: Duration = Duration::from_secs(3);

fn assert_soon(since: Instant, what: &dyn std::fmt::Debug) {
    assert!(since.elapsed() < SOON, "{what:?}: {:?}", since.elapsed());
}

#[test]
fn a_refused_first_contact_is_not_repeated() {
    let scene = Scene::with_disk();
    scene.build(&[]);
    let image = format!("{NOWHERE}/a/vm:1");
    let checksum = format!("--checksum=sha256:{}", "0".repeat(64));
    let dockerfile = format!("FROM scratch\nADD {checksum} http://{NOWHERE}/x.raw /disk/\n");
    scene.write("b/Dockerfile", dockerfile);
    let check = |args: &[&str]| {
        let since = Instant::now();
        let outcome = scene.run(args);
        assert_ne!(outcome.status, 0, "{args:?}");
        assert_soon(since, &args);
        let said = format!("cannot connect to {NOWHERE}: Connection refused");
        assert!(outcome.stderr.contains(&said), "{args:?}: {}", outcome.stderr);
    };
    check(&["pull", &image, "-o", "oci:back"]);
    check(&["push", "-l", "out", "1", &image]);
    check(&["copy", &image, "oci:back"]);
    check(&["copy", "oci:out:1", &image]);
    check(&["tags", &format!("{NOWHERE}/a/vm")]);
    check(&["build", "--push", "-t", &image]);
    check(&["build", "-o", "oci:other", "b"]);
}

/// Pulls an image of which `registries.conf` names mirrors.
fn pull(registry: &Registry, mirrors: &[String]) -> (Scene, ProgramOutcome) {
    let scene = TestImages::scene(registry);
    let mirrors =
        mirrors.iter().map(|mirror| format!("[[registry.mirror]]\nlocation = \"{mirror}\"\n"));
    let address = registry.address();
    let config = format!("[[registry]]\nlocation = \"{address}\"\n{}", mirrors.collect::<String>());
    let path = scene.write("registries.conf", config);
    let there = registry.reference("team/vm:1");
    let args = ["pull", &there, "-o", "oci:back", "--progress", "none", "--authfile", "auth.json"];
    let mut command = scene.program(args);
    command.env("CONTAINERS_REGISTRIES_CONF", path);
    let outcome = scene.run_command(command);
    (scene, outcome)
}

fn host(server: &Server) -> String {
    server.url("").replace("http://", "")
}

#[test]
fn a_mirror_that_fails_is_asked_once() {
    let Some(goods) = TestImages::new() else { return };
    for status in [500, 502, 503, 429, 403, 404] {
        let registry = goods.registry(Profile::DISTRIBUTION_3);
        let paths = ["/v2/", "/v2/team/vm/manifests/1"];
        let server = Server::start(paths.map(|path| (path, ServerAnswer::Status(status))));
        let since = Instant::now();
        let (_scene, outcome) = pull(&registry, &[NOWHERE.into(), host(&server)]);
        assert_eq!(outcome.status, 0, "{status}: {}", outcome.stderr);
        assert_soon(since, &status);
        let asked = server.take_requests();
        let pings = asked.iter().filter(|path| *path == "/v2/").count();
        assert_eq!(pings, 1, "{status}: {asked:?}");
        if status >= 429 {
            assert_eq!(asked.len(), 1, "{status}: {asked:?}");
        }
    }
}

#[test]
fn a_download_that_a_mirror_breaks_off_goes_on_at_the_next() {
    let Some(goods) = TestImages::new() else { return };
    for fault in [Fault::ResetInside, Fault::CutHead, Fault::Status(403), Fault::Status(404)] {
        let registry = goods.registry(Profile { faults: &[], ..Profile::DISTRIBUTION_3 });
        let mirror = goods.registry(Profile { faults: &[], ..Profile::DISTRIBUTION_3 });
        mirror.inject(RequestKind::GetBlob, fault.clone(), FaultTimes::Always);
        let since = Instant::now();
        let (_scene, outcome) = pull(&registry, &[mirror.address()]);
        assert_eq!(outcome.status, 0, "{fault:?}: {}", outcome.stderr);
        assert_soon(since, &fault);
        assert_ne!(mirror.fault_count(), 0, "{fault:?}: the mirror was not asked");
    }
}

/// The registry itself is the last, and waited for.
#[test]
fn the_last_place_is_asked_again() {
    let Some(goods) = TestImages::new() else { return };
    let registry = goods.registry(Profile { faults: &[], ..Profile::DISTRIBUTION_3 });
    registry.inject(RequestKind::Tag, Fault::Status(503), FaultTimes::First(2));
    let (_scene, outcome) = pull(&registry, &[NOWHERE.into()]);
    assert_eq!(outcome.status, 0, "{}", outcome.stderr);
    assert_eq!(registry.fault_count(), 2);
}
