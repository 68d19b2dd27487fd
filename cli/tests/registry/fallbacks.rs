//! A mirror is asked before anything is waited for, and once; what cannot get better is not waited for.

use std::io;
use std::net::{Shutdown, TcpListener, TcpStream};
use std::thread;
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

/// Plain HTTP is tried where the server accepts a TLS connection, but never answers on it.
#[test]
fn an_insecure_registry_that_is_silent_about_tls_is_asked_without() {
    let Some(goods) = TestImages::new() else { return };
    let registry = goods.registry(Profile { faults: &[], ..Profile::DISTRIBUTION_3 });
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let front = listener.local_addr().unwrap().to_string();
    let behind = registry.address();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let (client, behind) = (stream.unwrap(), behind.clone());
            thread::spawn(move || forward_http(&client, &behind));
        }
    });
    let scene = TestImages::scene(&registry);
    let mirror = format!("[[registry.mirror]]\nlocation = \"{front}\"\ninsecure = true\n");
    let config = format!("[[registry]]\nlocation = \"{NOWHERE}\"\n{mirror}");
    scene.write("registries.conf", config);
    let image = format!("{NOWHERE}/team/vm:1");
    let mut command = scene.program(["pull", &image, "-o", "oci:back", "--timeout", "1"]);
    command.env("CONTAINERS_REGISTRIES_CONF", scene.path("registries.conf"));
    let outcome = scene.run_command(command);
    assert_eq!(outcome.status, 0, "{}", outcome.stderr);
}

/// Passes a connection on, unless it begins with a record of TLS.
fn forward_http(client: &TcpStream, address: &str) {
    let mut first = [0];
    if client.peek(&mut first).unwrap_or(0) == 0 {
        return;
    }
    if first[0] == 0x16 {
        // Until the client gives up.
        drop(io::copy(&mut &*client, &mut io::sink()));
        return;
    }
    let server = TcpStream::connect(address).unwrap();
    thread::scope(|scope| {
        scope.spawn(|| {
            drop(io::copy(&mut &*client, &mut &server));
            drop(server.shutdown(Shutdown::Write));
        });
        drop(io::copy(&mut &server, &mut &*client));
        drop(client.shutdown(Shutdown::Both));
    });
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
