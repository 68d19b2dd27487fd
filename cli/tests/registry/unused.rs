//! Settings that no request needs stop nothing; `doctor` reports them.

use diskette_integration::docker_registry::DockerRegistry;
use diskette_integration::scene::Scene;
use serde_json::Value;

const VERSION_1: &str = "[registries.insecure]\nregistries = ['other.invalid']\n";
const NO_REGISTRY: &str = "[[registry.mirror]]\nlocation = '192.168.0.127:5000'\n";
const OTHER_REGISTRY: &str = "[[registry]]\nlocation = 'https://other.invalid'\n";

/// Runs a command with a variable and a registries.conf.
fn run(scene: &Scene, setting: (&str, &str), args: &[&str]) -> (i32, String) {
    let mut command = scene.program(args);
    let (name, value) = setting;
    if name == "CONTAINERS_REGISTRIES_CONF" && value != "none" {
        scene.write("registries.conf", value);
        command.env(name, scene.path("registries.conf"));
    } else {
        command.env(name, value);
    }
    let outcome = scene.run_command(command);
    (outcome.status, outcome.transcript())
}

/// Settings, whether a registry on this machine can be used with them, and what `doctor` says.
const SETTINGS: [((&str, &str), bool, &str); 10] = [
    (("HTTPS_PROXY", "socks4://127.0.0.1:1"), true, "`$HTTPS_PROXY` names a proxy that is neither"),
    (("ALL_PROXY", "ftp://127.0.0.1:1"), true, "`$ALL_PROXY` names a proxy that is neither"),
    (("http_proxy", "http://a b"), true, "`$http_proxy` does not name a proxy"),
    (("HTTPS_PROXY", "socks5://127.0.0.1:1"), true, ""),
    (("CONTAINERS_REGISTRIES_CONF", VERSION_1), true, ""),
    (("CONTAINERS_REGISTRIES_CONF", OTHER_REGISTRY), true, "is named without `http://`"),
    (("CONTAINERS_REGISTRIES_CONF", NO_REGISTRY), false, "invalid type: map, expected a sequence"),
    (("CONTAINERS_REGISTRIES_CONF", "none"), false, "cannot find `none`"),
    (("REGISTRY_AUTH_FILE", "none"), true, "none"),
    (
        ("DOCKER_AUTH_CONFIG", "{\"auths\": {\"other.invalid\": {\"auth\": \"?\"}}}"),
        true,
        "other.invalid",
    ),
];

#[test]
fn settings_that_nothing_needs_stop_nothing() {
    let scene = Scene::with_disk();
    let Some(registry) = DockerRegistry::start_open(&scene) else { return };
    scene.write("c/Dockerfile", "FROM scratch\nCOPY --chown=107:107 d.raw /disk/\n");
    scene.write("c/d.raw", diskette_integration::disk::mixed_bytes(1, 8192));
    scene.build(&[]);
    let image = registry.reference("vm:1");
    let local: [&[&str]; 6] = [
        &["build", "c", "-q", "-o", "oci:other"],
        &["build", "c", "--check"],
        &["verify", "oci:out:1"],
        &["inspect", "oci:out:1"],
        &["diff", "oci:out:1", "oci:out:1"],
        &["copy", "-q", "oci:out:1", "oci:third:1"],
    ];
    for (setting, works, finding) in SETTINGS {
        for args in local {
            let (status, said) = run(&scene, setting, args);
            assert_eq!(status, 0, "{setting:?} {args:?}: {said}");
        }
        let push = ["push", "-q", "-l", "out", "1", &image, "--retry", "0"];
        let (status, said) = run(&scene, setting, &push);
        assert_eq!(status, i32::from(!works), "{setting:?}: {said}");
        let (status, said) = run(&scene, setting, &["doctor", "--format", "json"]);
        assert_eq!(status, i32::from(!finding.is_empty()), "{setting:?}: {said}");
        assert!(said.contains(finding), "{setting:?}: {said}");
    }
}

#[test]
fn certificates_of_another_registry_stop_nothing() {
    let scene = Scene::with_disk();
    let Some(registry) = DockerRegistry::start_open(&scene) else { return };
    scene.build(&[]);
    scene.write("home/.config/containers/certs.d/other.invalid/client.key", "");
    let pushed = scene.run(["push", "-q", "-l", "out", "1", &registry.reference("vm:1")]);
    assert_eq!(pushed.status, 0, "{}", pushed.stderr);
    let outcome = scene.run(["doctor", "--format", "json"]);
    let found: Vec<Value> = serde_json::from_slice(&outcome.stdout).unwrap();
    let fits = |it: &Value| it["subject"] == "certs.d" && it["health"] == "problem";
    assert!(outcome.status == 1 && found.iter().any(fits), "{found:#?}");
}
