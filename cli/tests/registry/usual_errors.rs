//! The errors that users of registries meet most. What is said is in `errors/registry`, of which
//! docs/errors.md is made.

use std::net::TcpListener;

use diskette_integration::certificates::{Authority, Validity};
use diskette_integration::docker_registry::{DockerRegistry, htpasswd_settings};
use diskette_integration::scene::Scene;
use serde_json::json;
use snapbox::{Data, assert_data_eq, file};

/// Runs a command that fails, and compares what is said.
fn check(scene: &Scene, registry: &str, args: &[&str], expected: Data) {
    let said = scene.run(args.iter().chain(&["--retry", "0"])).transcript();
    // OpenSSL 3.0 has an older name for the alerts of TLS.
    let said = said.replace("sslv3 alert", "ssl/tls alert");
    assert_data_eq!(said.replace(registry, "[REGISTRY]"), expected.raw());
}

#[test]
fn nothing_listens() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    drop(listener);
    let name = format!("{address}/me/vm:1");
    check(
        &Scene::new(),
        &address,
        &["inspect", &name],
        file!["../../errors/registry/connection-refused.stderr"],
    );
}

#[test]
fn the_image_is_missing() {
    let scene = Scene::with_image();
    let Some(registry) = DockerRegistry::start_open(&scene) else { return };
    check(
        &scene,
        &registry.address(),
        &["inspect", &registry.reference("me/vm:1")],
        file!["../../errors/registry/image-not-found.stderr"],
    );
}

#[test]
fn logins() {
    let scene = Scene::with_disk();
    scene.build(&[]);
    let settings = [htpasswd_settings(&scene)];
    let Some(registry) = DockerRegistry::start(&scene, "registry", &settings) else { return };
    let name = registry.reference("me/vm:1");
    let push = ["push", "-l", "out", "1", &name, "--progress", "none"];
    let address = registry.address();
    check(&scene, &address, &push, file!["../../errors/registry/not-logged-in.stderr"]);
    let wrong: Vec<&str> = push.into_iter().chain(["--creds", "me:wrong"]).collect();
    check(&scene, &address, &wrong, file!["../../errors/registry/wrong-password.stderr"]);
}

#[test]
fn certificates() {
    let scene = Scene::new();
    let Some(authority) = Authority::new(&scene, "authority") else { return };
    let pair = authority.issue("server", "IP:127.0.0.1", Validity::Good);
    let settings =
        [("/http/tls/certificate", json!(pair.certificate)), ("/http/tls/key", json!(pair.key))];
    let Some(registry) = DockerRegistry::start(&scene, "registry", &settings) else { return };
    let name = registry.reference("me/vm");
    let address = registry.address();
    check(
        &scene,
        &address,
        &["tags", &name, "--tls-verify"],
        file!["../../errors/registry/unknown-authority.stderr"],
    );
    check(
        &scene,
        &address,
        &["tags", &name, "--plain-http"],
        file!["../../errors/registry/http-instead-of-https.stderr"],
    );
}

#[test]
fn a_registry_without_tls() {
    let scene = Scene::new();
    let Some(registry) = DockerRegistry::start_open(&scene) else { return };
    check(
        &scene,
        &registry.address(),
        &["tags", &registry.reference("me/vm"), "--tls-verify"],
        file!["../../errors/registry/https-instead-of-http.stderr"],
    );
}
