//! Users, passwords and signatures in the URLs of a catalogue are shown nowhere.

use diskette_integration::registry::{Profile, Registry};
use diskette_integration::scene::Scene;
use diskette_integration::server::{Server, ServerAnswer};

/// Writes a catalogue of a list with secrets in its URL and in that of its mirror.
fn write_catalogue(scene: &Scene, server: &Server, registry: &Registry, list: &str) {
    let url = server.url(list).replace("http://", "http://secretuser:secretpw@");
    scene.write(
        "c.yaml",
        format!(
            "apiVersion: diskette/v1\nimage: {}\nplatforms: [linux/amd64]\nrelease:\n  from: checksums\n  \
             url: {url}?sig=secretsig\n  file: d-(?<version>.*)[.]img\n  \
             mirrors: ['http://secretuser:secretpw@127.0.0.1:9/']\n",
            registry.reference("me/d")
        ),
    );
}

#[test]
fn urls_are_shown_without_secrets() {
    let scene = Scene::new();
    let disk = b"a disk of some bytes".repeat(100);
    let list = format!("{}  d-1.img\n", diskette_integration::disk::sha256(&disk));
    let server = Server::start([
        ("/SUMS", ServerAnswer::Content(list.clone().into_bytes())),
        ("/SUMS?sig=secretsig", ServerAnswer::Content(list.into_bytes())),
        ("/page?sig=secretsig", ServerAnswer::Content(b"<html>".to_vec())),
        ("/d-1.img", ServerAnswer::Content(disk)),
    ]);
    let registry = Registry::start(Profile::DISTRIBUTION_3);
    let check = |list: &str, args: &[&str], status: i32, said: &str| {
        write_catalogue(&scene, &server, &registry, list);
        let outcome = scene.run(args);
        let files = ["results.json", "metrics", "status.html"].map(|file| scene.path(file));
        let written = files.iter().filter_map(|file| std::fs::read_to_string(file).ok());
        let all = outcome.transcript() + &written.collect::<String>();
        assert!(!all.contains("secret"), "{args:?}: {all}");
        assert_eq!(outcome.status, status, "{args:?}: {all}");
        assert!(all.contains(said), "{args:?}: {all}");
    };
    let url = server.url("/d-1.img");
    check("/SUMS", &["releases", "c.yaml"], 0, &url);
    let json = ["releases", "c.yaml", "--output-format", "json"];
    check("/SUMS", &json, 0, &format!("\"url\": \"{url}\""));
    check("/SUMS", &json, 0, "\"http://127.0.0.1:9/d-1.img\"");
    for more in [&[][..], &["--output-format", "json"]] {
        let own = ["releases", "c.yaml", "--check-links", "--retry", "0"];
        let args: Vec<&str> = own.iter().chain(more).copied().collect();
        check("/SUMS", &args, 1, "127.0.0.1:9/d-1.img");
    }
    for format in ["text", "json", "matrix", "tekton"] {
        check("/SUMS", &["sync", "c.yaml", "--list", "--output-format", format], 0, "d");
    }
    let sync = ["sync", "c.yaml", "--results-file", "results.json", "--metrics", "metrics"];
    // What a result says of a list that is none.
    check("/page", &sync, 1, "is not ");
    check("/page", &["results", "results.json", "--output-format", "junit"], 1, "<failure");
    check("/SUMS", &sync, 0, &format!("\"Source\": \"{url}\""));
    check("/SUMS", &["docs", "c.yaml", "--results-file", "results.json"], 0, "me/d");
    check("/SUMS", &["docs", "c.yaml", "--status"], 0, "me/d");
}
