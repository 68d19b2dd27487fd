//! What the doctor says is so.

use diskette_integration::daemon::free_port;
use diskette_integration::docker_registry::{DockerRegistry, USER, htpasswd_settings};
use diskette_integration::scene::Scene;
use serde_json::Value;

fn findings(scene: &Scene, args: &[&str]) -> (i32, Vec<(String, String, String)>) {
    let outcome = scene.run(["doctor", "--format", "json", "--retry", "0"].iter().chain(args));
    let found: Vec<Value> = serde_json::from_slice(&outcome.stdout).unwrap_or_default();
    let text = |it: &Value, name: &str| it[name].as_str().unwrap_or_default().to_owned();
    let found = found.iter();
    let all = found.map(|it| (text(it, "health"), text(it, "subject"), text(it, "text")));
    (outcome.status, all.collect())
}

fn says(found: &[(String, String, String)], health: &str, subject: &str, part: &str) {
    let fits = |(it, about, text): &(String, String, String)| {
        it == health && about == subject && text.contains(part)
    };
    assert!(found.iter().any(fits), "{health} {subject} {part}: {found:#?}");
}

#[test]
fn the_machine_is_looked_at() {
    let scene = Scene::new();
    let (status, found) = findings(&scene, &[]);
    assert_eq!(status, 0, "{found:?}");
    says(&found, "ok", "processors", "layers are compressed by");
    says(&found, "ok", "cache", "will be made");
    says(&found, "ok", "temporary files", "MiB free");
    scene.write("d.raw", diskette_integration::disk::mixed_bytes(1, 8192));
    scene.write("diskette.yaml", "apiVersion: diskette/v1\nplatforms: {amd64: {disk: d.raw}}\n");
    scene.wait_until_old();
    scene.build(&[]);
    says(&findings(&scene, &[]).1, "ok", "cache", "1 entries");
    let text = scene.run(["doctor"]);
    assert!(String::from_utf8_lossy(&text.stdout).contains("ok\tprocessors\t"));
    assert_eq!(scene.run(["doctor", "https://x"]).status, 2);
}

#[test]
fn registries_are_asked() {
    let scene = Scene::new();
    let Some(open) = DockerRegistry::start_open(&scene) else { return };
    let Some(closed) = DockerRegistry::start(&scene, "closed", &[htpasswd_settings(&scene)]) else {
        return;
    };
    let (open, closed) = (open.address(), closed.address());
    let nobody = format!("127.0.0.1:{}", free_port());
    let image = format!("{open}/me/vm:1");
    let (status, found) = findings(&scene, &[&open, &closed, &image]);
    assert_eq!(status, 0, "{found:#?}");
    says(&found, "ok", &open, "reachable, anonymous access");
    says(&found, "note", &closed, "reachable, requires a credential: `diskette login");
    says(&found, "note", &image, "the image does not exist yet");
    let (status, found) = findings(&scene, &[&nobody]);
    assert_eq!(status, 1);
    says(&found, "problem", &nobody, "Connection refused");
    let auth = |user: &str| {
        let encoded = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, user);
        let auths = serde_json::json!({ "auths": { closed.as_str(): { "auth": encoded } } });
        scene.write("home/.docker/config.json", auths.to_string());
    };
    auth(USER);
    let (status, found) = findings(&scene, &[&closed]);
    assert_eq!(status, 0, "{found:#?}");
    says(&found, "ok", &closed, "config.json: used: ");
    says(&found, "ok", &closed, "reachable, credential accepted");
    auth("me:wrong");
    let (status, found) = findings(&scene, &[&closed]);
    assert_eq!(status, 1);
    says(&found, "problem", &closed, "the credential is refused");
}
